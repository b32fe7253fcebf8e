/** Zero-padded so that text order is number order. */
const SEQUENCE_DIGITS = 16;

/** A sequence in the form that events and keys hold. */
export function formatSequence(seq: number): string {
  return String(seq).padStart(SEQUENCE_DIGITS, "0");
}
