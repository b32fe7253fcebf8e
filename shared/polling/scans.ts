import { type LaneKind, laneOf } from "../customers/priority-lane.ts";
import type { RateLimiter } from "../pacing/rate-limiter.ts";
import { CUSTOMER_PREFIX } from "../schemas/customer-row.ts";
import { LANE_PREFIX, NEW_SCAN, type ScanState } from "../schemas/watch-rows.ts";
import { retryRead } from "../store/retry-read.ts";
import type { Row, Store } from "../store/store.ts";
import { LANE_INTERVAL_RATIO, patienceMs } from "./due.ts";
import { decodeLaneRow } from "./lane-rows.ts";
import type { Progress } from "./lease.ts";
import { createResumableScan, type ResumableScan } from "./resumable-scan.ts";
import type { RunDeps } from "./settings.ts";

/** A store that failed is tried again after this. */
const STORE_WAIT_MS = 1_000;

export type ScansDeps = Pick<RunDeps, "store" | "now" | "log"> & {
  readonly limiter: Pick<RateLimiter, "wait">;
};

/** Where the scans are. */
export type ScanProgress = Omit<
  Progress,
  "discovery" | "health" | "hints" | "expiryCursor" | "retention"
>;

export type Scans = {
  readonly lanes: Readonly<Record<LaneKind, ResumableScan>>;
  readonly sweep: ResumableScan;
  progress(): ScanProgress;
  /** Keeps all passes of this run from confirming anything: failures were not stored. */
  invalidate(): void;
};

/** The scans of a run, each from where the last run left it. */
export function startScans(progress: ScanProgress, pollIntervalMs: number, deps: ScansDeps): Scans {
  const wait = () => deps.limiter.wait(STORE_WAIT_MS);
  const store: Pick<Store, "scan"> = {
    scan: (...page) => retryRead(() => deps.store.scan(...page), wait),
  };
  const scan = (prefix: string, saved: ScanState, everyMs: number, accept: (row: Row) => boolean) =>
    createResumableScan({
      store,
      prefix,
      saved,
      everyMs,
      now: deps.now,
      wait: async (ms) => ms <= patienceMs(everyMs) && (await deps.limiter.wait(ms)),
      accept,
    });
  const lane = (saved: ScanState, kind: LaneKind) =>
    scan(LANE_PREFIX, saved, pollIntervalMs * LANE_INTERVAL_RATIO, (row) => {
      const laneRow = decodeLaneRow(row, deps.log);
      return laneRow !== undefined && laneOf(laneRow) === kind;
    });
  const lanes = {
    onboarding: lane(progress.onboarding, "onboarding"),
    worse: lane(progress.worse, "worse"),
    asked: lane(progress.asked ?? NEW_SCAN, "asked"),
  };
  const isCustomer = (row: Row) => !row.key.startsWith(`${CUSTOMER_PREFIX}~`);
  const sweep = scan(CUSTOMER_PREFIX, progress.sweep, pollIntervalMs, isCustomer);
  return {
    lanes,
    sweep,
    invalidate() {
      for (const one of [...Object.values(lanes), sweep]) one.invalidate();
    },
    progress: () => ({
      onboarding: lanes.onboarding.progress(),
      worse: lanes.worse.progress(),
      asked: lanes.asked.progress(),
      sweep: sweep.progress(),
    }),
  };
}

/** Where the scans are, with the last full pass of each as an earlier run knew it. */
export function withoutNewCompletions(scans: ScanProgress, earlier: ScanProgress): ScanProgress {
  const keep = (state: ScanState, before?: ScanState): ScanState => ({
    ...state,
    full: before?.full,
  });
  return {
    onboarding: keep(scans.onboarding, earlier.onboarding),
    worse: keep(scans.worse, earlier.worse),
    asked: keep(scans.asked ?? NEW_SCAN, earlier.asked),
    sweep: keep(scans.sweep, earlier.sweep),
  };
}
