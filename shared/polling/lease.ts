import type { RateLimiter } from "../pacing/rate-limiter.ts";
import { LEASE_KEY, type LeaseRow, leaseRowSchema, newLeaseRow } from "../schemas/watch-rows.ts";
import type { CallLimiter } from "../signing/upstream.ts";
import { encodeRow, readReplaceable, readRow, type Stored } from "../store/rows.ts";
import type { RunDeps } from "./settings.ts";

/** A lease expires this long after its last renewal, by the wall clock. */
const LEASE_MS = 25_000;
/** Its holder makes no call from then on. The rest is a margin for clocks that differ. */
const HOLDER_LIMIT_MS = 20_000;
/** No lease runs longer, clocks that differ included: its writer's clock was wrong. */
const LONGEST_MS = 60_000;
/** Someone who waits for the lease, or for its renewal, looks again after this. */
export const LEASE_LOOK_MS = 1_000;

export type LeaseDeps = Pick<RunDeps, "store" | "now" | "monotonic" | "newId" | "log">;

/** How far the run has come: what a renewal saves. */
export type Progress = Readonly<
  Pick<
    LeaseRow,
    | "sweep"
    | "sweeps"
    | "plan"
    | "lane"
    | "discovery"
    | "health"
    | "hints"
    | "expiryCursor"
    | "retention"
    | "ranAt"
    | "lastGoodAt"
    | "blindSince"
    | "pace"
  >
>;

export type Lease = {
  readonly owner: string;
  readonly progress: Progress;
  /** False from 20 s after the last renewal on, and when another run has taken the lease. */
  isHeld(): boolean;
  /** True once another run has taken it, or after a release. */
  isLost(): boolean;
  /** Saves progress and extends the lease. Resolves to false if another run has taken it. */
  renew(progress: Progress): Promise<boolean>;
  /** Saves progress and frees the lease. May be called again after a failure. */
  release(progress: Progress): Promise<void>;
};

/**
 * Takes the lease, or resolves to undefined while another run holds it. The lease saves request
 * quota only. Correctness does not depend on it, so a plain clock with a margin is enough.
 *
 * @param own an owner of this process whose run has ended without a release
 */
export async function takeLease(deps: LeaseDeps, own?: string): Promise<Lease | undefined> {
  const { store, now, monotonic } = deps;
  const owner = deps.newId();
  const found = await readReplaceable(store, LEASE_KEY, leaseRowSchema);
  const row = found?.value;
  if (row && row.owner !== own && !isFree(row, now())) return undefined;
  if (found && !row) deps.log.warn("lease row unreadable, replaced", { key: LEASE_KEY });

  let held: Stored<LeaseRow> | undefined;
  let renewedAt = { wall: now(), monotonic: monotonic() };

  async function write(
    row: LeaseRow,
    before: Pick<Stored<LeaseRow>, "version"> | undefined,
  ): Promise<boolean> {
    const started = { wall: now(), monotonic: monotonic() };
    const version = deps.newId();
    const expected = before?.version ?? "absent";
    const outcome = await store.put(LEASE_KEY, encodeRow(row), expected, version);
    if (outcome === "stored") {
      renewedAt = started;
      held = { value: row, version };
      return true;
    }
    const stored = await readRow(store, LEASE_KEY, leaseRowSchema);
    held = stored?.value.owner === owner ? stored : undefined;
    return false;
  }

  /** A conflict with a row of its own is an earlier write whose answer was lost. */
  async function rewrite(change: Partial<LeaseRow>): Promise<boolean> {
    for (let tries = 0; tries < 2 && held; tries += 1) {
      if (await write({ ...held.value, ...change }, held)) return true;
    }
    return false;
  }

  const progress = row ?? newLeaseRow();
  if (!(await write({ ...progress, owner, until: now() + LEASE_MS }, found))) return undefined;

  return {
    owner,
    progress,
    isHeld() {
      // A frozen virtual machine may not see its monotonic clock move, so the later clock decides.
      const passed = Math.max(now() - renewedAt.wall, monotonic() - renewedAt.monotonic);
      return held !== undefined && passed < HOLDER_LIMIT_MS;
    },
    isLost: () => held === undefined,
    renew: (progress) => rewrite({ ...progress, until: now() + LEASE_MS }),
    async release(progress) {
      if (!held) return;
      await rewrite({ ...progress, owner: "", until: 0 });
      held = undefined;
    },
  };
}

function isFree({ owner, until }: LeaseRow, now: number): boolean {
  const leftMs = until - now;
  return owner === "" || leftMs <= 0 || leftMs > LONGEST_MS;
}

/**
 * Starts no call once another run may hold the lease, even after a freeze while waiting. A holder
 * whose renewals hang goes on once one is stored.
 */
export function limitByLease(
  limiter: Pick<RateLimiter, "acquire" | "release" | "wait" | "stop">,
  lease: Lease,
): CallLimiter {
  return {
    async acquire() {
      while (await limiter.acquire()) {
        if (lease.isHeld()) return true;
        limiter.release("answered");
        if (lease.isLost() || !(await limiter.wait(LEASE_LOOK_MS))) limiter.stop();
      }
      return false;
    },
    release: limiter.release,
  };
}
