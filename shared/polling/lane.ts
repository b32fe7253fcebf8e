import { hasOpenAdded } from "../customers/added-numbers.ts";
import {
  customerOfLaneKey,
  dropFromLane,
  endAdded,
  laneEveryMs,
  modernLaneRow,
  pruneLane,
  troubleSince,
  withoutPast,
} from "../customers/priority-lane.ts";
import { isRowUnusable } from "../customers/unusable-rows.ts";
import { LANE_PREFIX, type LanePass, type LaneRow } from "../schemas/watch-rows.ts";
import { scanAll } from "../store/rows.ts";
import type { CallBudget } from "./call-budget.ts";
import { patienceMs } from "./due.ts";
import { changeLane, decodeLaneRow, moveAdded } from "./lane-rows.ts";
import { NOTHING_LEFT, type Outlook, type ReadRequest, type ReadSource } from "./read-source.ts";
import type { RunDeps } from "./settings.ts";
import type { LastRead, WarmState } from "./warm-state.ts";

/** While a run lasts, the lane is looked at again after this, for each page of it. */
const LOOK_MS = 5_000;
const PAGE_ROWS = 200;
/** More customers than this do not fit into any lane. */
const MAX_CUSTOMERS = 1_000;
/** Rows that one look changes, so that it does not hold up the reads. */
const MAX_PRUNED = 20;

export type LaneOptions = {
  readonly budget: CallBudget;
  /** Calls per second that the lane may use for good. */
  readonly callsPerSecond: number;
  readonly pollIntervalMs: number;
  readonly leftMs: () => number;
  readonly warm: Pick<WarmState, "laneReads">;
  /** The last pass of an earlier run. */
  readonly saved: LanePass | undefined;
};

export type LaneDeps = Pick<RunDeps, "store" | "now" | "log"> & {
  readonly isClockConfirmed: () => boolean;
};

export type LaneSource = ReadSource & {
  /** The last pass in which everyone who was due was read, or noted as failed. */
  progress(): LanePass | undefined;
  /** Keeps the run's passes from confirming anything. */
  invalidate(): void;
  /** Customers who were due when the lane was last looked at, and have not been read. */
  hasLeft(): boolean;
};

type Entry = {
  readonly customer: string;
  readonly row: LaneRow;
  readonly version: string;
  readonly since: number;
  readonly everyMs: number;
};

/**
 * The customers in trouble, the newest trouble first. The lane holds those that fit into its calls,
 * and looks again every few seconds. Its rows are an index only: losing one costs freshness.
 */
