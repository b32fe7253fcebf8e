import type { Log } from "../log.ts";
import type { ReceiverRow } from "../schemas/outbox-rows.ts";
import type { Store } from "../store/store.ts";
import type { AttemptResult } from "../webhook/attempt.ts";
import {
  type Allowance,
  afterAcceptedProbe,
  afterFailedProbe,
  afterFailure,
  afterGone,
  afterSuccess,
  allowance,
  type Breaker,
  type ReceiverFailure,
  toReceiverFailure,
} from "./breaker.ts";
import { loadBreakerOrOpen, saveBreaker } from "./receiver-state.ts";

/** An acceptance is recent for this long. */
const RECENT_MS = 60_000;

export type StoredBreakerDeps = {
  readonly store: Store;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly random: () => number;
  readonly log: Log;
};

/** The circuit breaker of one run. Each change of its row is stored before the call resolves. */
export type StoredBreaker = {
  allowance(): Allowance;
  state(): ReceiverRow["state"];
  /** Whether the receiver accepted something within the last minute. */
  hasAcceptedRecently(): boolean;
  accepted(): Promise<void>;
  failed(failure: ReceiverFailure): Promise<void>;
  probed(result: AttemptResult): Promise<void>;
  gone(): Promise<void>;
  /** A customer, or a place behind one, with which this run begins; "" for the first. */
  place(): string;
  /** Stores the failures since the last success, and the place, for the next run to go on from. */
  saveRun(place: string): Promise<void>;
};

/** @throws StoreRowError and other store errors */
export async function loadStoredBreaker(
  receiverId: string,
  deps: StoredBreakerDeps,
): Promise<StoredBreaker> {
  let breaker = await loadBreakerOrOpen(deps.store, receiverId, deps.now());
  let acceptedAt = Number.NEGATIVE_INFINITY;
  let saving: Promise<void> = Promise.resolve();

  async function move(next: Breaker): Promise<void> {
    const before = breaker.row;
    breaker = next;
    if (next.row === before) return;
    if (next.row.state !== before.state) {
      const { state, reason, nextProbeAt } = next.row;
      const probeAt = state === "open" ? new Date(nextProbeAt).toISOString() : undefined;
      deps.log.warn("webhook receiver changed state", { state, reason, probeAt });
    }
    // One after the other, so that an older row never overwrites a newer one.
    saving = saving.then(save, save);
    await saving;
  }

  async function save(): Promise<void> {
    const { row } = breaker;
    const held = await saveBreaker(deps.store, receiverId, row);
    // What changed during the write is stored by the next one.
    if (held !== row && breaker.row === row) breaker = { ...breaker, row: held };
  }

  /** Each cause once, from the first failure on. */
  function logCause({ reason }: ReceiverFailure): void {
    if (reason !== breaker.row.reason) deps.log.warn("receiver failed", { reason });
  }

  const accept = (next: Breaker) => {
    acceptedAt = deps.monotonic();
    return move(next);
  };
  const gone = () => move(afterGone(breaker, deps.now()));

  return {
    allowance: () => allowance(breaker, deps.now()),
    state: () => breaker.row.state,
    hasAcceptedRecently: () => deps.monotonic() - acceptedAt < RECENT_MS,
    accepted: () => accept(afterSuccess(breaker)),
    failed(failure) {
      logCause(failure);
      return move(afterFailure(breaker, failure, deps.now(), deps.random()));
    },
    gone,
    probed(result) {
      if (result.kind === "delivered") return accept(afterAcceptedProbe(breaker, deps.now()));
      if (result.kind === "gone") return gone();
      const failure = toReceiverFailure(result);
      logCause(failure);
      return move(afterFailedProbe(breaker, failure, deps.now(), deps.random()));
    },
    place: () => breaker.row.place ?? "",
    async saveRun(place) {
      const { row } = breaker;
      const failures = row.state === "closed" ? breaker.failures : (row.failures ?? 0);
      const reason = row.state === "closed" && failures === 0 ? undefined : row.reason;
      const isStored = failures === (row.failures ?? 0) && reason === row.reason;
      if (isStored && place === (row.place ?? "")) return;
      await move({ ...breaker, row: { ...row, failures, reason, place } });
    },
  };
}
