import type { Config } from "../config.ts";

const DAY_SECONDS = 86_400;

/**
 * What a day of poll costs: of the customers named in WATCH_CUST_SPACES; those added later cost the
 * same each. A run is billed from its start to its end: about a second, and the time that its reads
 * need at UPSTREAM_QPS.
 *
 * @param runsADay undefined: not every day has as many
 */
export function describeCost(
  { watch, qps, pollIntervalMs, runMs }: Config,
  runsADay: number | undefined,
  { memoryMb, cpu }: { readonly memoryMb: number; readonly cpu: number },
): string {
  const customers = watch.length;
  if (runsADay === undefined) {
    return `what a day of poll costs cannot be told for this timer: a run takes about 1 s, and up to ${round(customers / qps)} s more to read ${customers} listed customers`;
  }
  if (runsADay === 0) return "poll has no timer that is switched on: nothing is watched or sent";
  const sweepSeconds = Math.max(pollIntervalMs / 1000, DAY_SECONDS / runsADay, customers / qps);
  const mostReads = runsADay * qps * (runMs / 1000);
  const reads = Math.round(Math.min((customers * DAY_SECONDS) / sweepSeconds, mostReads));
  const seconds = Math.round(runsADay * Math.min(runMs / 1000, 1 + reads / runsADay / qps));
  const gigabyteSeconds = Math.round((seconds * memoryMb) / 1024);
  return (
    `a day of poll with ${Math.round(runsADay)} runs and ${customers} listed customers: about ${reads} upstream calls, ` +
    `${seconds} s billed (${Math.round(seconds * cpu)} vCPU-s, ${gigabyteSeconds} GB-s)`
  );
}

const round = (seconds: number) => Math.round(seconds * 100) / 100;
