import { describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../../shared/errors.ts";
import type { ResumableScan } from "../../../shared/polling/resumable-scan.ts";
import { readAll, unlimited } from "../../../shared/polling/worker-pool.ts";
import type { Row } from "../../../shared/store/store.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { T0 } from "../../support/watch-builders.ts";

const NOTHING = { progress: () => ({ cursor: "", startedAt: 0, done: false }) };

/** A scan over these keys, pass after pass: the next begins when all rows of one are finished. */
function scanOf(...passes: readonly (readonly string[])[]): ResumableScan {
  const left = passes.map((keys) => keys.map((key) => ({ key, value: "", version: "v" })));
  let open = 0;
  return {
    ...NOTHING,
    invalidate: () => undefined,
    async next() {
      const row = left[0]?.shift();
      if (row) open += 1;
      return row;
    },
    finish() {
      open -= 1;
    },
    restartIfDone: () => open === 0 && left.length > 1 && left.shift()?.length === 0,
  };
}

const keys = (count: number, prefix = "c") =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

/** Reads with three workers. Each read takes a second of a fake clock. */
function startPool(scans: readonly ResumableScan[], read: (row: Row) => void = () => undefined) {
  const clock = createFakeClock(T0);
  const reads: { readonly key: string; readonly at: number }[] = [];
  const limiter = {
    stopped: false,
    stop() {
      limiter.stopped = true;
    },
  };
  const ended = readAll({
    sources: scans.map(unlimited),
    workers: 3,
    async readIfDue(row) {
      reads.push({ key: row.key, at: clock.monotonic() });
      await clock.sleep(1_000);
      read(row);
      return true;
    },
    limiter,
  });
  return { ended: clock.run(ended), reads, limiter };
}

describe("readAll", () => {
  it("workers take from the first source that has a row", async () => {
    const pool = startPool([scanOf(keys(2, "lane")), scanOf(keys(3, "sweep"))]);
    await pool.ended;
    expect(pool.reads).toEqual([
      { key: "lane0", at: 0 },
      { key: "lane1", at: 0 },
      { key: "sweep0", at: 0 },
      { key: "sweep1", at: 1_000 },
      { key: "sweep2", at: 1_000 },
    ]);
  });

  it("a failing store stops the other workers after the reads under way", async () => {
    const down = new StoreUnavailableError("get");
    const pool = startPool([scanOf(keys(60))], ({ key }) => {
      if (key === "c3") throw down;
    });
    await expect(pool.ended).rejects.toBe(down);
    expect(pool.reads.map(({ key }) => key)).toEqual(["c0", "c1", "c2", "c3", "c4", "c5"]);
    expect(pool.limiter.stopped).toBe(true);
  });

  it("a failing store ends the pool while another worker still looks for a row", async () => {
    const down = new StoreUnavailableError("get");
    const slow = scanOf(["a"]);
    const next = slow.next;
    let calls = 0;
    slow.next = async () => {
      calls += 1;
      if (calls > 1) await new Promise((resolve) => setTimeout(resolve, 10));
      return next();
    };
    const pool = startPool([slow], () => {
      throw down;
    });
    await expect(pool.ended).rejects.toBe(down);
  });

  it("a pass that ends is followed by the next one", async () => {
    const pool = startPool([scanOf(["a"], ["b"])]);
    await pool.ended;
    expect(pool.reads.map(({ key }) => key)).toEqual(["a", "b"]);
  });

  it("a pass that follows another is read by all workers", async () => {
    const pool = startPool([scanOf(keys(4, "first"), keys(6, "second"))]);
    await pool.ended;
    const second = pool.reads.filter(({ key }) => key.startsWith("second"));
    expect(second.map(({ at }) => at)).toEqual([2_000, 2_000, 2_000, 3_000, 3_000, 3_000]);
  });
});
