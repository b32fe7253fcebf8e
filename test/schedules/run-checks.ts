import type { RunReport } from "../../shared/polling/report.ts";
import type { CustomerRow } from "../../shared/schemas/customer-row.ts";
import { ACCOUNT, SELF } from "../../shared/schemas/customer-row.ts";
import { EVENT_TYPES, type WatchEvent } from "../../shared/schemas/event.ts";
import { type CallLog, provesRefusal } from "./call-log.ts";

const STALE_MS = 1_800_000;

type GoodRun = {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly answered: ReadonlySet<string>;
};

/** A run that has ended by itself, and what hindered it. */
export type EndedRun = {
  readonly name: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly report: RunReport;
  /** Operations of the store that failed in it. */
  readonly storeFailures: number;
};

/**
 * Whose trouble it is: checks what runs and stored failures say against what the upstream has
 * answered.
 */
export function createRunChecks(log: CallLog, problems: string[]) {
  const goodRuns: GoodRun[] = [];

  function checkReport({ name, report, storeFailures }: EndedRun): void {
    const calls = log.ofRun(name);
    const count = (...outcomes: readonly (string | undefined)[]) =>
      calls.filter(({ customer, outcome }) => customer !== SELF && outcomes.includes(outcome))
        .length;
    if (report.stopped === "account" && !provesRefusal(calls)) {
      problems.push(`${name} stopped for the account's sake without a proof`);
    }
    const failed = count("refused", "account", "failed");
    if (report.failed > failed + storeFailures) {
      problems.push(`${name} counts ${report.failed} failures, but only ${failed} answers failed`);
    }
    if (report.throttled > count("throttled")) problems.push(`${name} counts too many throttles`);
  }

  return {
    note(run: EndedRun): void {
      checkReport(run);
      if (run.report.conflicts > 0 || run.storeFailures > 0) return;
      const whole = log.ofRun(run.name).filter(({ outcome }) => outcome === "whole");
      if (whole.length === 0) return;
      const answered = new Set(whole.map(({ customer }) => customer));
      goodRuns.push({ startedAt: run.startedAt, endedAt: run.endedAt, answered });
    },

    /** Whether a run that has just ended read this customer well. */
    wasRead: (run: string, customer: string): boolean =>
      log.ofRun(run).some((call) => call.customer === customer && call.outcome === "whole"),

    /** Checks a new failure in a customer's row, and a stale event as it is stored. */
    noteRow(customer: string, row: CustomerRow, before: CustomerRow | undefined): void {
      if (customer !== ACCOUNT && row.failure?.code === "ERR_UPSTREAM_THROTTLED") {
        problems.push(`a throttle is noted as ${customer}'s failure`);
      }
      if (row.failure?.staleAt === undefined || before?.failure?.staleAt !== undefined) return;
      const { body } = row.pending.at(-1) ?? { body: "{}" };
      const event = JSON.parse(body) as WatchEvent;
      if (event.type !== EVENT_TYPES.watchStale) {
        problems.push(`${customer} became stale without an event`);
        return;
      }
      const since = Date.parse(event.data.failingSince);
      const observedAt = Date.parse(event.data.observedAt);
      if (observedAt - since < STALE_MS) {
        problems.push(`${customer} is stale after ${observedAt - since} ms`);
      }
      const good = goodRuns.find(
        ({ startedAt, endedAt, answered }) =>
          startedAt > since &&
          endedAt < observedAt &&
          (customer === ACCOUNT || answered.has(customer)),
      );
      if (good)
        problems.push(`${customer} is stale from ${since}, but was read at ${good.endedAt}`);
    },
  };
}
