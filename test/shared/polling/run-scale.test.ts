import { describe, expect, it } from "vitest";
import { unwatchCustomer } from "../../../shared/customers/watch-list.ts";
import {
  StoreUnavailableError,
  UpstreamAccountError,
  UpstreamContractError,
  UpstreamRejectedError,
  UpstreamThrottledError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from "../../../shared/errors.ts";
import type { NumberEvent } from "../../../shared/schemas/event.ts";
import { isPhoneNumberItem, type PhoneNumberItem } from "../../../shared/schemas/upstream.ts";
import { createRandom, type Random } from "../../schedules/scheduler.ts";
import { type FakeReply, NO_LIST } from "../../support/fake-upstream.ts";
import { SEED } from "../../support/seed.ts";
import {
  gist,
  item,
  MINUTE,
  NUMBER,
  OTHER,
  rowOf,
  stateOf,
  T0,
} from "../../support/watch-builders.ts";
import { createWatchWorld, type WatchWorld } from "../../support/watch-world.ts";

const FACTS = { action: "QueryChatappPhoneNumbers" };

/** `c0001`, `c0002`, …: key order is their order. */
const ids = (count: number) =>
  Array.from({ length: count }, (_, index) => `c${String(index + 1).padStart(4, "0")}`);

/** Customers whose one number was seen before. */
async function knownWorld(count: number): Promise<WatchWorld> {
  const world = createWatchWorld();
  await world.watch(ids(count), rowOf({ [NUMBER]: stateOf() }));
  return world;
}

const read = (world: WatchWorld) => world.calls.map(({ customer }) => customer);

/** Runs of one minute each until the first sweep has come to its end. */
async function sweep(world: WatchWorld, mostRuns = 10): Promise<number> {
  for (let runs = 1; runs <= mostRuns; runs += 1) {
    const { freshness, durationMs } = await world.run();
    await world.clock.advance(MINUTE - durationMs);
    if (freshness.sweptAt) return runs;
  }
  throw new Error("the sweep did not end");
}

describe("a sweep of 2,000 customers", () => {
  it("a sweep of 2,000 customers costs no write for an unchanged one", async () => {
    const world = await knownWorld(2_000);
    const before = await world.text("c/c1234");
    await sweep(world);
    expect(new Set(read(world)).size).toBe(2_000);
    expect(new Set(world.writes)).toEqual(new Set(["lease/poll"]));
    expect(await world.text("c/c1234")).toBe(before);
  });

  it("a sweep of 2,000 customers takes as long with 200 failing in a row", async () => {
    const whole = await knownWorld(2_000);
    expect(await sweep(whole)).toBe(6);
    const broken = await knownWorld(2_000);
    for (const customer of ids(200)) {
      broken.answers.set(customer, new UpstreamRejectedError(FACTS, "customer"));
    }
    expect(await sweep(broken)).toBe(6);
    expect(new Set(read(broken))).toEqual(new Set(read(whole)));
  });

  it("a sweep continues after a restart, with one customer added and one removed", async () => {
    const world = await knownWorld(2_000);
    const first = await world.run();
    const reached = world.calls.at(-1)?.customer ?? "";
    expect(first.sweepDone).toBe(false);
    expect(reached > "c0300" && reached < "c0500").toBe(true);
    await world.watch(["c0000", "c1500a"], rowOf({ [NUMBER]: stateOf() }));
    await unwatchCustomer(world.store, "c1600", {
      drop: false,
      listed: false,
      now: world.clock.now,
    });
    world.restart();
    await sweep(world);

    const once = [...ids(2_000).filter((id) => id !== "c1600"), "c1500a"].sort();
    expect(read(world).slice(0, once.length).sort()).toEqual(once);
    // It lies before the cursor, so it comes first in the next sweep.
    await world.run();
    expect(read(world)[once.length]).toBe("c0000");
    expect(read(world)).not.toContain("c1600");
  });
});

describe("a customer that always fails", () => {
  it.each([
    ["at once", 0],
    ["after eight seconds", 8_000],
  ])("a customer that always fails %s delays no other", async (_, delayMs) => {
    const world = await knownWorld(50);
    world.answers.set("c0010", async () => {
      await world.clock.sleep(delayMs);
      return new UpstreamRejectedError(FACTS, "customer");
    });
    for (let minute = 0; minute < 20; minute += 1) {
      const { read: good, durationMs } = await world.run();
      expect(good).toBe(49);
      await world.clock.advance(MINUTE - durationMs);
    }
    for (const customer of ids(50)) {
      const times = world.calls.filter((call) => call.customer === customer).map(({ at }) => at);
      const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
      if (customer === "c0010") expect(times.length).toBeGreaterThanOrEqual(10);
      else expect([times.length, Math.max(...gaps) < 70_000]).toEqual([20, true]);
    }
  });
});

const sentGists = (world: WatchWorld) =>
  world.sent.map(({ event }) => gist({ ...event, seq: 0, type: JSON.parse(event.body).type }));

const usual = () => [item(), item(OTHER)];
const doubled = () => [...usual(), item(NUMBER, { Status: "BANNED" })];

/** Replies that say nothing new about the numbers of `usual`, in an odd form or not at all. */
const ODD: readonly (readonly [string, () => FakeReply])[] = [
  ["throttling", () => new UpstreamThrottledError(FACTS, 100)],
  ["a timeout", () => new UpstreamTimeoutError(FACTS)],
  ["an outage", () => new UpstreamUnavailableError(FACTS, false)],
  ["an unknown form", () => new UpstreamContractError(FACTS)],
  ["a refusal", () => new UpstreamRejectedError(FACTS, "customer")],
  ["an account's error", () => new UpstreamAccountError(FACTS)],
  ["no list", () => NO_LIST],
  ["an empty list", () => []],
  ["a list without one number", () => [item()]],
  ["a reordered list", () => usual().toReversed()],
  ["a malformed entry", () => [item(), 42]],
  ["one number twice, contradicting itself", () => doubled()],
  ["an unknown field", () => usual().map((one) => ({ ...one, NewThing: { A: [1] } }))],
  ["a field left out", () => [item(NUMBER, { QualityRating: undefined }), item(OTHER)]],
  ["a field of another kind", () => [item(NUMBER, { Status: 7, NameStatus: null }), item(OTHER)]],
  ["numbers written with a plus", () => [item(`+${NUMBER}`), item(OTHER)]],
];

describe("no event is invented", () => {
  it.each(ODD)(
    "%s invents no event, at a first run, a restart or in between",
    async (name, odd) => {
      const world = createWatchWorld();
      await world.watch(ids(3));
      const answer = (answers: () => FakeReply) => {
        for (const customer of ids(3)) world.answers.set(customer, answers);
      };
      // A number that a first whole list lacks and the next has is rightly discovered.
      const first = name === "a list without one number" ? usual : odd;
      for (const answers of [first, usual, odd, usual, usual, odd, usual]) {
        answer(answers);
        await world.run();
        world.restart();
        await world.clock.advance(130_000);
      }
      expect(sentGists(world)).toEqual([]);
    },
  );

  it("an unknown value invents no event, but its coming and going are sent", async () => {
    const world = createWatchWorld();
    await world.watch(ids(1));
    const values = ["HOVERING", "HOVERING", "CONNECTED", "CONNECTED", "HOVERING", "HOVERING"];
    for (const Status of values) {
      world.answers.set("c0001", [item(NUMBER, { Status })]);
      await world.run();
      await world.minute();
    }
    expect(sentGists(world)).toEqual([
      `changed ${NUMBER} status:HOVERING>CONNECTED`,
      `changed ${NUMBER} status:CONNECTED>HOVERING`,
    ]);
  });

  it("24 hours of random faults, restarts and dead stores invent no event and lose none", {
    timeout: 60_000,
  }, async () => {
    const { world, truth, changes } = await runDay(createRandom(SEED));
    // After failures of the receiver, poll probes it with test events.
    const sent = world.sent.filter(({ event }) => event.id !== "evt_test");
    const events = new Map(
      sent.map(({ event }) => [event.id, JSON.parse(event.body) as NumberEvent]),
    );
    const known = new Map<string, string>();
    for (const { type, time, data } of events.values()) {
      expect(type).toBe("whatsapp.phone_number.changed");
      for (const { field, from, to } of data.changes) {
        const name = `${data.custSpaceId} ${data.phoneNumber} ${field}`;
        expect(`${name} ${from}`).toBe(`${name} ${known.get(name) ?? INITIAL[field]}`);
        const held = changes.findLast((one) => one.name === name && one.at <= Date.parse(time));
        expect(`${name} ${to}`).toBe(`${name} ${held?.to}`);
        known.set(name, to);
      }
    }
    expect(events.size).toBeGreaterThan(20);
    for (const [name, value] of truth) {
      expect(`${name} ${known.get(name) ?? INITIAL[name.split(" ")[2] ?? ""]}`).toBe(
        `${name} ${value}`,
      );
    }
  });
});

const INITIAL: Readonly<Record<string, string>> = { status: "CONNECTED", qualityRating: "GREEN" };
const VALUES: Readonly<Record<string, readonly string[]>> = {
  status: ["CONNECTED", "FLAGGED", "BANNED", "HOVERING"],
  qualityRating: ["GREEN", "YELLOW", "RED", "PURPLE"],
};
/** By now something true must be shown again, or a number would rightly be called missing. */
const LONGEST_DOUBT_MS = 6 * MINUTE;

/** A day of five customers with two numbers each. Those of the last two never change. */
async function runDay(random: Random) {
  const world = createWatchWorld();
  const truth = new Map<string, string>();
  const changes: { name: string; at: number; to: string }[] = [];
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)] as T;
  let isCalm = true;

  const line = (customer: string, number: string) =>
    item(number, {
      Status: truth.get(`${customer} ${number} status`) ?? INITIAL.status,
      QualityRating: truth.get(`${customer} ${number} qualityRating`) ?? INITIAL.qualityRating,
    });
  /** The numbers as they are, in the form of an odd reply. */
  function spoil(customer: string, plain: PhoneNumberItem[]): FakeReply {
    const odd = pick(ODD)[1]();
    if (!Array.isArray(odd)) return odd;
    return odd.map((one) => {
      if (!isPhoneNumberItem(one)) return one;
      const own = line(customer, one.PhoneNumber.replace("+", ""));
      const isContrary = one.Status === "BANNED";
      const kept = Object.entries(own).filter(([name]) => one[name] !== undefined);
      const wrong = Object.entries(one).filter(([, value]) => typeof value !== "string");
      const spoiled = Object.fromEntries([...kept, ...wrong]);
      return {
        ...spoiled,
        PhoneNumber: one.PhoneNumber,
        Status: isContrary ? `NOT_${plain[0]?.Status}` : spoiled.Status,
      };
    });
  }

  for (const customer of ids(5)) {
    let shownAt = T0;
    world.answers.set(customer, () => {
      const plain = [line(customer, NUMBER), line(customer, OTHER)];
      const isDoubtful = world.clock.now() - shownAt > LONGEST_DOUBT_MS;
      if (!isCalm && !isDoubtful && random() < 0.4) return spoil(customer, plain);
      shownAt = world.clock.now();
      return plain;
    });
  }
  const change = () => {
    const field = pick(["status", "qualityRating"]);
    const name = `${pick(ids(3))} ${pick([NUMBER, OTHER])} ${field}`;
    const to = pick(VALUES[field] ?? []);
    truth.set(name, to);
    changes.push({ name, at: world.clock.now(), to });
  };

  await world.watch(ids(5));
  world.receive = () =>
    !isCalm && random() < 0.25
      ? { kind: "failed", reason: "network" }
      : { kind: "delivered", status: 204 };
  for (let minute = 0; minute <= 24 * 60 + 90; minute += 1) {
    isCalm = minute === 0 || minute > 24 * 60;
    if (!isCalm && random() < 0.2) change();
    if (random() < 0.05) world.restart();
    const failing = !isCalm && random() < 0.02 ? Math.floor(random() * 30) : undefined;
    let operations = 0;
    world.onStore = () => {
      operations += 1;
      if (failing !== undefined && operations > failing) throw new StoreUnavailableError("get");
    };
    const began = world.clock.now();
    await world.run().catch((error: unknown) => {
      if (failing === undefined) throw error;
      expect(error).toMatchObject({ code: "ERR_STORE" });
    });
    await world.clock.advance(Math.max(0, MINUTE - (world.clock.now() - began)));
  }
  return { world, truth, changes };
}
