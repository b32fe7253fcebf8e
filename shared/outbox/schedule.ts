const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * Waits before the attempts of an event that the receiver refuses, from the first attempt on. It is
 * the example schedule of Standard Webhooks: ten attempts in 75 hours.
 */
const EVENT_STEPS = [
  0,
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

/** Waits between the probes of an open breaker. The last one repeats. */
const PROBE_STEPS = [5 * SECOND, 30 * SECOND, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR];

const PROBE_JITTER = 0.2;
const REFUSAL_JITTER = 0.1;

/** The longest waits that are ever stored, in ms: an hour and a fifth, a day and a tenth. */
export const LONGEST_PROBE_WAIT_MS = 4_320_000;
export const LONGEST_EVENT_WAIT_MS = 95_040_000;

/**
 * The wait in ms after the n-th refusal of an event; undefined after the last.
 *
 * @param random a number in [0, 1), which makes the wait up to a tenth longer
 */
export function refusalDelayMs(refusals: number, random: number): number | undefined {
  const step = EVENT_STEPS[refusals];
  return step === undefined ? undefined : step * (1 + random * REFUSAL_JITTER);
}

/** The wait in ms before probe number `step` (from 0), a fifth shorter to a fifth longer. */
export function probeDelayMs(step: number, random: number): number {
  const wait = PROBE_STEPS[Math.min(step, PROBE_STEPS.length - 1)] ?? HOUR;
  return wait * (1 - PROBE_JITTER + 2 * PROBE_JITTER * random);
}

/** The wait in ms after a failed attempt while the breaker is closed. */
export const FAILED_DELAY_MS = 5 * SECOND;
