import type { CustomerRow, NumberState, PendingEvent } from "../schemas/customer-row.ts";
import { EVENT_TYPES } from "../schemas/event.ts";
import type { LaneRow } from "../schemas/watch-rows.ts";
import type { QueryReply } from "../signing/upstream.ts";
import { baseline, countAbsence, withoutIntents } from "./baseline.ts";
import { assess, createEvent, type EventDraft, type EventOrigin } from "./event.ts";
import { afterGoodRead } from "./failure.ts";
import { MAX_PENDING_BYTES, MAX_PENDING_EVENTS } from "./limits.ts";
import { type NumberUpdate, withGroups, withMilestones } from "./number-update.ts";
import {
  changedFields,
  hasAllKnownFields,
  hasNewValues,
  mergeState,
  type Observation,
  readItems,
} from "./observation.ts";
import { findMilestones } from "./onboarding.ts";

export type DecisionInput = {
  readonly customer: string;
  readonly source: string;
  readonly row: CustomerRow;
  readonly reply: QueryReply;
  /** When the answer came, in ms. */
  readonly readAt: number;
  /** A time after which the stored values are known to have been seen, in ms. */
  readonly lastSeenAt?: number | undefined;
  /** The customer's added numbers, when it is read in the priority lane. */
  readonly onboarding?: LaneRow["onboarding"] | undefined;
};

export type Decision = {
  /** The row to write; undefined when there is nothing to write. */
  readonly row: CustomerRow | undefined;
  /** Those of `row.pending` that are new. */
  readonly events: readonly PendingEvent[];
  /** Numbers were known and the answer lists none: believed only after a look at other customers. */
  readonly becameEmpty: boolean;
  /** A change for the worse is among the events. */
  readonly worse: boolean;
  /** Changed numbers that had to be left for a later read, because too many events are pending. */
  readonly heldBack: number;
  /**
   * Once `row` is stored, every stored value is one that this answer showed, and it proved which
   * numbers there are: a later change happened after this read.
   */
  readonly confirms: boolean;
  /** The answer held a list, and every item of it could be read. */
  readonly isComplete: boolean;
};

/**
 * What one good answer means for one customer. Pure, and the heart of the promise: an absent list,
 * field or value is never a change; a first sight is a baseline; the numbers whose events fit are
 * advanced together with those events, the others not at all.
 */
export function decide(input: DecisionInput): Decision {
  const listed = input.reply.items;
  if (!listed) return unchanged(false, false);
  const { seen, ambiguous } = readItems(listed);
  // A malformed or contradictory item may be any number: such an answer proves no absence.
  const isComplete = input.reply.malformed === 0 && !ambiguous;
  const recovery = isComplete ? afterGoodRead({ ...input, now: input.readAt }) : undefined;
  if (!recovery) return decideNumbers(input, seen, isComplete);
  const decision = decideNumbers({ ...input, row: recovery.row }, seen, isComplete);
  return {
    ...decision,
    row: decision.row ?? recovery.row,
    events: [...recovery.events, ...decision.events],
  };
}

function decideNumbers(
  input: DecisionInput,
  seen: ReadonlyMap<string, Observation>,
  isComplete: boolean,
): Decision {
  const { row } = input;
  const present = Object.values(row.numbers).filter((state) => !state.missingSince);
  const becameEmpty = seen.size === 0 && isComplete && present.length > 0;
  const observedAt = new Date(input.readAt).toISOString();
  if (!row.baselineAt) {
    const first = baseline(row, seen, isComplete, input.readAt);
    return {
      ...unchanged(false, isComplete),
      row: first,
      confirms: isComplete && first?.baselineAt !== undefined,
    };
  }

  const steps = [
    ...[...seen.values()].map((observation) => stepSeen(input, observation, observedAt)),
    ...(isComplete ? stepsAbsent(input, seen, observedAt) : []),
  ].filter((step) => step !== undefined);
  const numbersAfter = {
    ...row.numbers,
    ...Object.fromEntries(steps.map(({ phoneNumber, state }) => [phoneNumber, state])),
  } as CustomerRow["numbers"];
  const milestones = findMilestones(
    input.onboarding ?? {},
    row.onboarding,
    numbersAfter,
    input.readAt,
  );
  const told = withMilestones(steps, milestones, numbersAfter, observedAt);
  const grouped = withGroups(told, present.length, [input.source, input.customer, row.seq]);
  const found = composeRow(input, grouped, isComplete, observedAt);
  const shown = [...seen.values()].every((observation) => {
    const known = row.numbers[observation.phoneNumber];
    return !known || hasAllKnownFields(known, observation);
  });
  return {
    ...found,
    becameEmpty,
    isComplete,
    confirms: isComplete && shown && found.heldBack === 0,
  };
}

function unchanged(becameEmpty: boolean, isComplete: boolean): Decision {
  return {
    row: undefined,
    events: [],
    becameEmpty,
    worse: false,
    heldBack: 0,
    confirms: false,
    isComplete,
  };
}

