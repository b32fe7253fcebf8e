import { describe, expect, it } from "vitest";
import { UpstreamTimeoutError } from "../../../shared/errors.ts";
import type { CustomerRow, NumberState } from "../../../shared/schemas/customer-row.ts";
import { refusalOf } from "../../support/fake-upstream.ts";
import { iso, item, NUMBER, OTHER } from "../../support/watch-builders.ts";
import { createWatchWorld, customers, type WatchWorld } from "../../support/watch-world.ts";

/** The most bytes that a row may have. */
const FULL = 1_500_000;

async function minutes(world: WatchWorld, count: number): Promise<void> {
  for (let minute = 0; minute < count; minute += 1) {
    await world.minute();
    await world.run();
  }
}

async function replace(world: WatchWorld, key: string, value: string): Promise<void> {
  const found = await world.store.get(key);
  await world.store.put(key, value, found?.version ?? "absent");
  world.forget();
}

/** Three customers that have been read, of which `c02` then gets this row. */
async function worldWith(change: (text: string) => string) {
  const world = createWatchWorld();
  await world.watch(customers(3));
  await world.run();
  const healthy = (await world.text("c/c02")) ?? "";
  await replace(world, "c/c02", change(healthy));
  return { world, healthy };
}

/** The row with as much in a field that no version knows as leaves `room` bytes. */
const filled = (room: number) => (text: string) => {
  const row = JSON.parse(text);
  const length = FULL - room - JSON.stringify({ ...row, later: "" }).length;
  return JSON.stringify({ ...row, later: "x".repeat(length) });
};

const sent = (world: WatchWorld) =>
  world.sent.map(({ event }) => {
    const { type, subject, partitionkey, data } = JSON.parse(event.body);
    return [type, subject, partitionkey, data.custSpaceId, data.code];
  });

const CASES = [
  ["is damaged", "ERR_STORE_ROW", (_text: string) => '{"schema":1,"seq":'],
  ["is of a newer version", "ERR_STORE_ROW", (_text: string) => '{"schema":99}'],
  ["takes no more", "ERR_CUSTOMER_TOO_LARGE", filled(100)],
] as const;

