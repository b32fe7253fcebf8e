/** What poll answered, or a part of it. */
export type Answer = Readonly<Record<string, unknown>>;

/** A list in an answer, empty if there is none. */
export function listOf(value: unknown): readonly Answer[] {
  return Array.isArray(value) ? value : [];
}
