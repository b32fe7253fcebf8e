import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { createLog } from "../../../shared/log.ts";
import { loadStoredBreaker, type StoredBreaker } from "../../../shared/outbox/stored-breaker.ts";
import type { Store } from "../../../shared/store/store.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { createTestStore } from "../../support/memory-store.ts";

const START = 1_800_000_000_000;
const KEY = "ep/receiver";
const OPEN = { schema: 1, state: "open", step: 0, nextProbeAt: START, since: "then" };
const DOWN = { reason: "network" };

let clock: ReturnType<typeof createFakeClock>;
let lines: string[];
let store: Store;
/** How long the store takes for its next writes, in ms. */
let writeMs: number[];
let readMs: number[];

beforeEach(() => {
  clock = createFakeClock(START);
  lines = [];
  writeMs = [];
  const memory = createTestStore();
  readMs = [];
  onTestFinished(() => memory.close());
  store = {
    ...memory,
    async get(key) {
      await clock.sleep(readMs.shift() ?? 0);
      return memory.get(key);
    },
    async put(...args) {
      await clock.sleep(writeMs.shift() ?? 0);
      return memory.put(...args);
    },
  };
});

async function load(row?: object): Promise<StoredBreaker> {
  if (row) await store.put(KEY, JSON.stringify(row), "absent");
  return loadStoredBreaker("receiver", {
    store,
    now: clock.now,
    monotonic: clock.monotonic,
    random: () => 0.5,
    log: createLog({ level: "warn", now: clock.now, write: (line) => lines.push(line) }),
  });
}

const stored = async () => JSON.parse((await store.get(KEY))?.value ?? "null");

describe("a stored breaker", () => {
  it("stores and logs that the breaker opened, and nothing before", async () => {
    const breaker = await load();
    for (let i = 0; i < 4; i += 1) await breaker.failed(DOWN);
    expect(await stored()).toBeNull();

    await breaker.failed(DOWN);
    expect(breaker.state()).toBe("open");
    expect(await stored()).toMatchObject({ state: "open", nextProbeAt: START + 5_000 });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('"state":"open","reason":"network"');
  });

  it("stores what each result of a probe means", async () => {
    const breaker = await load(OPEN);
    await breaker.probed({ kind: "refused", status: 400 });
    expect(await stored()).toMatchObject({ state: "open", step: 1, reason: "status 400" });
    await breaker.probed({ kind: "delivered", status: 204 });
    expect(await stored()).toMatchObject({ state: "closed" });
    expect(breaker.hasAcceptedRecently()).toBe(true);
    await breaker.probed({ kind: "gone", status: 410 });
    expect(await stored()).toMatchObject({ state: "disabled", reason: "410" });
  });

  it("counts an acceptance as recent for a minute", async () => {
    const breaker = await load();
    expect(breaker.hasAcceptedRecently()).toBe(false);
    await breaker.accepted();
    await clock.advance(59_999);
    expect(breaker.hasAcceptedRecently()).toBe(true);
    await clock.advance(1);
    expect(breaker.hasAcceptedRecently()).toBe(false);
  });

  it("keeps the failures in a row for the next run", async () => {
    const first = await load();
    for (let i = 0; i < 3; i += 1) await first.failed(DOWN);
    await first.saveRun("");
    const second = await load();
    await second.failed(DOWN);
    expect(second.state()).toBe("closed");
    await second.failed(DOWN);
    expect(second.state()).toBe("open");
  });

  it("obeys a pause that an operator stored meanwhile", async () => {
    const breaker = await load(OPEN);
    const known = await store.get(KEY);
    const paused = { ...OPEN, state: "paused" };
    await store.put(KEY, JSON.stringify(paused), known?.version ?? "absent");
    await breaker.probed({ kind: "delivered", status: 204 });
    expect(breaker.state()).toBe("paused");
  });

  it("keeps a 410 that comes while an operator's pause is found", async () => {
    const breaker = await load(OPEN);
    const known = await store.get(KEY);
    await store.put(KEY, JSON.stringify({ ...OPEN, state: "paused" }), known?.version ?? "absent");
    readMs = [100];
    const probe = breaker.probed({ kind: "delivered", status: 204 });
    const gone = breaker.gone();
    await clock.run(Promise.all([probe, gone]));

    expect(breaker.state()).toBe("disabled");
    expect(await stored()).toMatchObject({ state: "disabled", reason: "410" });
  });

  it("keeps the longest Retry-After of failures that come while the first is being stored", async () => {
    const breaker = await load();
    writeMs = [100];
    const first = breaker.failed({ reason: "status 429", retryAfterMs: 60_000 });
    const second = breaker.failed({ reason: "status 429", retryAfterMs: 3_600_000 });
    await clock.run(Promise.all([first, second]));

    expect(breaker.allowance()).toEqual({ atOnce: 0, retryAt: START + 3_600_000 });
    expect(await stored()).toMatchObject({ nextProbeAt: START + 3_600_000 });
  });
});
