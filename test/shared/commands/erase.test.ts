import { beforeEach, describe, expect, it } from "vitest";
import { recordAddIntent } from "../../../shared/customers/add-intent.ts";
import { loadCustomer } from "../../../shared/customers/customer.ts";
import { eraseCustomer } from "../../../shared/customers/erase.ts";
import { createIdempotency } from "../../../shared/http/idempotency.ts";
import { markDelivered, moveToDeadLetters } from "../../../shared/outbox/pending.ts";
import { readCustomer } from "../../../shared/polling/read-customer.ts";
import type { Store } from "../../../shared/store/store.ts";
import { aCustomer, anEvent, type CommandRig, createCommandRig, START } from "./command-rig.ts";

const NUMBER = "4915112345678";
const DAY_MS = 86_400_000;
let rig: CommandRig;

const seqKey = (prefix: string, customer: string, seq: number) =>
  `${prefix}/${customer}/${String(seq).padStart(16, "0")}`;

/** A customer with something under each key that can hold its data. */
async function fill(customer: string): Promise<void> {
  const fields = { status: "CONNECTED", verifiedName: "Acme GmbH" };
  await rig.put(`c/${customer}`, {
    ...aCustomer(),
    numbers: { [NUMBER]: { fields, observedAt: "2026-01-01T00:00:00.000Z" } },
    pending: [anEvent(7)],
    delivered: [{ ...anEvent(6), deliveredAt: "2026-01-01T00:00:00.000Z" }],
  });
  const old = [4, 3].map((seq) => ({ ...anEvent(seq), deliveredAt: "2026-01-01T00:00:00.000Z" }));
  await rig.put(`sent/${customer}/00`, { schema: 1, number: 0, events: old });
  await rig.put(seqKey("due", customer, 7), { schema: 1 });
  await rig.put(`c/~watch.${customer}`, { ...aCustomer(), pending: [anEvent(8)] });
  await rig.put(seqKey("due", `~watch.${customer}`, 8), { schema: 1 });
  const dead = { schema: 1, event: anEvent(5), status: 422, diedAt: "2026-01-01T00:00:00.000Z" };
  await rig.put(seqKey("dead", customer, 5), dead);
  await rig.put(`${seqKey("dead", customer, 5)}/evt_other`, dead);
  await recordAddIntent(rig.store, customer, { cc: "49", national: "15112345678" }, "i", START);
  const keyed = idempotency(customer);
  await keyed.reserve();
  const body = { phoneNumber: NUMBER, custSpaceId: customer };
  await keyed.finish({ status: 201, body: JSON.stringify(body) });
}

const idempotency = (customer: string) =>
  createIdempotency(rig.store, "crm", `of-${customer}`, "b", rig.now, customer);

async function dump(): Promise<string> {
  const rows = await rig.store.scan("", "", 1_000);
  return rows.map(({ key, value }) => `${key} ${value}`).join("\n");
}

const erase = (...custSpaceIds: string[]) => rig.run({ command: "erase", custSpaceIds });

beforeEach(async () => {
  rig = createCommandRig();
  await fill("acme");
});

