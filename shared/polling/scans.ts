import { type LaneKind, laneOf } from "../customers/priority-lane.ts";
import { describeError, type Log } from "../log.ts";
import type { RateLimiter } from "../pacing/rate-limiter.ts";
import { CUSTOMER_PREFIX } from "../schemas/customer-row.ts";
import {
  LANE_PREFIX,
  type LaneRow,
  laneRowSchema,
  NEW_SCAN,
  type ScanState,
} from "../schemas/watch-rows.ts";
import { decodeRow } from "../store/rows.ts";
import type { Row, Store } from "../store/store.ts";
import type { Progress } from "./lease.ts";
import { createResumableScan, type ResumableScan } from "./resumable-scan.ts";

/** A customer of the priority lane is read again after this share of the poll interval. */
export const LANE_INTERVAL_RATIO = 55 / 60;
/** What is due within this share of the interval is waited for, as timers are not exact… */
const PATIENCE_SHARE = 0.1;
/** …but never for longer, in ms: a run that waits costs as much as one that works. */
const MAX_PATIENCE_MS = 6_000;

/** How long a run waits for what is nearly due, in ms. */
export function patienceMs(intervalMs: number): number {
  return Math.min(intervalMs * PATIENCE_SHARE, MAX_PATIENCE_MS);
}

export type ScanDeps = {
  readonly store: Pick<Store, "scan">;
  readonly now: () => number;
  readonly limiter: Pick<RateLimiter, "wait">;
  readonly log: Log;
};

/** Where the walks stand. */
export type ScanProgress = Omit<Progress, "discovery" | "expiryCursor">;

export type Scans = {
  readonly onboarding: ResumableScan;
  readonly worse: ResumableScan;
  readonly asked: ResumableScan;
  readonly sweep: ResumableScan;
  progress(): ScanProgress;
  /** Says that customers failed without a note of it. */
  invalidate(): void;
};

/** The walks of a run, each from where the last run left it. */
export function startScans(progress: ScanProgress, pollIntervalMs: number, deps: ScanDeps): Scans {
  const scan = (prefix: string, saved: ScanState, everyMs: number, accept: (row: Row) => boolean) =>
    createResumableScan({
      store: deps.store,
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
  const onboarding = lane(progress.onboarding, "onboarding");
  const worse = lane(progress.worse, "worse");
  const asked = lane(progress.asked ?? NEW_SCAN, "asked");
  const isCustomer = (row: Row) => !row.key.startsWith(`${CUSTOMER_PREFIX}~`);
  const sweep = scan(CUSTOMER_PREFIX, progress.sweep, pollIntervalMs, isCustomer);
  return {
    onboarding,
    worse,
    asked,
    sweep,
    invalidate() {
      for (const one of [onboarding, worse, asked, sweep]) one.invalidate();
    },
    progress: () => ({
      onboarding: onboarding.progress(),
      worse: worse.progress(),
      asked: asked.progress(),
      sweep: sweep.progress(),
    }),
  };
}

/** Where the walks stand, but with the whole passes that an earlier run knew of. */
export function withoutNewCompletions(scans: ScanProgress, earlier: ScanProgress): ScanProgress {
  const keep = (
    { full: _full, ...pass }: ScanState,
    before: Partial<ScanState> = {},
  ): ScanState => ({
    ...pass,
    full: before.full,
  });
  return {
    onboarding: keep(scans.onboarding, earlier.onboarding),
    worse: keep(scans.worse, earlier.worse),
    asked: keep(scans.asked ?? NEW_SCAN, earlier.asked),
    sweep: keep(scans.sweep, earlier.sweep),
  };
}

/** A marker that cannot be read costs its customer the priority lane, not everyone the run. */
function decodeLaneRow(row: Row, log: Log): LaneRow | undefined {
  try {
    return decodeRow(row.key, row, laneRowSchema);
  } catch (error) {
    log.warn("priority lane row unreadable", describeError(error));
    return undefined;
  }
}