export function createLane(options: LaneOptions, deps: LaneDeps): LaneSource {
  const { budget, pollIntervalMs } = options;
  const { laneReads } = options.warm;
  const { store, now, log } = deps;
  let held: Entry[] = [];
  let lookAt = Number.NEGATIVE_INFINITY;
  let isTainted = false;
  let pass: LanePass | undefined = options.saved;
  let reading:
    | { readonly startedAt: number; readonly heldFrom: number; left: Set<string> }
    | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  const everyMsOf = (row: LaneRow) => laneEveryMs(row, pollIntervalMs, now());
  const dueAt = ({ customer, everyMs }: Entry) => (laneReads.get(customer) ?? 0) + everyMs;
  /** A read in the future was noted by a wrong clock. */
  const dueInMs = (entry: Entry) =>
    (laneReads.get(entry.customer) ?? 0) > now() ? 0 : Math.max(0, dueAt(entry) - now());

  async function look(): Promise<void> {
    const startedAt = now();
    const newest = createNewest(MAX_CUSTOMERS);
    let rows = 0;
    let pruned = 0;
    for await (const stored of scanAll(store, LANE_PREFIX, "", PAGE_ROWS)) {
      rows += 1;
      const found = decodeLaneRow(stored, log);
      if (!found) continue;
      const row = modernLaneRow(found);
      const { version, key } = stored;
      const customer = customerOfLaneKey(key);
      const past = deps.isClockConfirmed() ? withoutPast(row, now()) : "keep";
      const isOld = Object.keys(found.onboarding ?? {}).length > 0;
      if ((isOld || past !== "keep") && pruned < MAX_PRUNED) {
        pruned += 1;
        await prune(customer, found, version);
      }
      if (past === "delete") continue;
      newest.add({
        customer,
        row,
        version,
        since: troubleSince(row, now()),
        everyMs: everyMsOf(row),
      });
    }
    held = fitting(newest.all(), options.callsPerSecond);
    const customers = new Set(held.map(({ customer }) => customer));
    for (const customer of laneReads.keys())
      if (!customers.has(customer)) laneReads.delete(customer);
    lookAt = startedAt + LOOK_MS * Math.max(1, Math.ceil(rows / PAGE_ROWS));
    if (reading && reading.left.size > 0) return;
    const left = new Set(
      held.filter((entry) => dueInMs(entry) === 0).map((entry) => entry.customer),
    );
    const isWhole = held.length === newest.all().length;
    reading = { startedAt, heldFrom: isWhole ? 0 : (held.at(-1)?.since ?? startedAt), left };
    endPass();
  }

  async function prune(customer: string, row: LaneRow, version: string): Promise<void> {
    try {
      if (row.onboarding) await moveAdded(store, customer, row.onboarding);
    } catch (error) {
      if (!isRowUnusable(error)) throw error;
      // What was added waits here until its customer's row can be used. The read reports that row.
      return;
    }
    const right = deps.isClockConfirmed() ? now() : undefined;
    await changeLane(pruneLane(store, customer, { value: row, version }, right), log);
  }

  function endPass(): void {
    if (!reading || reading.left.size > 0) return;
    const { startedAt, heldFrom } = reading;
    if (!isTainted) pass = { startedAt, endedAt: now(), heldFrom, pollIntervalMs };
  }

  async function take(): Promise<ReadRequest | undefined> {
    if (now() >= lookAt || lookAt - now() > 2 * LOOK_MS * MAX_CUSTOMERS) await look();
    const entry = held.find((one) => dueInMs(one) === 0 && !underWay.has(one.customer));
    if (!entry || !budget.take()) return undefined;
    underWay.add(entry.customer);
    return toRequest(entry);
  }

  const underWay = new Set<string>();

  function toRequest(entry: Entry): ReadRequest {
    const { customer, row, version } = entry;
    /** The read that counts: this one, or one of the sweep shortly before. */
    let readAt = now();
    return {
      customer,
      from: "lane",
      dueIn: (last: LastRead | undefined) => {
        // The sweep may have read it within the same run.
        const isRead = last && last.beganAt <= now() && last.beganAt + entry.everyMs > now();
        if (isRead) readAt = last.beganAt;
        return isRead ? "skip" : 0;
      },
      finish() {
        underWay.delete(customer);
        laneReads.set(customer, readAt);
        reading?.left.delete(customer);
        endPass();
      },
      async settle(read) {
        if (read === "unwatched") return dropFromLane(store, customer);
        if (deps.isClockConfirmed() && withoutPast(row, now()) !== "keep") {
          return prune(customer, row, version);
        }
        if (read === "failed") return;
        if (row.addedAt !== undefined && !hasOpenAdded(read)) {
          await changeLane(endAdded(store, customer, row.addedAt, { value: row, version }), log);
        }
      },
    };
  }

  function outlook(): Outlook {
    if (budget.isSpent()) return NOTHING_LEFT;
    const dueMs = Math.min(...held.filter(isFree).map(dueInMs));
    const inMs = Math.min(dueMs, Math.max(0, lookAt - now()));
    return { inMs, isAwaited: dueMs <= patienceMs(pollIntervalMs) && dueMs < options.leftMs() };
  }

  const isFree = ({ customer }: Entry) => !underWay.has(customer);

  return {
    next() {
      const request = queue.then(take);
      queue = request.catch(() => undefined);
      return request;
    },
    outlook,
    progress: () => pass,
    invalidate() {
      isTainted = true;
      pass = options.saved;
    },
    hasLeft: () => (reading?.left.size ?? 0) > 0,
  };
}

/** Those whose reads fit into the calls, the newest trouble first. */
export function fitting<E extends { readonly everyMs: number }>(
  entries: readonly E[],
  callsPerSecond: number,
): E[] {
  let used = 0;
  const end = entries.findIndex(({ everyMs }) => {
    used += 1_000 / everyMs;
    return used > callsPerSecond;
  });
  return entries.slice(0, end < 0 ? entries.length : Math.max(1, end));
}

/** Keeps the entries with the newest trouble. */
function createNewest(most: number) {
  let entries: Entry[] = [];
  const sort = () => {
    entries = entries.sort((a, b) => b.since - a.since).slice(0, most);
  };
  return {
    add(entry: Entry): void {
      entries.push(entry);
      if (entries.length >= 2 * most) sort();
    },
    all(): readonly Entry[] {
      sort();
      return entries;
    },
  };
}
