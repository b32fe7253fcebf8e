import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createQuery } from "../../functions/query.ts";
import { type CustomerRow, newCustomerRow } from "../../shared/schemas/customer-row.ts";
import { storedResponseSchema } from "../../shared/schemas/query.ts";
import type { Store } from "../../shared/store/store.ts";
import {
  API_KEYS,
  addOf,
  type FunctionRig,
  GOOD_ADD,
  invoke,
  queryEvent,
  START,
  startFunctionRig,
} from "../support/function-deps.ts";

let rig: FunctionRig;
beforeEach(async () => {
  rig = await startFunctionRig();
});
afterEach(() => rig.close());

const ask = (query: Record<string, string> = {}, key: string = API_KEYS.any) =>
  rig.query(queryEvent({ query: { source: "stored", ...query }, key }));

const putCustomer = (customer: string, row: object) =>
  rig.store.put(`c/${customer}`, JSON.stringify(row), "absent");

const ROW: CustomerRow = {
  schema: 1,
  seq: 1_767_323_000_123,
  baselineAt: "2026-01-02T02:00:00.000Z",
  observedAt: "2026-01-02T03:03:35.000Z",
  numbers: {
    "4915111": {
      fields: { status: "CONNECTED", qualityRating: "GREEN", verifiedName: "Ä" },
      observedAt: "2026-01-02T03:03:35.000Z",
    },
    "4915222": {
      fields: { status: "BANNED" },
      observedAt: "2026-01-02T02:00:00.000Z",
      missingSince: "2026-01-02T02:30:00.000Z",
    },
  },
  pending: [{ id: "evt_1", seq: 1_767_323_000_123, type: "t", body: "{}" }],
};

