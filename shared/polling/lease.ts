import type { RateLimiter } from "../pacing/rate-limiter.ts";
import { LEASE_KEY, type LeaseRow, leaseRowSchema, newLeaseRow } from "../schemas/watch-rows.ts";
import type { CallLimiter } from "../signing/upstream.ts";
import { encodeRow, readRow, type Stored } from "../store/rows.ts";
import type { RunDeps } from "./settings.ts";

/** A lease expires this long after its last renewal, by the wall clock. */
const LEASE_MS = 90_000;
/** Others leave it alone for this much longer, in case clocks differ. */
const TAKEOVER_MARGIN_MS = 30_000;
/** Its holder stops this long after the last renewal: the instance may have been frozen. */
const HOLDER_LIMIT_MS = 60_000;

export type LeaseDeps = Pick<RunDeps, "store" | "now" | "monotonic" | "newId">;

/** How far the run has come: what a renewal saves. */
export type Progress = Readonly<
  Pick<LeaseRow, "sweep" | "onboarding" | "worse" | "asked" | "discovery" | "expiryCursor">
>;

export type Lease = {
  readonly progress: Progress;
  /** False as soon as another run may have taken over. */
  isHeld(): boolean;
  /** Saves progress and extends the lease. Resolves to false if another run has taken it. */
  renew(progress: Progress): Promise<boolean>;
  /** Saves progress and frees the lease. */
  release(progress: Progress): Promise<void>;
};

/**
 * Takes the lease, or resolves to undefined while another run holds it. The lease saves request
 * quota only. Correctness does not depend on it, so a plain clock with a margin is enough.
 */
export async function takeLease(deps: LeaseDeps): Promise<Lease | undefined> {
  const { store, now, monotonic } = deps;
  const owner = deps.newId();
  const found = await readRow(store, LEASE_KEY, leaseRowSchema);
  if (found && !isFree(found.value, now())) return undefined;

  let held: Stored<LeaseRow> | undefined;
  let renewedAt = { wall: now(), monotonic: monotonic() };

  async function write(row: LeaseRow, before: Stored<LeaseRow> | undefined): Promise<boolean> {
    const started = { wall: now(), monotonic: monotonic() };
    const outcome = await store.put(LEASE_KEY, encodeRow(row), before?.version ?? "absent");
    held = outcome === "stored" ? await readRow(store, LEASE_KEY, leaseRowSchema) : undefined;
    if (held?.value.owner !== row.owner) held = undefined;
    renewedAt = started;
    return held !== undefined;
  }

  const progress = found?.value ?? newLeaseRow();
  if (!(await write({ ...progress, owner, until: now() + LEASE_MS }, found))) return undefined;

  return {
    progress,
    isHeld() {
      // A frozen virtual machine may not see its monotonic clock move, so the later clock decides.
      const passed = Math.max(now() - renewedAt.wall, monotonic() - renewedAt.monotonic);
      return held !== undefined && passed < HOLDER_LIMIT_MS;
    },
    async renew(progress) {
      if (!held) return false;
      return write({ ...held.value, ...progress, until: now() + LEASE_MS }, held);
    },
    async release(progress) {
      if (!held) return;
      const row = { ...held.value, ...progress, owner: "", until: 0 };
      await store.put(LEASE_KEY, encodeRow(row), held.version);
      held = undefined;
    },
  };
}

function isFree({ owner, until }: LeaseRow, now: number): boolean {
  const leftMs = until + TAKEOVER_MARGIN_MS - now;
  // No lease runs longer than this: its writer's clock was wrong.
  const longestMs = LEASE_MS + 2 * TAKEOVER_MARGIN_MS;
  return owner === "" || leftMs <= 0 || leftMs > longestMs;
}

/** Starts no call once another run may hold the lease, even after a freeze while waiting. */
export function limitByLease(limiter: RateLimiter, lease: Lease): CallLimiter {
  return {
    async acquire() {
      if (!(await limiter.acquire())) return false;
      if (lease.isHeld()) return true;
      limiter.release("answered");
      limiter.stop();
      return false;
    },
    release: limiter.release,
  };
}
