import type { Upstream } from "../../shared/signing/upstream.ts";
import type { Store } from "../../shared/store/store.ts";
import type { Send } from "../../shared/webhook/attempt.ts";
import type { Process, Scheduler } from "./scheduler.ts";

export type Calls = { readonly store: Store; readonly upstream: Upstream; readonly send: Send };

export type BreakageWorld = {
  readonly owner: Process;
  readonly scheduler: Scheduler;
  /** The store without places to interleave: its operations are done at once. */
  readonly direct: Store;
  /** The process's own wall clock, in ms. */
  readonly now: () => number;
};

/** Breaks one rule of the design on purpose, for one process, without a change of its code. */
export type Breakage = (calls: Calls, world: BreakageWorld) => Calls;