function stepSeen(
  input: DecisionInput,
  seen: Observation,
  observedAt: string,
): NumberUpdate | undefined {
  const { phoneNumber } = seen;
  const known = input.row.numbers[phoneNumber];
  const state = mergeState(known, seen, observedAt);
  if (!known && input.row.partialBaseline) return { phoneNumber, state };
  if (!known) {
    const previousObservedAt = lastRowSight(input);
    const type = EVENT_TYPES.discovered;
    return {
      phoneNumber,
      state,
      finding: { type, phoneNumber, changes: [], state, previousObservedAt },
    };
  }
  const changes = changedFields(known, seen);
  const previousObservedAt = lastSight(input, known);
  if (known.missingSince || changes.length > 0) {
    const type = known.missingSince ? EVENT_TYPES.returned : EVENT_TYPES.changed;
    return {
      phoneNumber,
      state,
      finding: { type, phoneNumber, changes, state, previousObservedAt },
    };
  }
  if (!hasNewValues(known, seen) && !known.absent) return undefined;
  return { phoneNumber, state };
}

function stepsAbsent(
  input: DecisionInput,
  seen: ReadonlyMap<string, Observation>,
  observedAt: string,
): (NumberUpdate | undefined)[] {
  return Object.entries(input.row.numbers).map(([phoneNumber, known]) => {
    if (seen.has(phoneNumber) || known.missingSince) return undefined;
    const { since, reads, believed } = countAbsence(known.absent, input.readAt, observedAt);
    const lastSeenAt = known.absent?.lastSeenAt ?? lastSight(input, known);
    if (believed) {
      const { absent: _absent, ...rest } = known;
      const state = { ...rest, missingSince: observedAt };
      const finding: EventDraft = {
        type: EVENT_TYPES.missing,
        phoneNumber,
        changes: [],
        state,
        previousObservedAt: lastSeenAt,
        details: { missingReason: missingReason(known) },
      };
      return { phoneNumber, state, finding };
    }
    if (reads === known.absent?.reads) return undefined;
    return { phoneNumber, state: { ...known, absent: { reads, since, lastSeenAt } } };
  });
}

/** A number whose last status said that it goes is not missing in the same sense. */
function missingReason({ fields }: NumberState): "absent" | "deleted" | "migrated" {
  switch (fields.status?.toUpperCase()) {
    case "DELETED":
      return "deleted";
    case "MIGRATED":
      return "migrated";
    default:
      return "absent";
  }
}

function composeRow(
  input: DecisionInput,
  steps: readonly NumberUpdate[],
  isComplete: boolean,
  observedAt: string,
): Omit<Decision, "becameEmpty" | "confirms" | "isComplete"> {
  const { row, customer, source, reply } = input;
  const origin: EventOrigin = {
    source,
    customer,
    observedAt,
    upstreamRequestId: reply.requestId,
  };
  const numbers: Record<string, NumberState> = {};
  const events: PendingEvent[] = [];
  const onboarding = { ...row.onboarding };
  let bytes = row.pending.reduce((sum, event) => sum + Buffer.byteLength(event.body), 0);
  let heldBack = 0;
  let worse = false;
  for (const { phoneNumber, state, finding, milestone } of steps) {
    if (finding) {
      const event = createEvent(finding, row.seq + events.length + 1, origin);
      const size = Buffer.byteLength(event.body);
      const count = row.pending.length + events.length;
      if (count >= MAX_PENDING_EVENTS || bytes + size > MAX_PENDING_BYTES) {
        heldBack += 1;
        continue;
      }
      bytes += size;
      events.push(event);
      worse ||= assess(finding).direction === "worse";
    }
    if (state) numbers[phoneNumber] = state;
    if (milestone) {
      const { key, addedAt, kind } = milestone;
      onboarding[key] = { ...onboarding[key], addedAt, [`${kind}At`]: observedAt };
    }
  }
  const sawNumbers = (reply.items?.length ?? 0) > 0;
  const settles = (sawNumbers && row.addIntents) || (isComplete && row.partialBaseline);
  if (Object.keys(numbers).length === 0 && events.length === 0 && !settles) {
    return { row: undefined, events: [], worse: false, heldBack };
  }
  const { partialBaseline, ...rest } = withoutIntents(row, sawNumbers);
  return {
    row: {
      ...rest,
      ...(partialBaseline && !isComplete ? { partialBaseline } : {}),
      seq: row.seq + events.length,
      // Numbers that this answer left out or that were held back may be older than it.
      observedAt: isComplete && heldBack === 0 ? observedAt : row.observedAt,
      numbers: { ...row.numbers, ...numbers },
      ...(Object.keys(onboarding).length > 0 ? { onboarding } : {}),
      pending: [...row.pending, ...events],
    } as CustomerRow,
    events,
    worse,
    heldBack,
  };
}

function lastSight(input: DecisionInput, known: NumberState): string {
  if (known.absent) return known.absent.lastSeenAt ?? known.observedAt;
  if (known.missingSince || input.lastSeenAt === undefined) return known.observedAt;
  return new Date(Math.max(input.lastSeenAt, Date.parse(known.observedAt))).toISOString();
}

function lastRowSight(input: DecisionInput): string | undefined {
  const stored = input.row.observedAt ?? input.row.baselineAt;
  if (stored === undefined || input.lastSeenAt === undefined) return stored;
  return new Date(Math.max(input.lastSeenAt, Date.parse(stored))).toISOString();
}
