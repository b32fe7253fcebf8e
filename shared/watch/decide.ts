import { isDeepStrictEqual } from "node:util";
import type { CustomerRow, NumberState, PendingEvent } from "../schemas/customer-row.ts";
import { EVENT_TYPES } from "../schemas/event.ts";
import type { PhoneNumberItem } from "../schemas/upstream.ts";
import type { QueryReply } from "../signing/upstream.ts";
import { createEvent, type EventOrigin, type Finding, meaningOf } from "./event.ts";
import {
  bringsNews,
  changedFields,
  mergeState,
  type Observation,
  observe,
  showsAll,
} from "./observation.ts";

/** A number is missing after this many good reads without it, over at least this long. */
export const MISSING_READS = 3;
export const MISSING_AFTER_MS = 600_000;

/** Beyond these a customer's changes wait upstream instead of in the row. */
export const MAX_PENDING_EVENTS = 500;
export const MAX_PENDING_BYTES = 512 * 1024;

export type DecisionInput = {
  readonly customer: string;
  readonly source: string;
  readonly row: CustomerRow;
  readonly reply: QueryReply;
  /** When the answer came, in ms. */
  readonly readAt: number;
  /** A time after which the stored values are known to have been seen, in ms. */
  readonly lastSeenAt?: number | undefined;
};

export type Decision = {
  /** The row to write; undefined when there is nothing to write. */
  readonly row: CustomerRow | undefined;
  /** Those of `row.pending` that are new. */
  readonly events: readonly PendingEvent[];
  /** Numbers were known and the answer lists none: believed only after a look at other customers. */
  readonly turnedEmpty: boolean;
  /** A change for the worse is among the events. */
  readonly worse: boolean;
  /** Changed numbers that had to be left for a later read, because too many events are pending. */
  readonly heldBack: number;
  /**
   * Once `row` is stored, every stored value is one that this answer showed, and it proved which
   * numbers there are: a later change happened after this read.
   */
  readonly confirms: boolean;
};

/**
 * What one good answer means for one customer. Pure, and the heart of the promise: an absent list,
 * field or value is never a change; a first sight is a baseline; the numbers whose events fit are
 * advanced together with those events, the others not at all.
 */
export function decide(input: DecisionInput): Decision {
  const { row, reply } = input;
  const listed = reply.items;
  if (!listed) return unchanged(false);

  const { seen, ambiguous } = sortOut(listed);
  // A malformed or contradictory item may be any number: such an answer proves no absence.
  const whole = reply.malformed === 0 && !ambiguous;
  const present = Object.values(row.numbers).filter((state) => !state.missingSince);
  const turnedEmpty = listed.length === 0 && whole && present.length > 0;
  const observedAt = new Date(input.readAt).toISOString();
  if (!row.baselineAt) return baseline(input, seen, whole, observedAt);

  const steps = [
    ...[...seen.values()].map((observation) => stepSeen(input, observation, observedAt)),
    ...(whole ? stepsAbsent(input, seen, observedAt) : []),
  ].filter((step) => step !== undefined);
  const found = collect(input, steps, whole, observedAt);
  const shown = [...seen.values()].every((observation) => {
    const known = row.numbers[observation.phoneNumber];
    return !known || showsAll(known, observation);
  });
  return { ...found, turnedEmpty, confirms: whole && shown && found.heldBack === 0 };
}

type Step = {
  readonly phoneNumber: string;
  readonly state: NumberState;
  readonly finding?: Finding;
};

function unchanged(turnedEmpty: boolean): Decision {
  return {
    row: undefined,
    events: [],
    turnedEmpty,
    worse: false,
    heldBack: 0,
    confirms: false,
  };
}

/**
 * Two items that say different things of one number say nothing of it. The result is in the order
 * of the numbers: how the upstream orders its list says nothing either.
 */
function sortOut(items: readonly PhoneNumberItem[]) {
  const seen = new Map<string, Observation>();
  const contradicted = new Set<string>();
  for (const observation of items.map(observe)) {
    const first = seen.get(observation.phoneNumber);
    if (first && !isDeepStrictEqual(first, observation)) contradicted.add(observation.phoneNumber);
    seen.set(observation.phoneNumber, observation);
  }
  for (const phoneNumber of contradicted) seen.delete(phoneNumber);
  const sorted = [...seen].sort(([a], [b]) => (a < b ? -1 : 1));
  return { seen: new Map(sorted), ambiguous: contradicted.size > 0 };
}

/**
 * The first numbers are taken in without events. A customer that shows none is believed to have
 * none only as slowly as a number is believed to be missing: otherwise one empty answer to the
 * first read would make every number look newly discovered. After a first answer that was not
 * whole, numbers stay baselines until one is.
 */
