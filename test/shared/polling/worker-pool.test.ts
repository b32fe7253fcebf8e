import { describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../../shared/errors.ts";
import { createRateLimiter } from "../../../shared/pacing/rate-limiter.ts";
import { NOTHING_LEFT, type ReadSource } from "../../../shared/polling/read-source.ts";
import { readAll } from "../../../shared/polling/worker-pool.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { T0 } from "../../support/watch-builders.ts";

/** A source of these customers. `later` come at their time, and the run stays for them if awaited. */
function sourceOf(
  clock: { monotonic(): number },
  names: readonly string[],
  later: readonly (readonly [number, string])[] = [],
  isAwaited = true,
): ReadSource {
  const left = names.map((name): readonly [number, string] => [0, name]).concat(later);
  return {
    async next() {
      const [first] = left;
      if (!first || first[0] > clock.monotonic()) return undefined;
      left.shift();
      return { customer: first[1], from: "sweep", dueIn: () => 0, finish: () => undefined };
    },
    outlook: () => (left[0] ? { inMs: left[0][0] - clock.monotonic(), isAwaited } : NOTHING_LEFT),
  };
}

/** Reads with three workers, each read a second of a fake clock, for a minute at most. */
function startPool(
  sourcesOf: (clock: { monotonic(): number }) => readonly ReadSource[],
  onRead: (customer: string) => void = () => undefined,
) {
  const clock = createFakeClock(T0);
  const reads: { readonly customer: string; readonly at: number }[] = [];
  const limiter = createRateLimiter({ limit: 100, stopAt: 60_000 }, clock);
  const ended = readAll({
    sources: sourcesOf(clock),
    workers: 3,
    async read({ customer }) {
      reads.push({ customer, at: clock.monotonic() });
      await clock.sleep(1_000);
      onRead(customer);
      return true;
    },
    limiter,
  });
  return { clock, reads, ended: clock.run(ended) };
}

describe("readAll", () => {
  it("workers take from the first source that has a customer", async () => {
    const pool = startPool((clock) => [
      sourceOf(clock, ["lane0", "lane1"]),
      sourceOf(clock, ["sweep0", "sweep1", "sweep2"]),
    ]);
    await pool.ended;
    expect(pool.reads).toEqual([
      { customer: "lane0", at: 0 },
      { customer: "lane1", at: 0 },
      { customer: "sweep0", at: 0 },
      { customer: "sweep1", at: 1_000 },
      { customer: "sweep2", at: 1_000 },
    ]);
    expect(pool.clock.monotonic()).toBe(2_000);
  });

  it("a failing store stops the other workers after the reads under way", async () => {
    const down = new StoreUnavailableError("get");
    const names = Array.from({ length: 60 }, (_, index) => `c${index}`);
    const pool = startPool(
      (clock) => [sourceOf(clock, names)],
      (customer) => {
        if (customer === "c3") throw down;
      },
    );
    await expect(pool.ended).rejects.toBe(down);
    expect(pool.reads.map(({ customer }) => customer)).toEqual(names.slice(0, 6));
  });

  it("the pool waits for what a source says is worth it, and no longer", async () => {
    const pool = startPool((clock) => [
      sourceOf(clock, ["now"], [[20_000, "later"]]),
      sourceOf(clock, [], [[30_000, "never"]], false),
    ]);
    await pool.ended;
    expect(pool.reads).toEqual([
      { customer: "now", at: 0 },
      { customer: "later", at: 20_000 },
    ]);
    expect(pool.clock.monotonic()).toBe(21_000);
  });

  it("a source that is not waited for is looked at while another lasts", async () => {
    const pool = startPool((clock) => [
      sourceOf(clock, [], [[10_000, "lane"]], false),
      sourceOf(clock, [], [[20_000, "sweep"]]),
    ]);
    await pool.ended;
    expect(pool.reads.map(({ customer, at }) => [customer, at])).toEqual([
      ["lane", 10_000],
      ["sweep", 20_000],
    ]);
  });

  it("no read begins after the limiter's end", async () => {
    const pool = startPool((clock) => [sourceOf(clock, [], [[70_000, "late"]])]);
    await pool.ended;
    expect(pool.reads).toEqual([]);
    expect(pool.clock.monotonic()).toBe(60_000);
  });
});