describe("query with source=stored", () => {
  const full = { startedAt: START - 10_000, endedAt: START - 5_000 };
  const pass = { cursor: "", startedAt: START - 10_000, done: true };
  const lease = {
    schema: 1,
    owner: "",
    until: 0,
    sweep: { ...pass, full },
    expiryCursor: "",
  };

  it("is as fresh as the last whole sweep, which read every customer", async () => {
    await putCustomer("acme", ROW);
    await rig.store.put("lease/poll", JSON.stringify(lease), "absent");
    const { body } = await ask({ custSpaceId: "acme" });
    expect(body).toMatchObject({
      observedAt: "2026-01-02T03:03:35.000Z",
      confirmedAt: "2026-01-02T03:03:55.000Z",
      staleSeconds: 10,
      lastFullSweepAt: "2026-01-02T03:04:00.000Z",
    });
    expect(body).not.toHaveProperty("failing");
  });

  it("says of a number that is listed twice since when its values are the last clear ones", async () => {
    const since = "2026-01-02T03:04:00.000Z";
    const unclear = { "4915111": { reads: 1, since, code: "ERR_UPSTREAM_CONTRACT" } };
    await putCustomer("acme", { ...ROW, unclear });
    const { body } = await ask({ custSpaceId: "acme" });
    expect(body).toMatchObject({ phoneNumbers: [{ unclearSince: since }, {}] });
    expect(JSON.stringify(body).match(/unclearSince/g)).toHaveLength(1);
  });

  it("is as fresh as the last whole scan of the lane that the customer is in", async () => {
    const laneRow = { schema: 1, askedAt: START - 120_000, askedUntil: START + 120_000 };
    const ended = { startedAt: START - 3_000, endedAt: START - 2_000 };
    const lane = { ...ended, heldFrom: 0, pollIntervalMs: 1_000 };
    await putCustomer("acme", ROW);
    await rig.store.put(
      "lease/poll",
      JSON.stringify({ ...lease, sweep: { ...pass, full: undefined }, lane }),
      "absent",
    );
    await rig.store.put("hot/acme", JSON.stringify(laneRow), "absent");
    const { body } = await ask({ custSpaceId: "acme" });
    expect(body).toMatchObject({
      observedAt: "2026-01-02T03:03:35.000Z",
      // It was due again 55 s after a read, and whoever was due has been read.
      confirmedAt: "2026-01-02T03:03:35.000Z",
      staleSeconds: 30,
      lastFullSweepAt: null,
    });
  });

  it.each(["x{", '{"schema":9}'])(
    "answers beside rows of the account, the lease and others that hold %s",
    async (bad) => {
      await putCustomer("acme", ROW);
      await rig.store.put("lease/poll", JSON.stringify(lease), "absent");
      for (const key of ["c/~account", "c/~watch.acme", "c/other", "hot/acme"]) {
        await rig.store.put(key, bad, "absent");
      }
      const fresh = await ask({ custSpaceId: "acme" });
      expect([fresh.status, fresh.body.confirmedAt]).toEqual([200, "2026-01-02T03:03:55.000Z"]);
      expect(fresh.body).not.toHaveProperty("failing");
      expect(rig.lines.join("")).toContain('"key":"c/~account"');

      const { version = "" } = (await rig.store.get("lease/poll")) ?? {};
      await rig.store.put("lease/poll", bad, version);
      const { status, body } = await ask({ custSpaceId: "acme" });
      expect([status, body.confirmedAt]).toEqual([200, "2026-01-02T03:03:35.000Z"]);
      expect(body.lastFullSweepAt).toBeNull();
    },
  );

  it("is as fresh as the sweep if the lane row is unreadable", async () => {
    await putCustomer("acme", ROW);
    await rig.store.put("lease/poll", JSON.stringify(lease), "absent");
    await rig.store.put("hot/acme", '{"schema":2}', "absent");
    const { status, body } = await ask({ custSpaceId: "acme" });
    expect([status, body.staleSeconds]).toEqual([200, 10]);
    expect(rig.lines.join("")).toContain('"key":"hot/acme"');
  });

  it("shows since when a number is absent, and is as old as its last sight", async () => {
    const absent = {
      reads: 1,
      since: "2026-01-02T03:03:35.000Z",
      lastSeenAt: "2026-01-02T03:02:35.000Z",
    };
    const { "4915111": number } = ROW.numbers;
    await putCustomer("acme", { ...ROW, numbers: { "4915111": { ...number, absent } } });
    await rig.store.put("lease/poll", JSON.stringify(lease), "absent");
    const { body } = await ask({ custSpaceId: "acme" });
    expect(body).toMatchObject({
      phoneNumbers: [{ phoneNumber: "4915111", absentSince: "2026-01-02T03:03:35.000Z" }],
      confirmedAt: "2026-01-02T03:02:35.000Z",
      staleSeconds: 90,
    });
    expect(storedResponseSchema.safeParse(body).success).toBe(true);
  });

  it("reads the customer last, so that no scan in the lease is newer than the row", async () => {
    await putCustomer("acme", ROW);
    await rig.store.put("lease/poll", JSON.stringify(lease), "absent");
    const keys: string[] = [];
    const store: Store = {
      ...rig.store,
      get(key) {
        keys.push(key);
        return rig.store.get(key);
      },
    };
    const watched = createQuery({ ...rig.deps, openStore: async () => store });
    await invoke(watched, queryEvent({ query: { source: "stored", custSpaceId: "acme" } }));
    expect(keys).toEqual(["lease/poll", "hot/acme", "c/acme", "c/~account"]);
  });

  it("counts no sweep as a confirmation while the customer cannot be read", async () => {
    const failure = { reads: 1, since: "2026-01-02T03:03:50.000Z", code: "ERR_UPSTREAM_TIMEOUT" };
    await putCustomer("acme", { ...ROW, failure });
    await rig.store.put("lease/poll", JSON.stringify(lease), "absent");
    const { body } = await ask({ custSpaceId: "acme" });
    expect(body).toMatchObject({
      confirmedAt: "2026-01-02T03:03:35.000Z",
      staleSeconds: 30,
      failing: { since: "2026-01-02T03:03:50.000Z", code: "ERR_UPSTREAM_TIMEOUT" },
    });
    expect(storedResponseSchema.safeParse(body).success).toBe(true);
  });

  const since = "2026-01-02T03:00:00.000Z";
  const staleAt = "2026-01-02T03:31:00.000Z";
  it.each([
    ["a refusal of another customer", { code: "ERR_UPSTREAM_REJECTED" }, false],
    ["a timeout while no other was due", { code: "ERR_UPSTREAM_TIMEOUT" }, false],
    ["a refusal of the account", { code: "ERR_UPSTREAM_ACCOUNT" }, true],
    ["half an hour without a read", { code: "ERR_UPSTREAM_REJECTED", staleAt }, true],
  ])(
    "says of a customer that is read well, after %s, whether it fails",
    async (_, facts, fails) => {
      const failure = { reads: 2, since, ...facts };
      await putCustomer("acme", ROW);
      await putCustomer("~account", { ...newCustomerRow(START), failure });
      await rig.store.put("lease/poll", JSON.stringify(lease), "absent");
      const { body } = await ask({ custSpaceId: "acme" });
      expect([body.failing, body.confirmedAt]).toEqual(
        fails
          ? [{ since, code: facts.code }, "2026-01-02T03:03:35.000Z"]
          : [undefined, "2026-01-02T03:03:55.000Z"],
      );
    },
  );

  it("returns what poll has stored, how old it is, and what is still to be delivered", async () => {
    await putCustomer("acme", ROW);
    const { status, body } = await ask({ custSpaceId: "acme" });
    expect(status).toBe(200);
    expect(body).toEqual({
      custSpaceId: "acme",
      source: "stored",
      sequence: expect.stringMatching(/^0*1767323000123$/),
      phoneNumbers: [
        {
          phoneNumber: "4915111",
          status: "CONNECTED",
          qualityRating: "GREEN",
          verifiedName: "Ä",
          observedAt: "2026-01-02T03:03:35.000Z",
        },
        {
          phoneNumber: "4915222",
          status: "BANNED",
          observedAt: "2026-01-02T02:00:00.000Z",
          missingSince: "2026-01-02T02:30:00.000Z",
        },
      ],
      observedAt: "2026-01-02T03:03:35.000Z",
      confirmedAt: "2026-01-02T03:03:35.000Z",
      staleSeconds: 30,
      lastFullSweepAt: null,
      pendingEvents: 1,
    });
    expect(storedResponseSchema.safeParse(body).success).toBe(true);
    expect(rig.calls()).toEqual({ adds: 0, queries: 0 });
  });

  it("shows after an add that nothing has been read yet", async () => {
    await rig.add(addOf(GOOD_ADD));
    const { status, body } = await ask({ custSpaceId: "acme" });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      phoneNumbers: [],
      observedAt: null,
      confirmedAt: null,
      staleSeconds: null,
      lastFullSweepAt: null,
    });
    expect(storedResponseSchema.safeParse(body).success).toBe(true);
  });

  it("ages as time passes, and is never younger than now", async () => {
    await putCustomer("acme", ROW);
    rig.clock.advance(3_600_000);
    expect((await ask({ custSpaceId: "acme" })).body.staleSeconds).toBe(3_630);
    await putCustomer("beta", { ...ROW, observedAt: "2027-01-01T00:00:00.000Z" });
    expect((await ask({ custSpaceId: "beta" })).body.staleSeconds).toBe(0);
  });

  it.each([
    ["without custSpaceId", {}],
    ["with custSpaceId=self", { custSpaceId: "self" }],
  ])("returns the account itself %s", async (_name, query) => {
    await putCustomer("self", ROW);
    const { status, body } = await ask(query as Record<string, string>, API_KEYS.self);
    expect([status, body.custSpaceId]).toEqual([200, "self"]);
  });

  it.each([
    ["is not watched", undefined],
    ["was removed", { ...newCustomerRow(START), removedAt: "2026-01-01T00:00:00.000Z" }],
  ])("responds with 404 for a customer that %s", async (_name, row) => {
    if (row) await putCustomer("acme", row);
    const { status, body } = await ask({ custSpaceId: "acme" });
    expect([status, body.code]).toEqual([404, "ERR_NOT_WATCHED"]);
  });

  it.each(["isvCode", "status"])("cannot be filtered by %s", async (name) => {
    await putCustomer("acme", ROW);
    const { status, body } = await ask({ custSpaceId: "acme", [name]: "X" });
    expect([status, body.issues]).toEqual([
      400,
      [{ path: "source", message: "stored cannot be filtered by isvCode or status" }],
    ]);
  });

  it.each([
    ["a newer version", { ...ROW, schema: 3 }],
    ["no known form", { schema: 1 }],
  ])("responds to a row of %s with 500 and gives nothing away", async (_name, row) => {
    await putCustomer("acme", row);
    const { status, body } = await ask({ custSpaceId: "acme" });
    expect([status, body.code]).toEqual([500, "ERR_STORE_ROW"]);
    expect(rig.lines.join("")).toContain('"key":"c/acme"');
  });

  it("works without credentials for the upstream", async () => {
    await putCustomer("acme", ROW);
    const event = queryEvent({ query: { source: "stored", custSpaceId: "acme" } });
    expect((await rig.query(event, { credentials: {} })).status).toBe(200);
  });
});
