import type { Random } from "../schedules/scheduler.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const CHANGES_HELP = `A quarter of the customers never change, one in twenty changes daily, the others around once in 60
days (lognormal, sigma 1.3). After a change another follows with probability 0.5, within two hours in
the mean.`;

export type ChangingCustomer = {
  /** Changes per ms. */
  readonly perMs: number;
  /** How long before the start it changed, in ms. */
  readonly agoMs: number;
  /** How long after the start it changes, in ms. */
  readonly firstMs: number;
};

/** Changes per ms: a quarter never, one in twenty daily, the rest around one in 60 days. */
function drawRate(random: Random): number {
  const kind = random();
  if (kind < 0.25) return 0;
  if (kind < 0.3) return 1 / DAY_MS;
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.exp(1.3 * normal) / (60 * DAY_MS);
}

const exponential = (random: Random, perMs: number) =>
  perMs > 0 ? -Math.log(1 - random()) / perMs : Number.POSITIVE_INFINITY;

/** As it would stand after a long time: the last change is as far back as the next one ahead. */
export function drawCustomer(random: Random): ChangingCustomer {
  const perMs = drawRate(random);
  const agoMs = Math.min(exponential(random, perMs), 400 * DAY_MS);
  return { perMs, agoMs, firstMs: exponential(random, perMs) };
}

/** After a change another follows with probability 0.5, within two hours in the mean. */
export function changeAfter(
  { perMs }: Pick<ChangingCustomer, "perMs">,
  at: number,
  random: Random,
): number {
  const next = at + exponential(random, perMs);
  return random() < 0.5 ? Math.min(next, at + exponential(random, 1 / (2 * HOUR_MS))) : next;
}
