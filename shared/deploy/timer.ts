import type { Config } from "../config.ts";

const FIELDS = [
  { name: "second", min: 0, max: 59, words: "" },
  { name: "minute", min: 0, max: 59, words: "" },
  { name: "hour", min: 0, max: 23, words: "" },
  { name: "day", min: 1, max: 31, words: "" },
  { name: "month", min: 1, max: 12, words: "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC" },
  { name: "weekday", min: 1, max: 7, words: "SUN MON TUE WED THU FRI SAT" },
] as const;

type Field = (typeof FIELDS)[number];

const ZONE = /^(?:CRON_)?TZ=(\S*) +/;
const fieldsOf = (text: string) => text.replace(ZONE, "").trim().split(/\s+/);

/**
 * What is wrong with a timer's syntax: Function Compute takes `@every <n>m|h` and six fields with
 * seconds first, in UTC unless `CRON_TZ=<zone> ` stands before them (page "Time trigger").
 */
export function cronProblem(text: string): string | undefined {
  if (text.startsWith("@")) {
    return /^@every [1-9]\d{0,4}[mh]$/.test(text)
      ? undefined
      : "must be like '@every 1m' or '@every 2h': a minute is the shortest interval";
  }
  const zone = ZONE.exec(text)?.[1];
  if (zone !== undefined && !isTimeZone(zone)) return "has an unknown time zone in CRON_TZ";
  const fields = fieldsOf(text);
  if (fields.length !== FIELDS.length) {
    return "must have six fields: second minute hour day month weekday";
  }
  const wrong = FIELDS.filter((field, index) => valuesOf(fields[index] ?? "", field).size === 0);
  return wrong.length === 0 ? undefined : `has a wrong ${wrong.map(({ name }) => name).join(", ")}`;
}

/** How often a timer fires in a day; undefined if not every day has as many runs. */
export function runsADay(text: string): number | undefined {
  const [, amount, unit] = /^@every (\d+)([mh])$/.exec(text) ?? [];
  if (amount) return 1440 / (Number(amount) * (unit === "h" ? 60 : 1));
  const fields = fieldsOf(text);
  if (fields.slice(3).some((field) => field !== "*" && field !== "?")) return undefined;
  const times = FIELDS.slice(0, 3).map((field, index) => valuesOf(fields[index] ?? "", field).size);
  return times.reduce((product, size) => product * size, 1);
}

/** The values that a field names; none if it is wrong. */
function valuesOf(text: string, { min, max, words }: Field): Set<number> {
  const names = words.split(" ");
  const none = new Set<number>();
  const values = new Set<number>();
  const read = (part: string) => {
    const word = names.indexOf(part.toUpperCase());
    const value = word < 0 ? Number(part) : word + 1;
    const isValue = word >= 0 || /^\d{1,2}$/.test(part);
    return isValue && part && value >= min && value <= max ? value : undefined;
  };
  for (const item of text.split(",")) {
    const [, range = "", step] = /^([^/]*)(?:\/([1-9]\d?))?$/.exec(item) ?? [];
    const [start = "", end, more] = range.split("-");
    const isAll = range === "*" || range === "?";
    const from = isAll ? min : read(start);
    const last = end === undefined ? (isAll || step ? max : from) : read(end);
    if (from === undefined || last === undefined || more !== undefined) return none;
    for (let value = from; value <= last; value += Number(step ?? 1)) values.add(value);
  }
  return values;
}

function isTimeZone(zone: string): boolean {
  try {
    return Boolean(zone && new Intl.DateTimeFormat("en", { timeZone: zone }));
  } catch {
    return false;
  }
}

const DAY_SECONDS = 86_400;

/**
 * What a day of poll costs for the customers in WATCH_CUST_SPACES. Those added later cost the same
 * each. A run is billed for about a second, and for the time that its reads need at UPSTREAM_QPS.
 *
 * @param runs a day; undefined if not every day has as many
 */
export function describeCost(
  { watch, qps, pollIntervalMs, runMs }: Config,
  runs: number | undefined,
  { memoryMb, cpu }: { readonly memoryMb: number; readonly cpu: number },
): string {
  const customers = watch.length;
  if (runs === undefined) {
    const seconds = Math.round((customers / qps) * 100) / 100;
    return `poll takes about 1 s a run, and up to ${seconds} s more to read ${customers} listed customers`;
  }
  if (runs === 0) return "poll has no timer that is switched on: nothing is watched or sent";
  const sweepSeconds = Math.max(pollIntervalMs / 1000, DAY_SECONDS / runs, customers / qps);
  const mostReads = runs * qps * (runMs / 1000);
  const reads = Math.round(Math.min((customers * DAY_SECONDS) / sweepSeconds, mostReads));
  const seconds = Math.round(runs * Math.min(runMs / 1000, 1 + reads / runs / qps));
  return (
    `a day of poll with ${Math.round(runs)} runs and ${customers} listed customers: about ${reads} upstream calls, ` +
    `${seconds} s billed (${Math.round(seconds * cpu)} vCPU-s, ${Math.round((seconds * memoryMb) / 1024)} GB-s)`
  );
}
