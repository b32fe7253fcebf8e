import {
  AddChatappPhoneNumberRequest,
  ChatappSyncPhoneNumberRequest,
  QueryChatappPhoneNumbersRequest,
} from "@alicloud/cams20200606";
import { describe, expect, it } from "vitest";
import { needsSource } from "../../../shared/deploy/needs-source.js";
import { ADD_NUMBER, QUERY_NUMBERS, SYNC_NUMBERS } from "../../../shared/signing/operations.ts";

/** The RAM actions of the role, if serverless.yml sets these variables for poll. */
async function allowedWith(poll: Readonly<Record<string, string>>): Promise<unknown> {
  const { value } = await needsSource.resolve({
    address: "actions",
    resolveConfigurationProperty: async ([, name, , setting]) =>
      name === "poll" ? poll[String(setting)] : undefined,
  });
  return value;
}

describe("the table of upstream operations", () => {
  // Version 1.4.2 of the SDK does not have ListInstance yet.
  it.each([
    [ADD_NUMBER, AddChatappPhoneNumberRequest],
    [QUERY_NUMBERS, QueryChatappPhoneNumbersRequest],
    [SYNC_NUMBERS, ChatappSyncPhoneNumberRequest],
  ])("$action has the parameters of the official SDK", ({ params }, { names }) => {
    expect([...params].sort()).toEqual(Object.keys(names()).sort());
  });

  it("gives a role the RAM actions that the settings use", async () => {
    const always = ["cams:AddChatappPhoneNumber", "cams:QueryChatappPhoneNumbers"];
    const list = "cams:ListInstance";
    const sync = "cams:ChatappSyncPhoneNumber";
    expect(await allowedWith({})).toEqual(always);
    expect(await allowedWith({ WATCH_DISCOVER: "off", WATCH_SYNC: "off" })).toEqual(always);
    expect(await allowedWith({ WATCH_DISCOVER: "on" })).toEqual([...always, list]);
    expect(await allowedWith({ WATCH_SYNC: "lane" })).toEqual([...always, sync]);
    expect(await allowedWith({ WATCH_DISCOVER: "on", WATCH_SYNC: "lane" })).toEqual([
      ...always,
      list,
      sync,
    ]);
  });
});