function baseline(
  input: DecisionInput,
  seen: ReadonlyMap<string, Observation>,
  whole: boolean,
  observedAt: string,
): Decision {
  const { row } = input;
  if (seen.size === 0) {
    if (!whole) return unchanged(false);
    const count = countAbsence(row.emptyAtFirst, input.readAt, observedAt);
    if (!count.believed) {
      if (count.reads === row.emptyAtFirst?.reads) return unchanged(false);
      const emptyAtFirst = { reads: count.reads, since: count.since };
      return { ...unchanged(false), row: { ...row, emptyAtFirst } };
    }
  }
  const { emptyAtFirst: _empty, ...rest } = withoutIntents(row, seen.size > 0);
  const numbers = Object.fromEntries(
    [...seen].map(([phoneNumber, o]) => [phoneNumber, mergeState(undefined, o, observedAt)]),
  );
  const next = {
    ...rest,
    baselineAt: observedAt,
    observedAt,
    numbers,
    ...(whole ? {} : { partialBaseline: true }),
  } as CustomerRow;
  return { ...unchanged(false), row: next, confirms: whole };
}

function countAbsence(
  before: { reads: number; since: string } | undefined,
  readAt: number,
  observedAt: string,
) {
  const since = before?.since ?? observedAt;
  const reads = Math.min(MISSING_READS, (before?.reads ?? 0) + 1);
  const believed = reads >= MISSING_READS && readAt - Date.parse(since) >= MISSING_AFTER_MS;
  return { since, reads, believed };
}

function stepSeen(input: DecisionInput, seen: Observation, observedAt: string): Step | undefined {
  const { phoneNumber } = seen;
  const known = input.row.numbers[phoneNumber];
  const state = mergeState(known, seen, observedAt);
  if (!known && input.row.partialBaseline) return { phoneNumber, state };
  if (!known) {
    return step(EVENT_TYPES.discovered, phoneNumber, state, [], lastRowSight(input));
  }
  const changes = changedFields(known, seen);
  const previousObservedAt = lastSight(input, known);
  if (known.missingSince) {
    return step(EVENT_TYPES.returned, phoneNumber, state, changes, previousObservedAt);
  }
  if (changes.length > 0) {
    return step(EVENT_TYPES.changed, phoneNumber, state, changes, previousObservedAt);
  }
  if (!bringsNews(known, seen) && !known.absent) return undefined;
  return { phoneNumber, state };
}

function step(
  type: Finding["type"],
  phoneNumber: string,
  state: NumberState,
  changes: Finding["changes"],
  previousObservedAt: string | undefined,
): Step {
  return { phoneNumber, state, finding: { type, phoneNumber, changes, state, previousObservedAt } };
}

function stepsAbsent(
  input: DecisionInput,
  seen: ReadonlyMap<string, Observation>,
  observedAt: string,
): (Step | undefined)[] {
  return Object.entries(input.row.numbers).map(([phoneNumber, known]) => {
    if (seen.has(phoneNumber) || known.missingSince) return undefined;
    const { since, reads, believed } = countAbsence(known.absent, input.readAt, observedAt);
    const lastSeenAt = known.absent?.lastSeenAt ?? lastSight(input, known);
    if (believed) {
      const { absent: _absent, ...rest } = known;
      const state = { ...rest, missingSince: observedAt };
      return step(EVENT_TYPES.missing, phoneNumber, state, [], lastSeenAt);
    }
    if (reads === known.absent?.reads) return undefined;
    return { phoneNumber, state: { ...known, absent: { reads, since, lastSeenAt } } };
  });
}

function collect(
  input: DecisionInput,
  steps: readonly Step[],
  whole: boolean,
  observedAt: string,
): Omit<Decision, "turnedEmpty" | "confirms"> {
  const { row, customer, source, reply } = input;
  const origin: EventOrigin = {
    source,
    customer,
    observedAt,
    upstreamRequestId: reply.requestId,
  };
  const numbers: Record<string, NumberState> = {};
  const events: PendingEvent[] = [];
  let bytes = row.pending.reduce((sum, event) => sum + Buffer.byteLength(event.body), 0);
  let heldBack = 0;
  let worse = false;
  for (const { phoneNumber, state, finding } of steps) {
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
      worse ||= meaningOf(finding).direction === "worse";
    }
    numbers[phoneNumber] = state;
  }
  const sawNumbers = (reply.items?.length ?? 0) > 0;
  const settles = (sawNumbers && row.addIntents) || (whole && row.partialBaseline);
  if (Object.keys(numbers).length === 0 && !settles) {
    return { row: undefined, events: [], worse: false, heldBack };
  }
  const { partialBaseline, ...rest } = withoutIntents(row, sawNumbers);
  return {
    row: {
      ...rest,
      ...(partialBaseline && !whole ? { partialBaseline } : {}),
      seq: row.seq + events.length,
      // Numbers that this answer left out or that were held back may be older than it.
      observedAt: whole && heldBack === 0 ? observedAt : row.observedAt,
      numbers: { ...row.numbers, ...numbers },
      pending: [...row.pending, ...events],
    } as CustomerRow,
    events,
    worse,
    heldBack,
  };
}

/** A customer that has numbers stands on its own: no refused add may remove it any more. */
function withoutIntents(row: CustomerRow, sawNumbers: boolean): CustomerRow {
  if (!sawNumbers || !row.addIntents) return row;
  const { addIntents: _addIntents, revivedFrom: _revivedFrom, ...rest } = row;
  return rest as CustomerRow;
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
