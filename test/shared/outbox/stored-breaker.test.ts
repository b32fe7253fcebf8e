import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { createLog } from "../../../shared/log.ts";
import { loadStoredBreaker, type StoredBreaker } from "../../../shared/outbox/stored-breaker.ts";
import type { Store } from "../../../shared/store/store.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { createTestStore } from "../../support/memory-store.ts";

const SINCE = "2027-01-01T00:00:00.000Z";

const START = 1_800_000_000_000;
const KEY = "ep/receiver";
const OPEN = { schema: 1, state: "open", step: 0, nextProbeAt: START, since: SINCE };
const DOWN = { reason: "network: ENOTFOUND" };

let clock: ReturnType<typeof createFakeClock>;
let lines: string[];
let store: Store;
/** How long the store takes for its next writes, in ms. */
let writeMs: number[];
let readMs: number[];
let writes: number;

beforeEach(() => {
  clock = createFakeClock(START);
  lines = [];
  writeMs = [];
  writes = 0;
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
      writes += 1;
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
  it("stores and logs the cause at the first failure, and that the fifth opened it", async () => {
    const breaker = await load();
    await breaker.failed(DOWN);
    expect(await stored()).toMatchObject({ state: "closed", reason: "network: ENOTFOUND" });
    writes = 0;
    for (let i = 1; i < 4; i += 1) await breaker.failed(DOWN);
    expect(writes).toBe(0);

    await breaker.failed(DOWN);
    expect(breaker.state()).toBe("open");
    expect(await stored()).toMatchObject({ state: "open", nextProbeAt: START + 5_000 });
    expect(lines.map((line) => JSON.parse(line).message)).toEqual([
      "receiver failed",
      "webhook receiver changed state",
    ]);
    expect(lines[0]).toContain('"reason":"network: ENOTFOUND"');
    expect(lines[1]).toContain('"state":"open","reason":"network: ENOTFOUND"');
  });

  it("logs each new cause of failed deliveries and probes once", async () => {
    const breaker = await load();
    await breaker.failed(DOWN);
    await breaker.failed({ reason: "status 308", status: 308 });
    for (let i = 0; i < 3; i += 1) await breaker.failed(DOWN);
    const refused = { kind: "failed", reason: "network", transportCode: "ECONNREFUSED" } as const;
    await breaker.probed(refused);
    await breaker.probed(refused);
    const causes = lines.map((line) => JSON.parse(line)).filter(({ state }) => !state);
    expect(causes.map(({ reason }) => reason)).toEqual([
      "network: ENOTFOUND",
      "status 308",
      "network: ENOTFOUND",
      "network: ECONNREFUSED",
    ]);
  });

  it("forgets the cause at the end of a run whose last delivery was accepted", async () => {
    const breaker = await load();
    await breaker.failed(DOWN);
    await breaker.accepted();
    await breaker.saveRun("");
    expect(await stored()).toEqual({
      ...{ schema: 1, state: "closed", step: 0, nextProbeAt: 0, failures: 0, place: "" },
      since: new Date(START).toISOString(),
    });
  });

  it("keeps the cause at the end of a run whose last delivery failed", async () => {
    const breaker = await load();
    await breaker.failed(DOWN);
    await breaker.saveRun("");
    expect(await stored()).toMatchObject({ failures: 1, reason: "network: ENOTFOUND" });
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