describe("erase", () => {
  it("leaves nothing of a customer but a tombstone for a day, and counts what it removed", async () => {
    expect(await erase("acme")).toEqual({
      command: "erase",
      erased: ["acme"],
      notWatched: [],
      tombstones: [],
      numbers: 1,
      pendingEvents: 1,
      deliveredEvents: 3,
      deadLetters: 2,
      storedResponses: 1,
      unreadable: [],
      processed: 1,
      more: false,
    });
    expect(await dump()).not.toMatch(/49151|15112345678|Acme/);
    expect(await rig.keys("c/acme")).toEqual(["c/acme"]);
    expect(await rig.row("c/acme")).toMatchObject({
      numbers: {},
      pending: [],
      erasedAt: "2026-01-02T03:04:05.000Z",
      tombstoneUntil: "2026-01-03T03:04:05.000Z",
    });
    for (const prefix of ["due/", "dead/", "hot/", "sent/"])
      expect(await rig.keys(prefix)).toEqual([]);
  });

  it("leaves other customers alone, also one whose id begins like it", async () => {
    await fill("acme2");
    await erase("acme");
    expect(await rig.row("c/acme2")).toMatchObject({ numbers: { [NUMBER]: {} } });
    expect(await rig.keys("dead/")).toHaveLength(2);
    expect(await rig.keys("sent/")).toEqual(["sent/acme2/00"]);
    expect(await rig.keys("hot/")).toEqual(["hot/acme2"]);
    expect(await rig.keys("c/~")).toEqual(["c/~watch.acme2"]);
    expect(await idempotency("acme2").reserve()).toMatchObject({ kind: "done" });
  });

  it("finds nothing the second time, and says so of an unknown customer", async () => {
    await erase("acme");
    expect(await erase("acme", "nobody")).toMatchObject({
      erased: [],
      notWatched: ["acme", "nobody"],
      deadLetters: 0,
    });
  });

  it("finds what is left of a customer that was removed before", async () => {
    const removed = await rig.run({ command: "unwatch", custSpaceIds: ["acme"], drop: true });
    expect(removed).toMatchObject({ left: [{ custSpaceId: "acme", deadLetters: 2 }] });
    for (const prefix of ["c/~", "due/"]) expect(await rig.keys(prefix)).toEqual([]);
    expect(await erase("acme")).toMatchObject({ erased: ["acme"], deadLetters: 2 });
    expect(await dump()).not.toMatch(/49151|Acme/);
  });

  it.each([
    ["WATCH_CUST_SPACES lists it", { WATCH_CUST_SPACES: "acme" }],
    ["WATCH_DISCOVER is on", { WATCH_DISCOVER: "on" }],
  ])("keeps the tombstone where %s", async (_why, environment) => {
    rig = createCommandRig(environment);
    await fill("acme");
    expect(await erase("acme")).toMatchObject({ tombstones: ["acme"] });
    expect((await rig.row("c/acme"))?.tombstoneUntil).toBeUndefined();
  });

  it("replaces a row that this version cannot read", async () => {
    await rig.put("c/acme", { schema: 99, numbers: { [NUMBER]: {} } });
    expect(await erase("acme")).toMatchObject({ erased: ["acme"], unreadable: [] });
    expect(await dump()).not.toContain(NUMBER);
  });

  it("replaces such a row also if it changes meanwhile", async () => {
    const unreadable = { schema: 99, numbers: { [NUMBER]: {} } };
    await rig.put("c/acme", unreadable);
    let isChanged = false;
    const racing = {
      ...rig.store,
      async put(...args: Parameters<typeof rig.store.put>) {
        if (!isChanged) await rig.put("c/acme", { ...unreadable, newer: true });
        isChanged = true;
        return rig.store.put(...args);
      },
    };
    await eraseCustomer(racing, "acme", { returns: false, now: rig.now });
    expect(isChanged).toBe(true);
    expect(await rig.row("c/acme")).toMatchObject({ numbers: {}, erasedAt: expect.any(String) });
  });

  it("deletes a stored response that this version cannot read, and no other customer's", async () => {
    const [key = ""] = await rig.keys("idem/");
    const row = await rig.row(key);
    await rig.put(key, { ...row, schema: 99 });
    await rig.put("idem/crm/other", {
      ...row,
      schema: 99,
      customer: "acmeacme",
      answer: undefined,
    });
    expect(await erase("acme", "me")).toMatchObject({
      ...{ erased: ["acme"], notWatched: ["me"], unreadable: [], storedResponses: 1 },
    });
    expect(await rig.keys("idem/")).toEqual(["idem/crm/other"]);
  });

  it("keeps no digest of an erased request, and calls its repeat unknown", async () => {
    const [key = ""] = await rig.keys("idem/");
    await erase("acme");
    expect(await rig.row(key)).toMatchObject({ bodyHash: "", erased: true });
    expect(await idempotency("acme").reserve()).toMatchObject({ kind: "abandoned" });
  });

  it("lets a watch bring the customer back, without its past", async () => {
    await erase("acme");
    expect(await rig.run({ command: "watch", custSpaceIds: ["acme"] })).toMatchObject({
      revived: ["acme"],
    });
    expect(await rig.row("c/acme")).toEqual({
      schema: 1,
      seq: expect.any(Number),
      numbers: {},
      pending: [],
    });
  });
});

