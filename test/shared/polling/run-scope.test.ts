import { describe, expect, it } from "vitest";
import {
  StoreUnavailableError,
  UpstreamAccountError,
  UpstreamThrottledError,
} from "../../../shared/errors.ts";
import { refusalOf } from "../../support/fake-upstream.ts";
import { item, NUMBER } from "../../support/watch-builders.ts";
import { createWatchWorld, customers, type WatchWorld } from "../../support/watch-world.ts";

const QUERY = { action: "QueryChatappPhoneNumbers" };
const REFUSED = new UpstreamAccountError({ ...QUERY, upstreamCode: "SignatureDoesNotMatch" });
const RED = { QualityRating: "RED" };
const THROTTLED = new UpstreamThrottledError(QUERY, 100);

/** Customers that have been read once, a minute ago. */
async function knownWorld(count: number): Promise<WatchWorld> {
  const world = createWatchWorld();
  await world.watch(customers(count));
  await world.run();
  await world.minute();
  world.forget();
  return world;
}

async function runs(world: WatchWorld, count: number, settings = {}) {
  const reports = [];
  for (let run = 0; run < count; run += 1) {
    reports.push(await world.run(settings));
    await world.minute();
  }
  return reports;
}

const sentEvents = (world: WatchWorld) =>
  world.sent.map(({ event }) => {
    const { type, subject, data } = JSON.parse(event.body);
    return [type, subject, data.code];
  });

describe("one customer's refusal", () => {
  it.each([
    "Forbidden.RiskControl",
    "Forbidden.UserVerification",
    "Authentication.NoAuth",
    "Product.Unsubscript",
    "BizError.Unlisted",
    "Forbidden.RAM",
    "InvalidAccessKeyId.NotFound",
  ])(
    "%s of one of sixty keeps no other from being read, and is not the account's",
    async (code) => {
      const world = await knownWorld(60);
      world.answers.set("c05", refusalOf(QUERY, code));
      for (const report of await runs(world, 8)) {
        expect(report).toMatchObject({ read: 59, failed: 1, sweepDone: true });
        expect(report.stopped).toBeUndefined();
      }
      expect((await world.row("c05")).failure).toMatchObject({ upstreamCode: code });
      expect(await world.text("c/~account")).toBeUndefined();
    },
  );

  it.each([1, 8, 20])(
    "unknown refusals of twelve neighbours end no run, at %i QPS",
    async (qps) => {
      const world = await knownWorld(40);
      for (const customer of customers(12)) {
        world.answers.set(customer, refusalOf(QUERY, "BizError.NotBound"));
      }
      const reports = await runs(world, 4, { qps });
      expect(reports.map(({ stopped }) => stopped)).toEqual(reports.map(() => undefined));
      expect(reports.reduce((sum, { read }) => sum + read, 0)).toBeGreaterThanOrEqual(
        28 * (qps > 1 ? 4 : 2),
      );
    },
  );
});

describe("a refusal of the only customer that is due", () => {
  const EVENTS = [["whatsapp.watch.stale", "c01", "ERR_UPSTREAM_REJECTED"]];

  it.each([
    ["hinted every five minutes", "hint/c01", 900_000],
    ["in the priority lane", "hot/c01", 600_000],
    ["in the priority lane, and the others due hourly", "hot/c01", 3_600_000],
  ])("is its own, however long it lasts: %s", async (_, key, pollIntervalMs) => {
    const world = createWatchWorld();
    const settings = { pollIntervalMs, hints: true };
    await world.watch(customers(5));
    await runs(world, 1, settings);
    world.answers.set("c01", refusalOf(QUERY, "Forbidden.RiskControl"));
    const at = world.clock.now();
    const lane = { schema: 1, askedAt: at, askedUntil: at + 86_400_000 };
    for (let run = 0; run < 130; run += 1) {
      const mark = { schema: 1, at: world.clock.now() };
      const row = JSON.stringify(key === "hint/c01" ? mark : lane);
      if (run % 5 === 0) await world.store.put(key, row, "absent");
      const { durationMs } = await world.run(settings);
      expect(await world.text("c/~account")).toBeUndefined();
      await world.clock.advance(60_000 - durationMs);
    }
    expect((await world.row("c01")).failure).toMatchObject({ code: "ERR_UPSTREAM_REJECTED" });
    expect(sentEvents(world)).toEqual(EVENTS);
  });

  it.each([
    ["a customer's", refusalOf(QUERY, "Product.Unsubscript"), "ERR_UPSTREAM_REJECTED"],
    ["an account's that nothing proves", REFUSED, "ERR_UPSTREAM_ACCOUNT"],
  ])(
    "with %s code is the account's after half an hour, also of new instances",
    async (_, answer, code) => {
      const world = await knownWorld(1);
      world.answers.set("c01", answer);
      for (let run = 0; run < 30; run += 1) {
        world.restart();
        await runs(world, 1);
        expect(await world.text("c/~account")).toBeUndefined();
      }
      expect((await world.row("c01")).failure).toMatchObject({ code, reads: 2 });
      await runs(world, 2);
      expect(sentEvents(world)).toEqual([
        ["whatsapp.watch.stale", "c01", code],
        ["whatsapp.watch.stale", "~account", code],
      ]);
      expect((await world.row("~account")).failure?.since).toBe("2026-01-01T00:01:00.020Z");
    },
  );

  it("is not the account's if runs only begin again after a long pause", async () => {
    const world = await knownWorld(1);
    world.answers.set("c01", refusalOf(QUERY, "Product.Unsubscript"));
    await world.clock.advance(7_200_000);
    await runs(world, 29);
    expect(await world.text("c/~account")).toBeUndefined();
  });
});

