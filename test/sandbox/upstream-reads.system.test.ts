import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type SandboxUpstream, startUpstream } from "./upstream.ts";
import { CREDENTIALS, call, EPOCH, query } from "./upstream-test-client.ts";

let upstream: SandboxUpstream;
beforeEach(async () => {
  upstream = await startUpstream({ credentials: [CREDENTIALS], now: () => EPOCH });
});
afterEach(() => upstream.close());

const sync = (custSpaceId: string) => ({
  Action: "ChatappSyncPhoneNumber",
  CustSpaceId: custSpaceId,
});
const list = (params: Readonly<Record<string, string>> = {}) => ({
  Action: "ListInstance",
  ...params,
});
const answer = async (business: Readonly<Record<string, string>>) =>
  (await call(upstream.url, business)).json();
const statuses = async (business: Readonly<Record<string, string>>) =>
  ((await answer(business)).PhoneNumbers as { Status: string }[]).map(({ Status }) => Status);
const spaces = async (params: Readonly<Record<string, string>>) => {
  const { Data, TotalCount } = await answer(list(params));
  return [TotalCount, ...(Data as { CustSpaceId: string }[]).map((row) => row.CustSpaceId)];
};

describe("the sandbox upstream's ChatappSyncPhoneNumber", () => {
  it("replies as Query does", async () => {
    upstream.control.addCustomer("c1", [{ PhoneNumber: "15550001" }]);
    const [synced, queried] = [await answer(sync("c1")), await answer(query("c1"))];
    expect({ ...synced, RequestId: "" }).toEqual({ ...queried, RequestId: "" });
    expect(synced).toMatchObject({ Code: "OK", PhoneNumbers: [{ PhoneNumber: "15550001" }] });
  });

  it("requires a customer that exists and is not refused", async () => {
    upstream.control.addCustomer("c1");
    upstream.control.refuse("c1", "Product.Unsubscript");
    expect((await answer(sync(""))).Code).toBe("MissingCustSpaceId");
    expect((await answer(sync("self"))).Code).toBe("Unknown.ResourceOwnerId");
    expect((await answer(sync("c2"))).Code).toBe("Unknown.ResourceOwnerId");
    expect((await answer(sync("c1"))).Code).toBe("Product.Unsubscript");
  });

  it("has its own ten calls a second", async () => {
    upstream.control.addCustomer("c1");
    const burst = async (business: Readonly<Record<string, string>>) => {
      const answers = await Promise.all(
        Array.from({ length: 11 }, () => call(upstream.url, business)),
      );
      return answers.filter(({ status }) => status === 200).length;
    };
    expect(await burst(query("c1"))).toBe(10);
    expect(await burst(sync("c1"))).toBe(10);
    expect(await burst(list())).toBe(10);
    expect(upstream.control.throttledCount()).toBe(3);
  });
});

describe("a lagging copy", () => {
  beforeEach(() => {
    upstream.control.addCustomer("c1", [{ PhoneNumber: "1" }]);
    upstream.control.lag("c1", true);
    upstream.control.connect("c1", "1");
  });

  it("is what Query lists until the next Sync, which lists the true state", async () => {
    expect(await statuses(query("c1"))).toEqual(["PENDING"]);
    expect(await statuses(query("c1"))).toEqual(["PENDING"]);
    expect(await statuses(sync("c1"))).toEqual(["CONNECTED"]);
    expect(await statuses(query("c1"))).toEqual(["CONNECTED"]);
    upstream.control.setNumber("c1", "1", { Status: "BANNED" });
    upstream.control.setNumber("c1", "2", {});
    expect(await statuses(query("c1"))).toEqual(["CONNECTED"]);
    expect(await statuses(sync("c1"))).toEqual(["BANNED", "PENDING"]);
    expect(upstream.control.numbers("c1")).toMatchObject([{ Status: "BANNED" }, {}]);
  });

  it("stays if lag is switched on again, and ends if it is switched off", async () => {
    upstream.control.lag("c1", true);
    expect(await statuses(query("c1"))).toEqual(["PENDING"]);
    upstream.control.lag("c1", false);
    expect(await statuses(query("c1"))).toEqual(["CONNECTED"]);
    upstream.control.setNumber("c1", "1", { Status: "FLAGGED" });
    expect(await statuses(query("c1"))).toEqual(["FLAGGED"]);
  });

  it("is not refreshed by a Sync that is not carried out", async () => {
    const action = "ChatappSyncPhoneNumber";
    upstream.control.fault({ kind: "html-502", action });
    await call(upstream.url, sync("c1"));
    expect(await statuses(query("c1"))).toEqual(["PENDING"]);
    upstream.control.fault({ kind: "reset-after", action });
    await expect(call(upstream.url, sync("c1"))).rejects.toThrow();
    expect(await statuses(query("c1"))).toEqual(["CONNECTED"]);
  });
});

describe("the sandbox upstream's ListInstance", () => {
  beforeEach(() => {
    for (const id of ["c1", "c2", "c3"]) upstream.control.addCustomer(id);
  });

  it("lists every customer except the account itself, of one channel or of all", async () => {
    expect(await spaces({ ChannelType: "whatsapp" })).toEqual([3, "c1", "c2", "c3"]);
    expect(await spaces({})).toEqual([5, "viber-space-1", "viber-space-2", "c1", "c2", "c3"]);
    expect(await spaces({ ChannelType: "instagram" })).toEqual([0]);
  });

  it("lists an instance with its documented fields", async () => {
    const { Data, ...rest } = await answer(list({ ChannelType: "whatsapp", PageSize: "1" }));
    expect(rest).toMatchObject({ Code: "OK", Success: true, TotalCount: 3 });
    expect(Data).toEqual([
      {
        CustSpaceId: "c1",
        ChannelType: "whatsapp",
        InstanceId: "cams-c1",
        InstanceName: "Sandbox",
        State: "published",
        SubmitTime: "2026-01-01 00:00:00",
        FacebookBmId: "1",
        CountryId: "1",
        ContactMail: "contact@instance.example",
        IsvTerms: "terms",
        OfficeAddress: "example",
        InstanceDescription: "example",
        ResourceGroupId: "1",
        ResourceRegionId: "ap-southeast-1",
      },
    ]);
  });

  it("returns pages, the last one short and later ones empty", async () => {
    const page = (PageIndex: string) =>
      spaces({ ChannelType: "whatsapp", PageIndex, PageSize: "2" });
    expect(await page("1")).toEqual([3, "c1", "c2"]);
    expect(await page("2")).toEqual([3, "c3"]);
    expect(await page("3")).toEqual([3]);
  });

  it("refuses an impossible page", async () => {
    for (const [name, value] of [
      ["PageIndex", "0"],
      ["PageIndex", "x"],
      ["PageSize", "101"],
    ]) {
      expect((await answer(list({ [`${name}`]: `${value}` }))).Code).toBe(
        "InvalidParameter.PageInvalid",
      );
    }
  });
});
