import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeRow } from "../../shared/store/rows.ts";
import { addOf, type FunctionRig, GOOD_ADD, startFunctionRig } from "../support/function-deps.ts";

const ADD = "AddChatappPhoneNumber";
const NOW = "2026-01-02T03:04:05.000Z";

let rig: FunctionRig;
beforeEach(async () => {
  rig = await startFunctionRig();
});
afterEach(() => rig.close());

const addNumber = async (cc: string, phoneNumber: string, headers = {}) =>
  rig.add(addOf({ ...GOOD_ADD, cc, phoneNumber }, { headers }));

describe("the response to an add", () => {
  it("names a number that can exist, without the trunk prefix", async () => {
    const { status, body } = await addNumber("44", "07700 900142");
    expect([status, body.phoneNumber]).toEqual([201, "447700900142"]);
    expect(body.warnings).toEqual([
      {
        path: "phoneNumber",
        message: "holds the prefix 0, for home calls",
      },
    ]);
  });

  it("keeps the 0 of an Italian number, without a warning", async () => {
    const { body } = await addNumber("39", "06 5550142");
    expect([body.phoneNumber, body.warnings]).toEqual(["39065550142", undefined]);
  });

  it("names the invisible characters that were removed", async () => {
    const { body } = await addNumber("44", "\u202d7700 900142\u202c");
    expect(body.phoneNumber).toBe("447700900142");
    expect(body.warnings).toEqual([
      {
        path: "phoneNumber",
        message: "held invisible characters (removed): U+202D, U+202C",
      },
    ]);
  });

  it("is the same again for a repeated Idempotency-Key, warnings included", async () => {
    const keyed = () => addNumber("49", "49151 1234567", { "idempotency-key": "k" });
    const first = await keyed();
    expect(first.body.warnings).toHaveLength(1);
    expect((await keyed()).text).toBe(first.text);
  });

  it.each([
    ["1", "14155550123"],
    ["86", "8613800001234"],
    ["49", "004915112345678"],
    ["44", "447700900142"],
  ])("refuses +%s %s, which no plan has, without an upstream call", async (cc, national) => {
    const { status, body } = await addNumber(cc, national);
    expect([status, body.code]).toEqual([400, "ERR_INVALID_REQUEST"]);
    expect(body.issues).toMatchObject([{ path: "phoneNumber" }]);
    expect(rig.calls()).toEqual({ adds: 0, queries: 0 });
  });

  it("names a character that only looks like a digit", async () => {
    expect((await addNumber("44", "770090014\u0662")).body.issues).toEqual([
      {
        path: "phoneNumber",
        message: "must be 4 to 14 digits without the country code, and holds U+0662",
      },
    ]);
  });
});

