/** Zero-padded so that text order is number order. */
const SEQUENCE_DIGITS = 16;

/** A sequence as events and keys hold it. */
export function formatSequence(seq: number): string {
  return String(seq).padStart(SEQUENCE_DIGITS, "0");
}