describe("the account's refusal", () => {
  it("is no account's trouble while others are read: those refused are named", async () => {
    const world = await knownWorld(60);
    for (const customer of customers(25)) {
      world.answers.set(customer, refusalOf(QUERY, "NoPermission"));
    }
    const reports = await runs(world, 45);

    expect(reports.filter(({ stopped }) => stopped === "account").length).toBeGreaterThan(10);
    expect(sentEvents(world).filter(([, subject]) => subject === "~account")).toEqual([]);
    expect(sentEvents(world)).toContainEqual([
      "whatsapp.watch.stale",
      "c05",
      "ERR_UPSTREAM_ACCOUNT",
    ]);
  });

  it("is not proven across a good answer that the store then fails to keep", async () => {
    const world = await knownWorld(12);
    for (const customer of ["c01", "c04"]) world.answers.set(customer, REFUSED);
    for (const customer of ["c02", "c03"]) world.answers.set(customer, [item(NUMBER, RED)]);
    world.onStore = async (operation, key) => {
      const isUnkept = operation === "put" && ["c/c02", "c/c03"].includes(key);
      if (isUnkept) throw new StoreUnavailableError("put");
    };

    // One call a second, so that the fourth begins after the first is answered.
    const report = await world.run({ qps: 1 });
    expect(report).toMatchObject({ read: 8, failed: 4 });
    expect(report.stopped).toBeUndefined();
  });

  it("calls that fail together do not prove it", async () => {
    const world = await knownWorld(60);
    let left = 8;
    for (const customer of customers(60)) {
      world.answers.set(customer, () => {
        left -= 1;
        return left >= 0 ? REFUSED : [{ PhoneNumber: "4915100000001", Status: "CONNECTED" }];
      });
    }
    world.latencyMs = 500;
    const report = await world.run();
    expect(report).toMatchObject({ read: 52, failed: 8 });
    expect(report.stopped).toBeUndefined();
  });

  it.each([1, 2])("with %i customers, the account itself is asked for the proof", async (count) => {
    const world = await knownWorld(count);
    for (const customer of [...customers(count), "self"]) world.answers.set(customer, REFUSED);
    expect(await world.run()).toMatchObject({ stopped: "account", failed: count });
    expect(world.calls.at(-1)).toMatchObject({ customer: "self" });
    expect(await world.row("c01")).not.toHaveProperty("failure");

    const other = await knownWorld(count);
    for (const customer of customers(count)) other.answers.set(customer, REFUSED);
    expect((await other.run()).stopped).toBeUndefined();
  });
});

describe("throttling", () => {
  it("of one customer is nobody's failure, and others are read", async () => {
    const world = await knownWorld(20);
    world.answers.set("c03", THROTTLED);
    const [report] = await runs(world, 3);
    expect(report).toMatchObject({ read: 19, failed: 0, throttled: 1, sweepDone: true });
    expect(await world.row("c03")).not.toHaveProperty("failure");
  });

  it("of everybody ends no run, and is the account's after half an hour", async () => {
    const world = await knownWorld(20);
    for (const customer of customers(20)) world.answers.set(customer, THROTTLED);
    const reports = await runs(world, 28);
    expect(reports.at(-1)).toMatchObject({ read: 0, failed: 0 });
    expect(reports.every(({ stopped }) => stopped === undefined)).toBe(true);
    expect(sentEvents(world)).toEqual([]);
    await runs(world, 10);
    expect(sentEvents(world)).toEqual([
      ["whatsapp.watch.stale", "~account", "ERR_UPSTREAM_THROTTLED"],
    ]);

    world.answers.clear();
    await runs(world, 2);
    expect(sentEvents(world).slice(1)).toEqual([
      ["whatsapp.watch.recovered", "~account", "ERR_UPSTREAM_THROTTLED"],
    ]);
  });
});

describe("an upstream that never answers", () => {
  it.each([5_000, 20_000, 24_000, 50_000])("is reported, with runs of %i ms", async (runMs) => {
    const world = await knownWorld(12);
    world.latencyMs = Number.POSITIVE_INFINITY;
    const reports = await runs(world, 40, { runMs });
    expect(reports.every(({ failed }) => failed > 0)).toBe(true);
    expect(sentEvents(world)).toEqual([
      ["whatsapp.watch.stale", "~account", "ERR_UPSTREAM_TIMEOUT"],
    ]);
    expect(world.lines.some((line) => line.includes("could not be read"))).toBe(true);
  });
});
