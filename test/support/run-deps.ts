import { createLog } from "../../shared/log.ts";
import type { RunDeps, RunSettings } from "../../shared/polling/settings.ts";
import { createCounter } from "./memory-store.ts";
import { SOURCE } from "./watch-builders.ts";

/** A run of the usual length, with the usual pace and interval, that only queries. */
export const RUN_SETTINGS: RunSettings = {
  source: SOURCE,
  receiverId: "receiver",
  qps: 8,
  runMs: 50_000,
  pollIntervalMs: 60_000,
  watch: [],
  discover: false,
  sync: "off",
  health: false,
  hints: false,
};

/** The test event is made outside of a run, and faked here. */
export const TEST_EVENT = { id: "evt_test", body: '{"type":"webhook.test"}' };

type Given = Pick<RunDeps, "store" | "upstream" | "send" | "now" | "monotonic" | "sleep">;

/** The dependencies of a run. Its log is silent unless one is given. */
export function createRunDeps(given: Given & Partial<RunDeps>): RunDeps {
  return {
    testEvent: () => TEST_EVENT,
    random: () => 0.5,
    newId: createCounter("run-"),
    log: createLog({ level: "error", now: given.now, write: () => {} }),
    expire: async (place) => place,
    ...given,
  };
}
