import { type HintsRun, runHints } from "./hints-run.ts";
import { describeMachine, formatTable, machineLine, summarize } from "./table.ts";

/**
 * In seconds: of all changes, and of those with a hint. As a share of what there is without hints,
 * and of what there is without a flood: how long the others wait.
 */
const REQUIRED = { mean: 80, hinted: 5, sweepRatio: 1.25, floodRatio: 1.05 };
const REQUIRED_GAP_MS = 10_000;

export type HintsOptions = Pick<HintsRun, "customers" | "qps" | "hours" | "seed" | "arriving"> & {
  readonly json: boolean;
};

/** Prints what hints win, and what they and a flood of them cost the others. */
export async function measureHints({ json, ...options }: HintsOptions): Promise<void> {
  const { customers, qps, hours, seed, arriving } = options;
  const detect = (areSent: boolean, flood: boolean) =>
    runHints({ customers, qps, hours, seed, arriving, early: 0.2, areSent, flood });
  const without = await detect(false, false);
  const sent = await detect(true, false);
  const flooded = await detect(true, true);
  const meanOf = (delays: readonly number[]) => summarize("", delays).mean;
  const groups = [
    summarize("all, if no hint arrives", [...without.hinted, ...without.others]),
    summarize("all", [...sent.hinted, ...sent.others]),
    summarize("with a hint", sent.hinted),
    summarize("with a hint, beside a flood", flooded.hinted),
    summarize("without a hint, if none arrives", without.others),
    summarize("without a hint", sent.others),
    summarize("without a hint, beside a flood", flooded.others),
  ];
  const facts = {
    mean: meanOf([...sent.hinted, ...sent.others]),
    hinted: meanOf(sent.hinted),
    sweepRatio: Math.max(
      sent.waitMs / without.waitMs,
      meanOf(sent.others) / meanOf(without.others),
    ),
    floodRatio: Math.max(
      flooded.waitMs / sent.waitMs,
      meanOf(flooded.hinted) / meanOf(sent.hinted),
    ),
  };
  const { floodGapMs } = flooded;
  const waits = { without: without.waitMs, sent: sent.waitMs, flooded: flooded.waitMs };
  const missed = [without, sent, flooded].flatMap(({ problems }) => problems);
  for (const [name, most] of Object.entries(REQUIRED)) {
    const value = facts[name as keyof typeof facts];
    if (!(value <= most))
      missed.push(`${name} is ${value.toFixed(2)}, and must be at most ${most}`);
  }
  if (!(floodGapMs >= REQUIRED_GAP_MS)) missed.push("the flooded customer was read twice in 10 s");
  const machine = describeMachine();
  if (json) {
    const result = { machine, ...options, groups, waits, facts, floodGapMs, REQUIRED, missed };
    console.log(JSON.stringify(result, undefined, 2));
  } else {
    const rows = groups.map((group) => [
      group.name,
      String(group.changes),
      ...[group.mean, group.median, group.p95, group.worst].map((value) => value.toFixed(1)),
    ]);
    const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
    console.log(formatTable(["delay in s", "changes", "mean", "median", "95 %", "worst"], rows));
    console.log(
      `a change at any moment waits for the sweep or the lane: ${seconds(waits.without)}, ` +
        `with hints ${seconds(waits.sent)}, beside a flood ${seconds(waits.flooded)}`,
    );
    for (const [name, most] of Object.entries(REQUIRED)) {
      console.log(`${name} ${facts[name as keyof typeof facts].toFixed(2)} (at most ${most})`);
    }
    console.log(`flooded customer: ${seconds(floodGapMs)} between two reads (at least 10)`);
    for (const problem of missed) console.log(`MISSED: ${problem}`);
    console.log(
      `\n${customers} customers, ${qps} calls a second, ${hours} h, ` +
        `${arriving * 100} % of the hints arriving, SEED=${seed}\n${machineLine(machine)}`,
    );
  }
  if (missed.length > 0) process.exitCode = 1;
}
