import type { CustomerRow, PendingEvent } from "../schemas/customer-row.ts";
import { updateAbsent } from "./absent-numbers.ts";
import { baselineRow } from "./baseline.ts";
import { composeRow } from "./compose-row.ts";
import type { CustomerRead, DecisionInput } from "./customer-read.ts";
import { afterGoodRead } from "./failure.ts";
import { withGroups } from "./groups.ts";
import { hasAllKnownFields } from "./number-state.ts";
import type { NumberUpdate } from "./number-update.ts";
import { readItems } from "./observation.ts";
import { withMilestones } from "./onboarding.ts";
import { updateSeen } from "./seen-numbers.ts";
import { updateUnclear } from "./unclear-numbers.ts";
import { normaliseRow } from "./values.ts";
import type { WatchedField } from "./watched-fields.ts";

export type Decision = {
  /** The row to write; undefined when there is nothing to write. */
  readonly row: CustomerRow | undefined;
  /** Those of `row.pending` that are new. */
  readonly events: readonly PendingEvent[];
  /** Numbers were known and the answer lists none, which other customers must confirm first. */
  readonly becameEmpty: boolean;
  /** A change for the worse is among the events. */
  readonly worse: boolean;
  /** Changed numbers that are left for a later read, because too many events are pending. */
  readonly heldBack: number;
  /**
   * Once `row` is stored, every stored value is one that this answer showed, and it proved which
   * numbers there are: a later change happened after this read.
   */
  readonly confirms: boolean;
  /** The answer held a list, and every item of it could be read. */
  readonly isComplete: boolean;
  /** Numbers in two rows that differ. They keep what was known of them, and hold up no other. */
  readonly unclear: readonly string[];
  /** Fields with first values among the changes, which many customers may have in one run. */
  readonly firstValues: readonly WatchedField[];
};

const NOTHING: Decision = {
  row: undefined,
  events: [],
  becameEmpty: false,
  worse: false,
  heldBack: 0,
  confirms: false,
  isComplete: false,
  unclear: [],
  firstValues: [],
};

/**
 * What one good answer means for one customer. Pure, and the heart of the promise: an absent list,
 * field or value is never a change, and a first sight is a baseline. Numbers and their events
 * advance together or not at all.
 */
export function decide(input: DecisionInput): Decision {
  const { items, malformed } = input.reply;
  if (!items) return NOTHING;
  // A number that was unclear has a spelling as well, by which its line is known.
  const spellings = Object.keys({ ...input.row.numbers, ...input.row.unclear });
  const { seen, unclear } = readItems(items, spellings);
  // A malformed item may be any number. An unclear one is known to be listed.
  const isComplete = malformed === 0;
  const known = { ...input, row: normaliseRow(input.row) };
  const recovery = isComplete ? afterGoodRead({ ...known, now: input.readAt }) : undefined;
  const recovered = { ...known, row: recovery?.row ?? known.row };
  const watched = updateUnclear(recovered, unclear, isComplete) ?? recovery;
  const row = watched?.row ?? known.row;
  const observedAt = new Date(input.readAt).toISOString();
  const wasUnclear = known.row.unclear;
  const read: CustomerRead = { ...input, row, observedAt, seen, unclear, wasUnclear, isComplete };
  const decision = row.baselineAt ? decideNumbers(read) : decideBaseline(read);
  return {
    ...decision,
    row: decision.row ?? watched?.row,
    events: [...row.pending.slice(known.row.pending.length), ...decision.events],
  };
}

function decideBaseline(read: CustomerRead): Decision {
  const { isComplete } = read;
  const row = baselineRow(read);
  const confirms = isComplete && row?.baselineAt !== undefined;
  return { ...NOTHING, row, confirms, isComplete, unclear: [...read.unclear] };
}

function decideNumbers(read: CustomerRead): Decision {
  const { isComplete } = read;
  const changes = [...updateSeen(read), ...updateAbsent(read)];
  const updates = withGroups(read, withMilestones(read, changes));
  const composed = composeRow(read, updates);
  return {
    ...composed,
    becameEmpty: isEmptyNow(read),
    confirms: isComplete && composed.heldBack === 0 && showsAllFields(read),
    isComplete,
    unclear: [...read.unclear],
    firstValues: firstValues(updates),
  };
}

function firstValues(updates: readonly NumberUpdate[]): WatchedField[] {
  const changes = updates.flatMap(({ drafts }) => drafts.flatMap((draft) => draft.changes));
  return [...new Set(changes.flatMap(({ field, from }) => (from === null ? [field] : [])))];
}

function isEmptyNow({ row, seen, unclear, isComplete }: CustomerRead): boolean {
  const hadNumbers = Object.values(row.numbers).some((state) => !state.missingSince);
  return isComplete && seen.size === 0 && unclear.size === 0 && hadNumbers;
}

function showsAllFields({ row, seen }: CustomerRead): boolean {
  return [...seen].every(([phoneNumber, observation]) => {
    const known = row.numbers[phoneNumber];
    return !known || hasAllKnownFields(known, observation);
  });
}