describe("what was in flight when a customer was erased", () => {
  it("takes back its dead letter", async () => {
    await erase("acme");
    await moveToDeadLetters(rig.store, "acme", anEvent(7), 422, rig.now());
    expect(await rig.keys("dead/")).toEqual([]);
  });

  it("takes back its dead letter after the tombstone has gone", async () => {
    await rig.store.delete("c/acme", (await rig.store.get("c/acme"))?.version ?? "");
    await moveToDeadLetters(rig.store, "acme", anEvent(9), 422, rig.now());
    expect((await rig.keys("dead/")).filter((key) => key.includes("9"))).toEqual([]);
  });

  it("takes back its history", async () => {
    const known = await loadCustomer(rig.store, "acme");
    await erase("acme");
    expect(await markDelivered(rig.store, "acme", [anEvent(7)], START, known)).toMatchObject({
      erasedAt: "2026-01-02T03:04:05.000Z",
    });
    expect(await rig.keys("sent/")).toEqual([]);
  });

  it("stores no response of its keyed add, and a repeat does not add again", async () => {
    const running = createIdempotency(rig.store, "crm", "k2", "b", rig.now, "acme");
    await running.reserve();
    await erase("acme");
    await running.finish({ status: 201, body: JSON.stringify({ phoneNumber: NUMBER }) });
    expect(await dump()).not.toContain(NUMBER);
    expect(await running.reserve()).toMatchObject({ kind: "abandoned" });
  });

  it("does not bring the customer back by an add that began before", async () => {
    const begunAt = rig.now();
    rig.advance(5);
    await erase("acme");
    rig.advance(5);
    const number = { cc: "49", national: "15112345678" };
    await recordAddIntent(rig.store, "acme", number, "late", rig.now(), begunAt);
    expect(await rig.row("c/acme")).toMatchObject({ removedAt: "2026-01-02T03:04:05.005Z" });
    expect(await rig.keys("hot/")).toEqual([]);
  });

  it("leaves the lane if the erasure comes between its two writes", async () => {
    const begunAt = rig.now();
    let isErased = false;
    const racing = {
      ...rig.store,
      async put(...args: Parameters<typeof rig.store.put>) {
        if (args[0] === "hot/acme" && !isErased) {
          isErased = true;
          rig.advance(1);
          await erase("acme");
        }
        return rig.store.put(...args);
      },
    };
    const number = { cc: "49", national: "15112345678" };
    await recordAddIntent(racing, "acme", number, "racing", begunAt);
    expect(isErased).toBe(true);
    expect(await dump()).not.toContain("15112345678");
  });

  it("comes back by an add that begins later", async () => {
    await erase("acme");
    rig.advance(1);
    const number = { cc: "49", national: "15112345678" };
    await recordAddIntent(rig.store, "acme", number, "new", rig.now());
    expect(await rig.row("c/acme")).toMatchObject({ addIntents: ["new"] });
    expect(await rig.keys("hot/")).toEqual(["hot/acme"]);
  });

  it("is erased again by each read of a sweep for a day, and then ends", async () => {
    await erase("acme");
    const dead = { schema: 1, event: anEvent(5), status: 422, diedAt: "2026-01-01T00:00:00.000Z" };
    await rig.put(seqKey("dead", "acme", 5), dead);
    await rig.put("sent/acme/01", { schema: 1, number: 1, events: [] });
    expect(await readAgain("acme")).toEqual({ kind: "unwatched", ended: undefined });
    expect([...(await rig.keys("dead/")), ...(await rig.keys("sent/"))]).toEqual([]);
    rig.advance(DAY_MS - 1);
    expect(await readAgain("acme")).toEqual({ kind: "unwatched", ended: undefined });
    rig.advance(1);
    const { version } = (await rig.store.get("c/acme")) ?? {};
    expect(await readAgain("acme")).toEqual({ kind: "unwatched", ended: version });
    expect(await rig.keys("c/acme")).toEqual(["c/acme"]);
  });

  it("costs a sweep no call after a day, where the tombstone stays", async () => {
    rig = createCommandRig({ WATCH_DISCOVER: "on" });
    await fill("acme");
    await erase("acme");
    const calls: string[] = [];
    const { get, scan } = rig.store;
    const counting = {
      ...rig.store,
      get(key: string) {
        calls.push(key);
        return get(key);
      },
      scan(...page: Parameters<typeof scan>) {
        calls.push(page[0]);
        return scan(...page);
      },
    };
    await readAgain("acme", counting);
    expect(calls).toContain("dead/acme/");
    rig.advance(DAY_MS);
    calls.length = 0;
    expect(await readAgain("acme", counting)).toEqual({ kind: "unwatched", ended: undefined });
    expect(calls).toEqual(["c/acme"]);
  });
});

describe("an erasure by a clock that is a year ahead", () => {
  const YEAR_MS = 365 * DAY_MS;
  beforeEach(async () => {
    rig.advance(YEAR_MS);
    await erase("acme");
    rig.advance(-YEAR_MS);
  });

  it("keeps no add from being watched", async () => {
    const number = { cc: "49", national: "15112345678" };
    await recordAddIntent(rig.store, "acme", number, "new", rig.now());
    expect(await rig.row("c/acme")).toMatchObject({ addIntents: ["new"] });
  });

  it("ends by the next sweep", async () => {
    const { version } = (await rig.store.get("c/acme")) ?? {};
    expect(await readAgain("acme")).toEqual({ kind: "unwatched", ended: version });
  });
});

/** As a sweep does. The upstream must not be asked. */
function readAgain(customer: string, store: Store = rig.store) {
  const query = () => Promise.reject(new Error("asked the upstream"));
  const deps = { store, now: rig.now, source: "urn:waba-numbers:1:test" };
  return readCustomer(
    customer,
    { ...deps, isClockConfirmed: () => true },
    {
      query,
      deadlineAt: 0,
      lastSeenAt: () => undefined,
      known: undefined,
    },
  );
}
