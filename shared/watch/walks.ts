import { describeError, type Log } from "../log.ts";
import { optional } from "../optional.ts";
import { CUSTOMER_PREFIX } from "../schemas/customer-row.ts";
import {
  FRESH_PASS,
  HOT_PREFIX,
  type HotRow,
  hotRowSchema,
  type Pass,
} from "../schemas/watch-rows.ts";
import { decodeRow } from "../store/rows.ts";
import type { Row, Store } from "../store/store.ts";
import { type LaneKind, laneOf } from "./lane.ts";
import type { Progress } from "./lease.ts";
import type { Pace } from "./pace.ts";
import { type PassWalk, startPass } from "./pass.ts";

/** A customer of the fast lane is read again after this share of the poll interval. */
export const LANE_SHARE = 55 / 60;
/** What is due within this share of the interval is waited for, as timers are not exact… */
const PATIENCE_SHARE = 0.1;
/** …but never for longer, in ms: a tick that waits costs as much as one that works. */
const MAX_PATIENCE_MS = 6_000;

/** How long a tick waits for what is nearly due, in ms. */
export function patienceMs(intervalMs: number): number {
  return Math.min(intervalMs * PATIENCE_SHARE, MAX_PATIENCE_MS);
}

export type WalkDeps = {
  readonly store: Pick<Store, "scan">;
  readonly now: () => number;
  readonly pace: Pick<Pace, "wait">;
  readonly log: Log;
};

/** Where the walks stand. */
export type WalkProgress = Omit<Progress, "discovery" | "expiryCursor">;

export type Walks = {
  readonly onboarding: PassWalk;
  readonly worse: PassWalk;
  readonly asked: PassWalk;
  readonly sweep: PassWalk;
  progress(): WalkProgress;
  /** Says that customers failed without a note of it. */
  taint(): void;
};

/** The walks of a tick, each from where the last tick left it. */
export function startWalks(progress: WalkProgress, pollIntervalMs: number, deps: WalkDeps): Walks {
  const walk = (
    prefix: string,
    pass: Progress["sweep"],
    everyMs: number,
    accept: (row: Row) => boolean,
  ) =>
    startPass({
      store: deps.store,
      prefix,
      pass,
      everyMs,
      now: deps.now,
      wait: async (ms) => ms <= patienceMs(everyMs) && (await deps.pace.wait(ms)),
      accept,
    });
  const lane = (pass: Progress["sweep"], kind: LaneKind) =>
    walk(HOT_PREFIX, pass, pollIntervalMs * LANE_SHARE, (row) => {
      const hot = decodeHot(row, deps.log);
      return hot !== undefined && laneOf(hot) === kind;
    });
  const onboarding = lane(progress.onboarding, "onboarding");
  const worse = lane(progress.worse, "worse");
  const asked = lane(progress.asked ?? FRESH_PASS, "asked");
  const isCustomer = (row: Row) => !row.key.startsWith(`${CUSTOMER_PREFIX}~`);
  const sweep = walk(CUSTOMER_PREFIX, progress.sweep, pollIntervalMs, isCustomer);
  return {
    onboarding,
    worse,
    asked,
    sweep,
    taint() {
      for (const one of [onboarding, worse, asked, sweep]) one.taint();
    },
    progress: () => ({
      onboarding: onboarding.progress(),
      worse: worse.progress(),
      asked: asked.progress(),
      sweep: sweep.progress(),
    }),
  };
}

/** Where the walks stand, but with the whole passes that an earlier tick knew of. */
export function withEarlierFull(walks: WalkProgress, earlier: WalkProgress): WalkProgress {
  const keep = ({ full: _full, ...pass }: Pass, before: Partial<Pass> = {}): Pass => ({
    ...pass,
    ...optional("full", before.full),
  });
  return {
    onboarding: keep(walks.onboarding, earlier.onboarding),
    worse: keep(walks.worse, earlier.worse),
    asked: keep(walks.asked ?? FRESH_PASS, earlier.asked),
    sweep: keep(walks.sweep, earlier.sweep),
  };
}

/** A marker that cannot be read costs its customer the fast lane, not everyone the tick. */
function decodeHot(row: Row, log: Log): HotRow | undefined {
  try {
    return decodeRow(row.key, row, hotRowSchema);
  } catch (error) {
    log.warn("fast-lane row could not be read", describeError(error));
    return undefined;
  }
}
