import type { CustomerRow, NumberState } from "../schemas/customer-row.ts";
import { EDITION, ruleOf, WATCHED_FIELD_NAMES, type WatchedField } from "./watched-fields.ts";

/** Longer values are stored and sent cut, and compared by hash. */
export const MAX_VALUE_LENGTH = 1024;

/** Texts that the upstream's samples have in place of a value. `NONE` and `NA` are values. */
const ABSENT = ["", "None", "null", "NULL", "N/A"];

/**
 * A watched value as the upstream means it; undefined if it is absent. Blanks around a word mean
 * nothing. A business may have the name `None`, so only an empty name is absent.
 */
export function normaliseValue(field: WatchedField, value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const word = value.trim();
  if (ruleOf(field).kind === "text") return word === "" ? undefined : value;
  if (word.length > MAX_VALUE_LENGTH) return value;
  return ABSENT.includes(word) ? undefined : word;
}

/** Whether two values are one, whatever the case of a word. */
export function isSameValue(
  field: WatchedField,
  one: string | undefined,
  other: string | undefined,
): boolean {
  if (one === other) return true;
  return ruleOf(field).kind === "word" && one?.toUpperCase() === other?.toUpperCase();
}

/**
 * The row of an earlier edition in the form of this one. Its values are normalised like answers, so
 * that an update changes none, and its numbers remember which fields were watched.
 */
export function normaliseRow(row: CustomerRow): CustomerRow {
  if (row.schema >= EDITION) return row;
  const numbers = Object.entries(row.numbers).map(([phoneNumber, state]) => [
    phoneNumber,
    { watch: row.schema, ...normaliseState(state) },
  ]);
  return { ...row, schema: EDITION, numbers: Object.fromEntries(numbers) };
}

function normaliseState(state: NumberState): NumberState {
  const fields = { ...state.fields };
  for (const field of WATCHED_FIELD_NAMES) {
    const value = normaliseValue(field, fields[field]);
    if (value === undefined) delete fields[field];
    else fields[field] = value;
  }
  return { ...state, fields };
}