describe("a customer whose row cannot be used", () => {
  it.each(CASES)(
    "is noted at once if its row %s, stale after half an hour, and recovers",
    async (_, code, change) => {
      const { world, healthy } = await worldWith(change);
      world.answers.set("c02", [item(NUMBER), item(OTHER)]);
      world.answers.set("c03", [item(NUMBER, { Status: "BANNED" })]);
      await minutes(world, 1);
      expect((await world.row("~watch.c02")).failure).toMatchObject({ code, reads: 1 });
      expect(sent(world)).toEqual([
        ["whatsapp.phone_number.changed", NUMBER, "c03", "c03", undefined],
      ]);
      await minutes(world, 60);
      const stale = ["whatsapp.watch.stale", "c02", "~watch.c02", "c02", code];
      expect(sent(world).slice(1)).toEqual([stale]);
      const sequence = JSON.parse(world.sent[1]?.event.body ?? "{}").sequence;
      expect(sequence > (JSON.parse(world.sent[0]?.event.body ?? "{}").sequence ?? "")).toBe(true);

      await replace(world, "c/c02", healthy);
      await minutes(world, 2);
      expect(sent(world)).toEqual([
        ["whatsapp.phone_number.discovered", OTHER, "c02", "c02", undefined],
        ["whatsapp.watch.recovered", "c02", "~watch.c02", "c02", code],
      ]);
      await minutes(world, 2);
      expect(await world.text("c/~watch.c02")).toBeUndefined();
      const keys = (await world.store.scan("", "", 100)).map(({ key }) => key);
      const histories = ["sent/c02/00", "sent/c03/00"];
      expect(keys).toEqual(["c/c01", "c/c02", "c/c03", "hot/c03", "lease/poll", ...histories]);
    },
  );

  const garbled = (change: (row: CustomerRow) => void) => (text: string) => {
    const row = JSON.parse(text) as CustomerRow;
    change(row);
    return JSON.stringify(row);
  };
  const time = "2026-13-45";
  const number = (row: CustomerRow) => row.numbers[NUMBER] as NumberState;
  const failure = { reads: 1, since: time, code: "ERR_UPSTREAM_TIMEOUT" };

  it.each([
    ["a number's read", (row) => Object.assign(number(row), { observedAt: time })],
    ["its last change", (row) => Object.assign(row, { observedAt: time })],
    ["its first read", (row) => Object.assign(row, { baselineAt: time, observedAt: undefined })],
    [
      "an add",
      (row) => Object.assign(row, { onboarding: { [OTHER]: { cc: "49", addedAt: time } } }),
    ],
    ["an absence", (row) => Object.assign(number(row), { absent: { reads: 1, since: time } })],
    ["a failure", (row) => Object.assign(row, { failure })],
    ["a contradiction", (row) => Object.assign(row, { unclear: { [OTHER]: failure } })],
  ] as [string, (row: CustomerRow) => void][])(
    "is unusable alone if the time of %s in its row is none",
    async (_, change) => {
      const { world, healthy } = await worldWith(garbled(change));
      world.answers.set("c02", [item(NUMBER, { Status: "BANNED" })]);
      world.answers.set("c03", [item(NUMBER, { Status: "BANNED" })]);
      await world.minute();
      const report = await world.run();
      expect(report).toMatchObject({ failed: 1, changed: 1 });
      expect((await world.row("~watch.c02")).failure).toMatchObject({ code: "ERR_STORE_ROW" });
      await replace(world, "c/c02", healthy);
      await minutes(world, 2);
      expect(sent(world)).toContainEqual([
        "whatsapp.phone_number.changed",
        ...[NUMBER, "c02", "c02", undefined],
      ]);
    },
  );

  it("notes the failure in its own row if that has room for it", async () => {
    const { world } = await worldWith(filled(800));
    world.answers.set(
      "c02",
      Array.from({ length: 9 }, (_, n) => item(`491511234000${n}`)),
    );
    await minutes(world, 1);
    expect((await world.row("c02")).failure).toMatchObject({ code: "ERR_CUSTOMER_TOO_LARGE" });
    expect(await world.text("c/~watch.c02")).toBeUndefined();
  });

  it("recovers as well if a new instance reads it first", async () => {
    const { world, healthy } = await worldWith(() => "{");
    await minutes(world, 40);
    world.restart();
    await replace(world, "c/c02", healthy);
    await minutes(world, 2);
    expect(sent(world)).toEqual([
      ["whatsapp.watch.recovered", "c02", "~watch.c02", "c02", "ERR_STORE_ROW"],
    ]);
  });

  it("costs no other customer its read if WATCH_CUST_SPACES names it", async () => {
    const { world } = await worldWith(() => "{");
    world.restart();
    await world.minute();
    const report = await world.run({ watch: ["c02", "c04"] });
    expect(report).toMatchObject({ read: 3, failed: 1 });
    expect(await world.row("c04")).toMatchObject({ baselineAt: expect.any(String) });
  });

  it.each([
    ["is damaged", CASES[0][2]],
    ["is of a newer version", CASES[1][2]],
    ["takes no more", filled(20)],
  ] as const)(
    "ends no run if its row %s while its lane row is of the first edition, which waits for it",
    async (_, change) => {
      const added = { cc: "49", addedAt: iso(-3_600_000) };
      const laneRow = JSON.stringify({ schema: 1, onboarding: { [OTHER]: added } });
      const { world, healthy } = await worldWith(change);
      await world.store.put("hot/c02", laneRow, "absent");
      world.answers.set("c03", [item(NUMBER, { Status: "BANNED" })]);
      await minutes(world, 3);
      expect(sent(world)).toEqual([
        ["whatsapp.phone_number.changed", NUMBER, "c03", "c03", undefined],
      ]);
      expect(await world.text("hot/c02")).toBe(laneRow);

      await replace(world, "c/c02", healthy);
      await minutes(world, 1);
      expect((await world.row("c02")).onboarding).toEqual({ [OTHER]: added });
      expect(await world.text("hot/c02")).toBe(
        JSON.stringify({ schema: 1, addedAt: Date.parse(added.addedAt) }),
      );
    },
  );

  it.each([
    ["empty list", []],
    ["first value", [item(NUMBER, { IsOfficial: "Y" })]],
  ])("costs no other customer its %s, which waits for the end of the run", async (_, answer) => {
    const world = createWatchWorld();
    await world.watch(customers(30));
    await world.run();
    await replace(world, "c/c02", filled(20)((await world.text("c/c02")) ?? ""));
    for (const customer of ["c02", "c03"]) world.answers.set(customer, answer);
    await minutes(world, 1);
    const before = JSON.parse((await world.text("c/c02")) ?? "");
    expect(before.numbers[NUMBER]).not.toHaveProperty("absent");
    expect((await world.row("~watch.c02")).failure).toMatchObject({
      code: "ERR_CUSTOMER_TOO_LARGE",
    });
    const { numbers } = await world.row("c03");
    const { absent, fields } = numbers[NUMBER] ?? {};
    expect(absent ?? fields?.isOfficial).toBeDefined();
  });
});

