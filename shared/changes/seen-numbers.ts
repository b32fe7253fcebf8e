import { EVENT_TYPES } from "../schemas/event.ts";
import { notAfter } from "../schemas/stored-time.ts";
import { mayHaveBeenUnread } from "./baseline.ts";
import type { CustomerRead } from "./customer-read.ts";
import { changedFields, hasNewValues, isListed, lastShownAt, mergeState } from "./number-state.ts";
import type { EventDraft, NumberUpdate } from "./number-update.ts";
import type { Observation } from "./observation.ts";

/** Updates of the numbers that the reply lists. A number that looks as before needs none. */
export function updateSeen(read: CustomerRead): NumberUpdate[] {
  return [...read.seen.values()].flatMap((observation) => updateOne(read, observation) ?? []);
}

function updateOne(read: CustomerRead, seen: Observation): NumberUpdate | undefined {
  const { phoneNumber } = seen;
  const known = read.row.numbers[phoneNumber];
  const isOld = isAsOldAsBaseline(read, phoneNumber);
  const merged = mergeState(known, seen, read.observedAt);
  const isNewlyListed = known ? !isListed(known) && isListed(merged) : !isOld;
  // In rows that contradicted each other it was listed before.
  const listedSince = read.wasUnclear?.[phoneNumber]?.since ?? read.observedAt;
  const state = isNewlyListed ? { ...merged, listedSince } : merged;
  const draft = (
    type: EventDraft["type"],
    changes: EventDraft["changes"],
    previousObservedAt: string | undefined,
  ) => ({ type, phoneNumber, changes, state, previousObservedAt });
  if (!known) {
    const drafts = isOld ? [] : [draft(EVENT_TYPES.discovered, [], lastRowReadAt(read))];
    return { phoneNumber, state, drafts };
  }
  const changes = changedFields(known, seen, read.silent);
  const shownAt = lastShownAt(known, read, phoneNumber);
  // The return shows the values that the receiver knows. What is new follows as changes.
  const back = { ...state, fields: known.fields, hashes: known.hashes };
  const drafts = [
    ...(known.missingSince ? [{ ...draft(EVENT_TYPES.returned, [], shownAt), state: back }] : []),
    ...(changes.length > 0 ? [draft(EVENT_TYPES.changed, changes, shownAt)] : []),
  ];
  const isRespelt = known.listedAs !== seen.listedAs;
  const isNew = drafts.length > 0 || known.absent || isRespelt || hasNewValues(known, seen);
  return isNew ? { phoneNumber, state, drafts } : undefined;
}

/** Whether the first answer may have listed the number, but could not be read so far. */
function isAsOldAsBaseline(read: CustomerRead, phoneNumber: string): boolean {
  const since = read.wasUnclear?.[phoneNumber]?.since ?? "never";
  return since <= (read.row.baselineAt ?? "") || mayHaveBeenUnread(read, phoneNumber);
}

/** When the customer's numbers, without the new one, were last known to be all of them. */
function lastRowReadAt({ row, lastSeenAt, readAt }: CustomerRead): string | undefined {
  const stored = row.observedAt ?? row.baselineAt;
  if (stored === undefined) return undefined;
  return new Date(notAfter(Math.max(lastSeenAt ?? 0, Date.parse(stored)), readAt)).toISOString();
}
