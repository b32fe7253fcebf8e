import type { Outcome } from "./odd-customers.ts";

/** One call of a run. Ticks order all beginnings and ends, since many share one millisecond. */
export type LoggedCall = {
  readonly customer: string;
  readonly began: number;
  ended?: number;
  outcome?: Outcome;
};

export type CallLog = ReturnType<typeof createCallLog>;

/** What the upstream was asked and has answered, by run. */
export function createCallLog() {
  const runs = new Map<string, LoggedCall[]>();
  let ticks = 0;
  const tick = () => {
    ticks += 1;
    return ticks;
  };

  return {
    /** @returns notes the end of the call */
    begin(run: string, customer: string): (outcome: Outcome) => void {
      const call: LoggedCall = { customer, began: tick() };
      const calls = runs.get(run);
      if (calls) calls.push(call);
      else runs.set(run, [call]);
      return (outcome) => {
        call.outcome = outcome;
        call.ended = tick();
      };
    },
    ofRun: (run: string): readonly LoggedCall[] => runs.get(run) ?? [],
  };
}

/**
 * Whether an account's refusal is proven: two customers got an account code, the second in a call
 * that began after the first was answered, with no good answer in between.
 */
export function provesRefusal(calls: readonly LoggedCall[]): boolean {
  const ended = calls.filter(({ ended }) => ended !== undefined);
  const refusals = ended.filter(({ outcome }) => outcome === "account");
  const good = ended.filter(({ outcome }) => outcome === "whole" || outcome === "partial");
  const isProof = (first: LoggedCall, second: LoggedCall) =>
    second.customer !== first.customer &&
    second.began > (first.ended ?? 0) &&
    !good.some(({ ended = 0 }) => ended > (first.ended ?? 0) && ended < (second.ended ?? 0));
  return refusals.some((first) => refusals.some((second) => isProof(first, second)));
}
