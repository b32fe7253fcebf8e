import type { DiscoverProgress } from "../schemas/discovery.ts";
import {
  LEASE_KEY,
  type LeaseRow,
  leaseRowSchema,
  newLeaseRow,
  type ScanState,
} from "../schemas/watch-rows.ts";
import { encodeRow, readRow, type Stored } from "../store/rows.ts";
import type { Store } from "../store/store.ts";

/** How long a lease holds after it was last renewed, by the wall clock… */
const LEASE_MS = 90_000;
/** …how much longer others leave it alone, in case clocks differ… */
const TAKEOVER_MARGIN_MS = 30_000;
/** …and after how long its holder stops by itself: an instance may have been frozen meanwhile. */
const HOLDER_LIMIT_MS = 60_000;

export type LeaseDeps = {
  readonly store: Store;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly newId: () => string;
};

/** Where the reading stands. */
export type Progress = {
  readonly sweep: ScanState;
  readonly onboarding: ScanState;
  readonly worse: ScanState;
  readonly asked?: ScanState | undefined;
  readonly discovery?: DiscoverProgress | undefined;
  readonly expiryCursor: string;
};

export type Lease = {
  readonly progress: Progress;
  /** False from the moment on when another may have taken over. */
  isHeld(): boolean;
  /** Saves progress and holds on; `false` when another has taken the lease. */
  renew(progress: Progress): Promise<boolean>;
  /** Saves progress and lets go. */
  release(progress: Progress): Promise<void>;
};

/**
 * Takes the lease, or answers undefined while another holds it. The lease saves the upstream's
 * request budget; correctness does not rest on it, so a plain clock with a margin is enough.
 */
export async function takeLease(deps: LeaseDeps): Promise<Lease | undefined> {
  const { store, now, monotonic } = deps;
  const owner = deps.newId();
  const found = await readRow(store, LEASE_KEY, leaseRowSchema);
  // A lease that runs longer than any can was written by a clock that was wrong.
  const longest = LEASE_MS + TAKEOVER_MARGIN_MS;
  const left = (found?.value.until ?? 0) + TAKEOVER_MARGIN_MS - now();
  const isFree =
    !found || found.value.owner === "" || left <= 0 || left > longest + TAKEOVER_MARGIN_MS;
  if (!isFree) return undefined;

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

  const first = found?.value ?? newLeaseRow();
  if (!(await write({ ...first, owner, until: now() + LEASE_MS }, found))) return undefined;

  return {
    progress: first,
    isHeld() {
      // A frozen virtual machine may not see its monotonic clock move: the slower one decides.
      const passed = Math.max(now() - renewedAt.wall, monotonic() - renewedAt.monotonic);
      return held !== undefined && passed < HOLDER_LIMIT_MS;
    },
    async renew(progress) {
      if (!held) return false;
      return write({ ...held.value, ...progress, until: now() + LEASE_MS }, held);
    },
    async release(progress) {
      if (!held) return;
      await store.put(
        LEASE_KEY,
        encodeRow({ ...held.value, ...progress, owner: "", until: 0 }),
        held.version,
      );
      held = undefined;
    },
  };
}
