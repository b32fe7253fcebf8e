import {
  AddChatappPhoneNumberRequest,
  ChatappSyncPhoneNumberRequest,
  QueryChatappPhoneNumbersRequest,
} from "@alicloud/cams20200606";
import { describe, expect, it } from "vitest";
import { ADD_NUMBER, QUERY_NUMBERS, SYNC_NUMBERS } from "../../../shared/signing/operations.ts";

describe("the table of upstream operations", () => {
  // Version 1.4.2 of the SDK does not have ListInstance yet.
  it.each([
    [ADD_NUMBER, AddChatappPhoneNumberRequest],
    [QUERY_NUMBERS, QueryChatappPhoneNumbersRequest],
    [SYNC_NUMBERS, ChatappSyncPhoneNumberRequest],
  ])("$action has the parameters of the official SDK", ({ params }, { names }) => {
    expect([...params].sort()).toEqual(Object.keys(names()).sort());
  });
});
