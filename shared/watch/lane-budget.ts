import type { Gate } from "../signing/upstream.ts";
import type { PassWalk } from "./pass.ts";
import type { Leave, Stage } from "./read-all.ts";
import type { Walks } from "./walks.ts";

/** The lanes together may use this share of a tick's calls… */
const LANES_SHARE = 0.5;
/** …of which the first, and the first two, leave something to those behind them. */
const FIRST_SHARE = 0.6;
const FIRST_TWO_SHARE = 0.85;

/**
 * What the fast lane may take of a tick. Calls count, and not customers, as one in trouble is asked
 * up to three times.
 *
 * @param qps calls per second
 */
export function createLaneBudget(qps: number, tickMs: number) {
  const budget = Math.floor((qps * tickMs * LANES_SHARE) / 1_000);
  let taken = 0;
  let calls = 0;
  const leave: Leave = (hadRow) => {
    if (!hadRow) taken -= 1;
  };
  const upTo =
    (share: number) =>
    (walk: PassWalk): Stage => ({
      walk,
      enter() {
        if (Math.max(taken, calls) >= Math.floor(budget * share)) return undefined;
        taken += 1;
        return leave;
      },
    });

  return {
    /** What is left over by the later lanes goes back to the first. */
    stages({ onboarding, worse, asked }: Omit<Walks, "sweep" | "progress" | "taint">): Stage[] {
      const all = upTo(1);
      return [
        upTo(FIRST_SHARE)(onboarding),
        upTo(FIRST_TWO_SHARE)(worse),
        all(asked),
        all(onboarding),
        all(worse),
      ];
    },
    /** The pace for the lanes' calls, which counts them. */
    gate: (gate: Gate): Gate => ({
      async enter() {
        const isOpen = await gate.enter();
        if (isOpen) calls += 1;
        return isOpen;
      },
      leave: gate.leave,
    }),
    /** Customers taken so far. */
    taken: () => taken,
  };
}
