import type { CustomerRow } from "../schemas/customer-row.ts";
import { notAfter } from "../schemas/stored-time.ts";
import type { LeaseRow, Sweep, SweepPlan } from "../schemas/watch-rows.ts";

const HOUR_MS = 3_600_000;
/** A customer whose last change is younger is read in every sweep… */
const YOUNG_MS = 12 * HOUR_MS;
/** …and one whose last change is younger than this in every second one. */
const SETTLED_MS = 96 * HOUR_MS;
/** An added number that is not in service by then is read like any other. */
const ONBOARDING_MS = 168 * HOUR_MS;
/** No customer waits longer than so many sweeps of everyone. */
const LONGEST_GAP = 2;

/** Read in every sweep, in every second one, or in every fourth. */
export type Divisor = 1 | 2 | 4;
const DIVISORS: readonly Divisor[] = [4, 2, 1];

/**
 * How often a customer needs a read, by the age of its last change at a sweep's start. It costs no
 * write: the row is written when something changes, so its own time is the estimate.
 */
export function divisorOf(row: CustomerRow, startedAt: number): Divisor {
  if (isExempt(row, startedAt)) return 1;
  const changedAt = notAfter(Date.parse(row.observedAt ?? row.baselineAt ?? ""), startedAt);
  const age = startedAt - changedAt;
  if (age < YOUNG_MS) return 1;
  return age < SETTLED_MS ? 2 : 4;
}

/** Whoever is in doubt is in every sweep: never read, failing, a number absent or being added. */
function isExempt(row: CustomerRow, startedAt: number): boolean {
  if (row.baselineAt === undefined || row.partialBaseline || row.failure) return true;
  const began = (time: string) => Date.parse(time) <= startedAt;
  if (Object.values(row.numbers).some(({ absent }) => absent && began(absent.since))) return true;
  return Object.values(row.onboarding ?? {}).some(
    ({ cc, addedAt, completedAt }) =>
      cc !== undefined &&
      completedAt === undefined &&
      began(addedAt) &&
      startedAt - Date.parse(addedAt) < ONBOARDING_MS,
  );
}

/** Whether a sweep includes a customer. Each divisor's customers are spread over its sweeps. */
export function includes(
  { number, most, startedAt }: Pick<Sweep, "number" | "most" | "startedAt">,
  customer: string,
  row: CustomerRow,
): boolean {
  const divisor = Math.min(divisorOf(row, startedAt), most);
  return number % divisor === phaseOf(customer) % divisor;
}

/** FNV-1a, of which the upper bits depend on every character. */
function phaseOf(customer: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < customer.length; index += 1) {
    hash = Math.imul(hash ^ customer.charCodeAt(index), 0x01000193);
  }
  return ((hash >>> 24) ^ (hash >>> 12)) & 3;
}

/**
 * How far the next sweep may skip. By what the last one counted, a customer's longest wait must stay
 * within two sweeps of everyone, and the sweep must not be shorter than the interval, as skipping
 * would then win nothing.
 */
export function mostOf(plan: SweepPlan | undefined, everyMs: number): Divisor {
  if (!plan) return 1;
  const [every = 0, second = 0, fourth = 0] = plan.customers;
  const wholeMs = (every + second + fourth) * plan.msPerRead;
  const isWorth = (most: Divisor) => {
    const ms = (every + second / Math.min(2, most) + fourth / most) * plan.msPerRead;
    return ms >= everyMs && most * ms <= LONGEST_GAP * wholeMs;
  };
  return DIVISORS.find(isWorth) ?? 1;
}

/** The last whole sweeps, newest first: of each phase the last one that includes it. */
export function withSweep(sweeps: readonly Sweep[], done: Sweep): Sweep[] {
  const all = [done, ...sweeps];
  const needed = new Set(PHASES.map((phase) => all.find((sweep) => isOfPhase(sweep, phase))));
  return all.filter((sweep) => needed.has(sweep));
}

const PHASES = [0, 1, 2, 3];

/** Whether a sweep includes the customers of this phase that it reads least often. */
function isOfPhase({ number, most }: Sweep, phase: number): boolean {
  return number % most === phase % most;
}

/** Since when every customer has been read, or its failure noted; undefined if that is unknown. */
export function everyoneSince(sweeps: readonly Sweep[]): number | undefined {
  const last = PHASES.map((phase) => sweeps.find((sweep) => isOfPhase(sweep, phase)));
  return last.every((sweep) => sweep !== undefined)
    ? Math.min(...last.map((sweep) => coveredFrom(sweep)))
    : undefined;
}

/** When the last whole sweep began that included a customer, in ms; undefined for none. */
export function sweptSince(
  sweeps: readonly Sweep[],
  customer: string,
  row: CustomerRow,
): number | undefined {
  const starts = sweeps.filter((sweep) => includes(sweep, customer, row));
  return starts.length > 0 ? Math.max(...starts.map(coveredFrom)) : undefined;
}

/** A customer that was read right before the sweep's start was not read again. */
function coveredFrom({ startedAt, since }: Sweep): number {
  return Math.min(startedAt, since ?? startedAt);
}

/** The whole sweeps that a lease knows of. One of an earlier version included everyone. */
export function sweepsOf({ sweep, sweeps }: Pick<LeaseRow, "sweep" | "sweeps">): readonly Sweep[] {
  if (sweeps || !sweep.full) return sweeps ?? [];
  return [{ number: 0, most: 1, ...sweep.full }];
}