describe("the proof of an add whose response was lost", () => {
  const lost = () => rig.upstream.control.fault({ kind: "reset-before", action: ADD });
  const list = (PhoneNumber: string, Status: string) =>
    rig.upstream.control.addCustomer("acme", [{ PhoneNumber, Status }]);

  it.each([
    ["44", "7700900142", "447700900142", "PENDING", 201],
    ["44", "7700900142", "447700900142", "DELETED", 504],
    ["44", "7700900142", "447700900142", "MIGRATED", 504],
    ["44", "7700900142", "447700900142", " Banned ", 504],
    ["55", "21925550142", "552125550142", "CONNECTED", 504],
    ["55", "21985550142", "552185550142", "CONNECTED", 201],
    ["52", "3355501042", "5213355501042", "UNVERIFIED", 201],
    ["39", "0612345678", "39612345678", "PENDING", 504],
  ])(
    "of +%s %s in a list with %s %s: %i is answered",
    async (cc, national, listed, status, answer) => {
      lost();
      list(listed, status);
      expect((await addNumber(cc, national)).status).toBe(answer);
    },
  );

  it("is no row that the store knew before", async () => {
    const numbers = { "447700900142": { fields: { status: "CONNECTED" }, observedAt: NOW } };
    const row = { schema: 1, seq: 1, baselineAt: NOW, numbers, pending: [] };
    await rig.store.put("c/acme", encodeRow(row), "absent");
    lost();
    list("447700900142", "CONNECTED");
    const { status, body } = await addNumber("44", "7700900142");
    expect([status, body.code]).toEqual([504, "ERR_ADD_OUTCOME_UNKNOWN"]);
  });

  it.each(["447700900142", "4407700900142"])(
    "is no row that the store knew before as %s, in two rows that contradict each other",
    async (known) => {
      const unclear = { [known]: { reads: 1, since: NOW, code: "ERR_UPSTREAM_CONTRACT" } };
      const row = { schema: 2, seq: 1, baselineAt: NOW, numbers: {}, unclear, pending: [] };
      await rig.store.put("c/acme", encodeRow(row), "absent");
      rig.upstream.control.fault({ kind: "code", code: "InternalError", action: ADD });
      list("447700900142", "CONNECTED");
      const { status, body } = await addNumber("44", "7700900142");
      expect([status, body.code]).toEqual([504, "ERR_ADD_OUTCOME_UNKNOWN"]);
    },
  );

  it("is an exact row beside the near form that the store knew", async () => {
    const numbers = { "552185550142": { fields: { status: "CONNECTED" }, observedAt: NOW } };
    const row = { schema: 1, seq: 1, baselineAt: NOW, numbers, pending: [] };
    await rig.store.put("c/acme", encodeRow(row), "absent");
    lost();
    list("552185550142", "CONNECTED");
    rig.upstream.control.setNumber("acme", "5521985550142", { Status: "PENDING" });
    expect((await addNumber("55", "21985550142")).body.outcome).toBe("confirmed");
  });

  it("is no row that changed while an abandoned request was open", async () => {
    const keyed = () => addNumber("44", "7700900142", { "idempotency-key": "k" });
    lost();
    expect((await keyed()).status).toBe(504);
    const later = "2026-01-02T03:05:05.000Z";
    const numbers = { "447700900142": { fields: { status: "CONNECTED" }, observedAt: later } };
    const { value, version } = (await rig.store.get("c/acme")) ?? { value: "{}", version: "" };
    const known = { ...JSON.parse(value), baselineAt: NOW, numbers };
    await rig.store.put("c/acme", encodeRow(known), version);
    list("447700900142", "CONNECTED");
    expect((await keyed()).status).toBe(504);
  });

  it.each([
    ["2026-01-02T03:04:05.000Z", 504],
    ["2026-01-02T03:04:35.000Z", 201],
  ])("of an abandoned request, in two rows from %s on: %i is answered", async (since, answer) => {
    const keyed = () => addNumber("44", "7700900142", { "idempotency-key": "k" });
    lost();
    expect((await keyed()).status).toBe(504);
    const unclear = { "447700900142": { reads: 1, since, code: "ERR_UPSTREAM_CONTRACT" } };
    const { value, version } = (await rig.store.get("c/acme")) ?? { value: "{}", version: "" };
    const known = { ...JSON.parse(value), baselineAt: NOW, unclear };
    await rig.store.put("c/acme", encodeRow(known), version);
    list("447700900142", "CONNECTED");
    rig.clock.advance(60_000);
    expect((await keyed()).status).toBe(answer);
  });

  it("may be a row beside one whose status has no text", async () => {
    lost();
    list("447700900142", "PENDING");
    const Status = { toString: 1 } as unknown as string;
    rig.upstream.control.setNumber("acme", "447700900999", { Status });
    expect((await addNumber("44", "7700900142")).body.outcome).toBe("confirmed");
  });

  it.each(["DELETED", " Migrated "])("may be a number again that was %s", async (status) => {
    const numbers = { "447700900142": { fields: { status }, observedAt: NOW } };
    const row = { schema: 1, seq: 1, baselineAt: NOW, numbers, pending: [] };
    await rig.store.put("c/acme", encodeRow(row), "absent");
    lost();
    list("447700900142", "PENDING");
    expect((await addNumber("44", "7700900142")).body.outcome).toBe("confirmed");
  });
});
