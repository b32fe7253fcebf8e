import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { runPoll } from "../../../shared/polling/run-poll.ts";
import { newWarmState } from "../../../shared/polling/warm-state.ts";
import { customerKey } from "../../../shared/schemas/customer-row.ts";
import { openPgliteStore } from "../../../shared/store/pglite.ts";
import type { Store } from "../../../shared/store/store.ts";
import { countOperations, customerId, numberOf } from "../../bench/sweep-store.ts";
import { openSandboxStore } from "../../sandbox/tablestore/sandbox-store.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { createFakeUpstream } from "../../support/fake-upstream.ts";
import { createRunDeps, RUN_SETTINGS } from "../../support/run-deps.ts";
import { rowOf, stateOf, T0 } from "../../support/watch-builders.ts";

const MINUTE = 60_000;

/** The second run over so many unchanged customers, and what it took of the store. */
async function secondRun(opened: Store, customers: number) {
  const clock = createFakeClock(T0 + 10 * MINUTE);
  /** Real input and output takes no time of the run. */
  const held =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const release = clock.hold();
      return call(...args).finally(release);
    };
  const { store: counted, counts } = countOperations(opened);
  const store: Store = {
    get: held(counted.get),
    put: held(counted.put),
    delete: held(counted.delete),
    scan: held(counted.scan),
    close: opened.close,
  };
  for (let index = 0; index < customers; index += 1) {
    const id = customerId(index);
    const row = rowOf({ [numberOf(id).PhoneNumber]: stateOf() });
    await opened.put(customerKey(id), JSON.stringify(row), "absent");
  }
  const upstream = createFakeUpstream({ query: ({ customer }) => [numberOf(customer)] });
  const send = () => Promise.reject(new Error("nothing changes"));
  const deps = createRunDeps({ ...clock, store, upstream, send, newId: randomUUID });
  const warm = newWarmState();
  await clock.run(runPoll(deps, RUN_SETTINGS, warm));
  await clock.advance(MINUTE);
  Object.assign(counts, { get: 0, scan: 0, put: 0, delete: 0 });
  const { read } = await clock.run(runPoll(deps, RUN_SETTINGS, warm));
  return { read, calls: counts.get + counts.scan + counts.put + counts.delete };
}

async function openPglite(): Promise<Store> {
  const folder = await mkdtemp(join(tmpdir(), "run-cost-"));
  const store = await openPgliteStore({ folder: join(folder, "store"), newVersion: randomUUID });
  onTestFinished(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });
  return store;
}

async function openTablestore(): Promise<Store> {
  const { store, close } = await openSandboxStore();
  onTestFinished(close);
  return store;
}

describe.each([
  ["PGlite", openPglite],
  ["the Tablestore stand-in", openTablestore],
] as const)("what a run costs %s", (_name, open) => {
  it("a run with one customer takes eight calls", { timeout: 60_000 }, async () => {
    expect(await secondRun(await open(), 1)).toEqual({ read: 1, calls: 8 });
  });

  it("an unchanged customer takes at most a fifth of a call", { timeout: 120_000 }, async () => {
    const { read, calls } = await secondRun(await open(), 300);
    expect(read).toBe(300);
    expect((calls - 8) / read).toBeLessThan(0.2);
  });
});
