/** Zero-padded so that text order is number order. */
const SEQUENCE_DIGITS = 16;

/** A sequence in the form that events and keys hold. */
export function formatSequence(seq: number): string {
  return String(seq).padStart(SEQUENCE_DIGITS, "0");
}

/**
 * The sequence after `last`, at `now` on the wall clock in ms. The time in it keeps it rising even
 * if the store forgot its last writes (a hybrid logical clock: Kulkarni et al., 2014).
 */
export function nextSequence(last: number, now: number): number {
  return Math.max(last + 1, now);
}
