import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAdd } from "../../functions/add.ts";
import { expireIdempotency } from "../../shared/http/idempotency.ts";
import { createFakeUpstream, NEVER } from "../support/fake-upstream.ts";
import {
  API_KEYS,
  addOf,
  createFunctionDeps,
  type FunctionRig,
  GOOD_ADD,
  invoke,
  type SentRequest,
  startFunctionRig,
} from "../support/function-deps.ts";

const ADD = "AddChatappPhoneNumber";
const DAY_MS = 86_400_000;

let rig: FunctionRig;
beforeEach(async () => {
  rig = await startFunctionRig();
});
afterEach(() => rig.close());

function keyed(body: unknown = GOOD_ADD, key = "k1", sent: SentRequest = {}): Buffer {
  return addOf(body, { headers: { "idempotency-key": key }, ...sent });
}

/** A process that reserved the key, perhaps added, and died: it never gets a response. */
async function dieInAdd(acts: boolean): Promise<void> {
  await new Promise<void>((asked) => {
    const { deps } = createFunctionDeps(rig.upstream.url, {
      openStore: async () => rig.store,
      now: rig.clock.now,
      upstreamFor: () =>
        createFakeUpstream({
          add() {
            if (acts) rig.upstream.control.setNumber("acme", "4915112345678", {});
            asked();
            return NEVER;
          },
        }),
    });
    void invoke(createAdd(deps), keyed());
  });
}

async function idempotencyRows() {
  const rows = Object.entries(await rig.rows());
  return rows.filter(([key]) => key.startsWith("idem/"));
}

