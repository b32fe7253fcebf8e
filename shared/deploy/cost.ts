import type { Config } from "../config.ts";
import { POLL } from "../functions.js";
import type { FunctionPlan, Plan } from "./plan.ts";

/** USD. Bills go by today's price list. */
const PRICES = {
  /** Function Compute 3.0, page "Billing overview" as read in November 2026: a compute unit (CU). */
  cu: 0.00002,
  ...{ cuPerVcpuSecond: 1, cuPerGbSecond: 0.15, cuPerInvocation: 75 / 10_000 },
  /** Tablestore, page "Billing examples", 1 August 2018: each 4 KB read in one request. */
  readUnit: 0.003 / 10_000,
  /** No page read for this says what a written unit costs: a guess, twice the price of a read one. */
  writeUnit: 0.006 / 10_000,
};

/** What a run does beside reading customers, and for each. `npm run bench:cost` counts it again. */
const COUNTS = {
  /** Store calls one after another before the first read and after the last, and their units. */
  ...{ fixedCalls: 6, fixedReads: 6, fixedWrites: 2 },
  /** The lease is renewed so often while a run lasts, s. */
  renewalSeconds: 5,
  /** Units for each customer read: its part of a page of rows, and of a look at the lane. */
  readUnitsPerCustomer: 0.13,
  /** Each further set of slots also waits until its customers are due again, s. */
  dueSeconds: 0.2,
};

/** What is assumed of the network: a call of the store, and one of the upstream, s. */
export const ASSUMED = { storeSeconds: 0.01, upstreamSeconds: 0.05 };

/** No customer is read more often than each `intervalSeconds`, and no run works over `runSeconds`. */
type Load = Size & {
  readonly customers: number;
  readonly qps: number;
  readonly intervalSeconds: number;
  readonly runSeconds: number;
  readonly runsADay: number;
  /** With HINT_SECRET a run stays to its end, and looks for hints once a second. */
  readonly looksForHints?: boolean;
};

type Size = { readonly cpu: number; readonly memoryMb: number };

const DAY_SECONDS = 86_400;

/** What so many calls cost that each last so long. */
export function usdOfCalls(calls: number, secondsEach: number, size: Size): number {
  const { cu, cuPerVcpuSecond, cuPerGbSecond, cuPerInvocation } = PRICES;
  const perSecond = size.cpu * cuPerVcpuSecond + (size.memoryMb / 1024) * cuPerGbSecond;
  return calls * (secondsEach * perSecond + cuPerInvocation) * cu;
}

/** What a day of poll without a change takes and costs. The one formula of doctor, pages and bench. */
export function costOf(load: Load, { storeSeconds, upstreamSeconds } = ASSUMED) {
  const { customers, qps, runsADay, runSeconds, intervalSeconds } = load;
  const periodSeconds = DAY_SECONDS / runsADay;
  // A slot of the limiter is free again a second after its answer.
  const slotSeconds = 1 + upstreamSeconds;
  const fixedSeconds = COUNTS.fixedCalls * storeSeconds + upstreamSeconds;
  const mostReads = Math.max(1, Math.floor(qps * ((runSeconds - fixedSeconds) / slotSeconds)));
  // A run makes several passes when customers are read more often than it lasts.
  const isShort = intervalSeconds < runSeconds;
  const passes = Math.floor(runSeconds / intervalSeconds) + 1;
  const due = customers * (isShort ? passes : Math.min(1, periodSeconds / intervalSeconds));
  const reads = Math.min(due, mostReads);
  const sets = Math.max(0, Math.ceil(reads / qps) - 1);
  const shortSeconds = fixedSeconds + sets * (slotSeconds + COUNTS.dueSeconds);
  const isLong = isShort || reads === mostReads || load.looksForHints === true;
  const seconds = isLong ? runSeconds : Math.min(runSeconds, shortSeconds);
  const looks = load.looksForHints ? runSeconds : 0;
  // On average the run ends in the middle between two renewals.
  const renewals = Math.max(0, seconds / COUNTS.renewalSeconds - 0.5);
  const readUnits = runsADay * (COUNTS.fixedReads + looks + reads * COUNTS.readUnitsPerCustomer);
  const writeUnits = runsADay * (COUNTS.fixedWrites + renewals);
  return {
    /** From a customer's read to its next. */
    sweepSeconds: Math.max(intervalSeconds, (customers / Math.max(1, reads)) * periodSeconds),
    reads: reads * runsADay,
    secondsARun: seconds,
    billedSeconds: runsADay * seconds,
    ...{ readUnits, writeUnits },
    functionUsd: usdOfCalls(runsADay, seconds, load),
    storeUsd: readUnits * PRICES.readUnit + writeUnits * PRICES.writeUnit,
  };
}

/** `90 s`, `25 min`, `4.1 h`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

export const formatUsd = (usd: number): string =>
  `${usd < 1 ? Number(usd.toPrecision(2)) : usd.toFixed(2)} USD`;

/** What poll costs, and what callers can make the other functions cost at most. */
export function describeCosts(config: Config, { functions }: Plan): string[] {
  const ceilings = functions.flatMap(({ key, instances, input, triggers }) => {
    if (!triggers.some(({ type }) => type === "http")) return [];
    if (!instances) return [`${key} has no ceiling of instances`];
    const usd = usdOfCalls(instances, DAY_SECONDS, sizeOf(input));
    return [`${key} ${instances} instances, ${formatUsd(usd)}`];
  });
  const poll = functions.find(({ key }) => key === POLL.name);
  const most = `at most, called without a pause all day: ${ceilings.join("; ")}`;
  return [...(poll ? [describePoll(config, poll)] : []), most];
}

const sizeOf = ({ cpu, memorySize }: FunctionPlan["input"]) => ({ cpu, memoryMb: memorySize });

function describePoll(config: Config, { triggers, input }: FunctionPlan): string {
  const timer = triggers.find(({ type, config }) => type === "timer" && config.enable);
  if (!timer) return "poll has no timer that is switched on: nothing is watched or sent";
  // Days of another form may differ.
  const [, amount, unit] = /^@every (\d+)([mh])$/.exec(timer.config.cronExpression) ?? [];
  if (!amount) return `poll runs by ${timer.config.cronExpression}, whose runs are not counted`;
  const runsADay = 1440 / (Number(amount) * (unit === "h" ? 60 : 1));
  const customers = config.watch.length;
  const cost = costOf({
    ...{ customers, qps: config.qps, runsADay, ...sizeOf(input) },
    ...{ intervalSeconds: config.pollIntervalMs / 1000, runSeconds: config.runMs / 1000 },
    looksForHints: config.hintSecrets.length > 0,
  });
  const { sweepSeconds, reads, billedSeconds, functionUsd, storeUsd } = cost;
  return `a day of poll with ${Math.round(runsADay)} runs and ${customers} listed customers, each read every ${formatSeconds(sweepSeconds)}: about ${Math.round(reads)} upstream calls, ${Math.round(billedSeconds)} s billed, ${formatUsd(functionUsd)} for Function Compute and ${formatUsd(storeUsd)} for Tablestore`;
}