describe("an unusable row of the account", () => {
  const DAMAGED = ["not JSON", '{"schema":1}', '{"schema":1,"seq":1,"numbers":{},"pending":0}'];
  const NEWER = '{"schema":3,"seq":1,"numbers":{},"pending":[]}';
  const DOWN = new UpstreamTimeoutError({ action: "Query" });

  async function blindWorld(account: string): Promise<WatchWorld> {
    const world = createWatchWorld();
    await world.watch(customers(5));
    await world.run();
    await replace(world, "c/~account", account);
    for (const customer of customers(5)) world.answers.set(customer, DOWN);
    return world;
  }

  it.each(DAMAGED)("is replaced while nobody can be read, if it holds %s", async (text) => {
    const world = await blindWorld(text);
    await minutes(world, 40);
    const stale = ["whatsapp.watch.stale", "~account", "~account", "~account", DOWN.code];
    expect(sent(world)).toEqual([stale]);
    expect(world.lines.filter((line) => line.includes("unreadable, replaced"))).toHaveLength(1);
    world.answers.clear();
    await minutes(world, 2);
    expect(sent(world)[1]?.slice(0, 2)).toEqual(["whatsapp.watch.recovered", "~account"]);
  });

  it("is left alone if a newer version wrote it, and ends no run", async () => {
    const world = await blindWorld(NEWER);
    world.answers.set("c01", refusalOf({ action: "Query" }, "Product.Unsubscript"));
    await minutes(world, 40);
    expect(await world.text("c/~account")).toBe(NEWER);
    expect(sent(world)).toEqual([
      ["whatsapp.watch.stale", "c01", "c01", "c01", "ERR_UPSTREAM_REJECTED"],
    ]);
    world.answers.clear();
    await minutes(world, 2);
    expect(sent(world)[1]?.slice(0, 2)).toEqual(["whatsapp.watch.recovered", "c01"]);
    expect(await world.text("c/~account")).toBe(NEWER);
  });

  it("is removed at the next good read if it is damaged", async () => {
    const world = createWatchWorld();
    await world.watch(customers(2));
    await replace(world, "c/~account", "{");
    expect(await world.run()).toMatchObject({ read: 2, failed: 0 });
    expect(await world.text("c/~account")).toBeUndefined();
  });
});

it("a damaged row beside an unusable one is replaced, and keeps no sweep from being whole", async () => {
  const { world } = await worldWith(() => "{");
  await replace(world, "c/~watch.c02", "{");
  await minutes(world, 1);
  expect((await world.row("~watch.c02")).failure).toMatchObject({ code: "ERR_STORE_ROW" });
  expect((await world.run()).freshness.sweep).toBeLessThan(2);
});

it("a lease row with a time that is none is replaced, and ends no run", async () => {
  const world = createWatchWorld();
  await world.watch(customers(3));
  await world.run();
  const lease = JSON.parse((await world.text("lease/poll")) ?? "");
  lease.sweep.full.endedAt = 1e300;
  await replace(world, "lease/poll", JSON.stringify(lease));
  await world.minute();
  expect(await world.run()).toMatchObject({ read: 3, leaseHeld: false });
  expect(world.lines.join()).toContain("lease row unreadable, replaced");
});