describe("add with an Idempotency-Key", () => {
  it("repeats the response without a second Add", async () => {
    const first = await rig.add(keyed());
    rig.clock.advance(DAY_MS - 1);
    const second = await rig.add(keyed());
    expect([second.status, second.text]).toEqual([201, first.text]);
    expect(second.headers["idempotency-replayed"]).toBe("true");
    expect(first.headers["idempotency-replayed"]).toBeUndefined();
    expect(rig.calls()).toEqual({ adds: 1, queries: 0 });
  });

  it("treats another spelling and order as the same request", async () => {
    await rig.add(keyed());
    const { custSpaceId, cc, phoneNumber, verifiedName } = GOOD_ADD;
    const spelled = { verifiedName, phoneNumber: "151 123-45678", cc: `+${cc}`, custSpaceId };
    expect(phoneNumber).toBe("15112345678");
    expect((await rig.add(keyed(spelled))).status).toBe(201);
    expect(rig.calls()).toEqual({ adds: 1, queries: 0 });
  });

  it.each([
    ["number", { ...GOOD_ADD, phoneNumber: "15112345679" }],
    ["name", { ...GOOD_ADD, verifiedName: "Acme AG" }],
    ["customer", { ...GOOD_ADD, custSpaceId: "beta" }],
    ["preValidateId", { ...GOOD_ADD, preValidateId: "p1" }],
  ])("refuses the key for another %s with 422", async (_name, other) => {
    rig.upstream.control.addCustomer("beta");
    await rig.add(keyed());
    const { status, body } = await rig.add(keyed(other));
    expect([status, body.code]).toEqual([422, "ERR_IDEMPOTENCY_REUSED"]);
    expect(rig.calls()).toEqual({ adds: 1, queries: 0 });
  });

  it("keeps two keys of one caller apart", async () => {
    await rig.add(keyed(GOOD_ADD, "k1"));
    await rig.add(keyed(GOOD_ADD, "k2"));
    expect(rig.calls()).toEqual({ adds: 2, queries: 0 });
  });

  it("keeps the same key of two callers apart", async () => {
    const other = { ...GOOD_ADD, phoneNumber: "15112345679" };
    expect((await rig.add(keyed())).body.phoneNumber).toBe("4915112345678");
    const second = await rig.add(keyed(other, "k1", { key: API_KEYS.other }));
    expect([second.status, second.body.phoneNumber]).toEqual([201, "4915112345679"]);
    expect(rig.calls()).toEqual({ adds: 2, queries: 0 });
  });

  it("stores neither the key nor the request itself", async () => {
    await rig.add(keyed(GOOD_ADD, "order-4711"));
    const [[key, row] = []] = await idempotencyRows();
    // SHA-256 of "order-4711"
    expect(key).toBe("idem/any/173d0ddbff034193face7ce60d3f58b416940a4c29306f9af512e4e8f2bf61e3");
    expect(JSON.stringify(row)).not.toContain("Acme GmbH");
  });

  it("lets one of two concurrent requests add and makes the other wait", async () => {
    rig.upstream.control.fault({ kind: "slow", delayMs: 30, action: ADD });
    const answers = await Promise.all([rig.add(keyed()), rig.add(keyed())]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    expect(rig.calls()).toEqual({ adds: 1, queries: 0 });
  });

  it("lets one of twenty concurrent requests add", async () => {
    rig.upstream.control.fault({ kind: "slow", delayMs: 20, action: ADD });
    const answers = await Promise.all(Array.from({ length: 20 }, () => rig.add(keyed())));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(rig.calls()).toEqual({ adds: 1, queries: 0 });
  });

  it("keeps the key free after a request that is invalid or out of scope", async () => {
    expect((await rig.add(keyed({ ...GOOD_ADD, cc: "0" }))).status).toBe(400);
    const foreign = keyed({ ...GOOD_ADD, custSpaceId: "beta" }, "k1", { key: API_KEYS.acme });
    expect((await rig.add(foreign)).status).toBe(403);
    expect(await rig.rows()).toEqual({});
  });

  it.each(["", "with space", "ä", "k".repeat(256), "a, b"])("refuses %j as a key", async (key) => {
    const { status, body } = await rig.add(keyed(GOOD_ADD, key));
    expect([status, body.issues]).toEqual([
      400,
      [{ path: "Idempotency-Key", message: expect.any(String) }],
    ]);
    expect(rig.calls()).toEqual({ adds: 0, queries: 0 });
  });

  it("accepts a key of 255 characters", async () => {
    expect((await rig.add(keyed(GOOD_ADD, "k".repeat(255)))).status).toBe(201);
  });
});

describe("add after an unfinished request with the same Idempotency-Key", () => {
  it.each([
    [0, "40"],
    [500, "40"],
    [39_001, "1"],
    [39_999, "1"],
  ])("is refused %s ms after the start, for %s s more", async (age, seconds) => {
    await dieInAdd(false);
    rig.clock.advance(age);
    const { status, body, headers } = await rig.add(keyed());
    expect([status, body.code]).toEqual([409, "ERR_IDEMPOTENCY_IN_FLIGHT"]);
    expect(headers["retry-after"]).toBe(seconds);
    expect(rig.calls()).toEqual({ adds: 0, queries: 0 });
  });

  it("is confirmed by a Query alone if the number is listed", async () => {
    await dieInAdd(true);
    rig.clock.advance(41_000);
    const { status, body } = await rig.add(keyed());
    expect([status, body.outcome, body.phoneNumber]).toEqual([201, "confirmed", "4915112345678"]);
    expect(rig.calls()).toEqual({ adds: 0, queries: 1 });
    expect((await rig.add(keyed())).headers["idempotency-replayed"]).toBe("true");
    expect(rig.calls()).toEqual({ adds: 0, queries: 1 });
  });

  /** What poll has stored of the number by the time of the repeat, 100 s after the first try began. */
  async function poll(row: object, listedSince?: string): Promise<void> {
    const number = { fields: { status: "PENDING" }, observedAt: at(60), listedSince };
    const stored = {
      ...{ schema: 2, seq: 1, baselineAt: at(-900), pending: [] },
      numbers: { "4915112345678": number },
      ...row,
    };
    const found = await rig.store.get("c/acme");
    await rig.store.put("c/acme", JSON.stringify(stored), found?.version ?? "absent");
    rig.clock.advance(100_000);
  }
  const at = (seconds: number) => new Date(rig.clock.now() + seconds * 1_000).toISOString();

  it.each([
    ["listed it first after the first try", {}, 60, 201],
    ["has read the customer for the first time since", { age: 60 }, undefined, 201],
    ["listed it before the first try", {}, -60, 504],
    ["listed it so soon that clocks may differ", {}, 4, 504],
    ["listed it by a clock that was ahead", {}, 4_000, 504],
    ["stored it without that time", {}, undefined, 504],
    ["has read the customer for the first time before", { age: -1 }, undefined, 504],
  ])(
    "if poll %s, is answered so: %j, %s s, %i",
    async (_, { age }: { age?: number }, seconds, status) => {
      await dieInAdd(true);
      const baseline = age === undefined ? {} : { baselineAt: at(age) };
      await poll(baseline, seconds === undefined ? undefined : at(seconds));
      expect((await rig.add(keyed())).status).toBe(status);
      expect(rig.calls()).toEqual({ adds: 0, queries: 1 });
    },
  );

  it("stays unknown after each Query that does not list the number", async () => {
    await dieInAdd(false);
    rig.clock.advance(41_000);
    for (const queries of [1, 2]) {
      const { status, body } = await rig.add(keyed());
      expect([status, body.outcome]).toEqual([504, "unknown"]);
      expect(rig.calls()).toEqual({ adds: 0, queries });
    }
    rig.upstream.control.setNumber("acme", "4915112345678", {});
    expect((await rig.add(keyed())).body.outcome).toBe("confirmed");
    expect(rig.calls()).toEqual({ adds: 0, queries: 3 });
  });

  it("watches the number that it finds, in case the first request died before it did", async () => {
    await dieInAdd(true);
    for (const key of ["c/acme", "hot/acme"]) {
      const row = await rig.store.get(key);
      if (row) await rig.store.delete(key, row.version);
    }
    rig.clock.advance(41_000);
    expect((await rig.add(keyed())).status).toBe(201);
    expect(await rig.rows()).toMatchObject({
      "c/acme": { numbers: {}, onboarding: { "4915112345678": { cc: "49" } } },
      "hot/acme": { addedAt: expect.any(Number) },
    });
  });

  it("is refused with another body", async () => {
    await dieInAdd(false);
    rig.clock.advance(41_000);
    const { status } = await rig.add(keyed({ ...GOOD_ADD, verifiedName: "Acme AG" }));
    expect(status).toBe(422);
    expect(rig.calls()).toEqual({ adds: 0, queries: 0 });
  });

  it("sends a Query at once after an unknown outcome, and no Add", async () => {
    rig.upstream.control.fault({ kind: "reset-after", action: ADD });
    rig.upstream.control.fault({ kind: "empty-list" });
    expect((await rig.add(keyed())).status).toBe(504);
    expect((await rig.add(keyed())).body.outcome).toBe("confirmed");
    expect(rig.calls()).toEqual({ adds: 1, queries: 2 });
  });

  it("repeats a refusal as the same problem", async () => {
    rig.upstream.control.fault({ kind: "code", code: "Product.Unsubscript" });
    const first = await rig.add(keyed());
    const second = await rig.add(keyed());
    expect([second.status, second.text]).toEqual([422, first.text]);
    expect(second.body.upstreamCode).toBe("Product.Unsubscript");
    expect(second.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
    expect(rig.calls()).toEqual({ adds: 1, queries: 0 });
  });

  it.each([
    ["Throttling.User", 3],
    ["System.LimitControl", 3],
    ["Ram.PermissionDeny", 1],
  ])("adds again after %s at each of %i tries, which left nothing done", async (code, tries) => {
    rig.upstream.control.fault({ kind: "code", code, count: tries });
    expect((await rig.add(keyed())).status).toBeGreaterThanOrEqual(500);
    expect((await rig.add(keyed())).body.outcome).toBe("accepted");
    expect(rig.calls()).toEqual({ adds: tries + 1, queries: 0 });
  });

  it("adds again once the row has expired", async () => {
    await rig.add(keyed());
    const now = rig.clock.now();
    await expireIdempotency(rig.store, "", now + DAY_MS - 1, () => true);
    expect(await idempotencyRows()).toHaveLength(1);
    await expireIdempotency(rig.store, "", now + DAY_MS, () => true);
    expect(await idempotencyRows()).toEqual([]);
    expect((await rig.add(keyed())).headers["idempotency-replayed"]).toBeUndefined();
    expect(rig.calls()).toEqual({ adds: 2, queries: 0 });
  });
});
