import { EVENT_TYPES } from "../schemas/event.ts";
import type { CustomerRead } from "./customer-read.ts";
import { changedFields, hasNewValues, lastShownAt, mergeState } from "./number-state.ts";
import type { NumberUpdate } from "./number-update.ts";
import type { Observation } from "./observation.ts";

/** Updates of the numbers that the reply lists. A number that looks as before needs none. */
export function updateSeen(read: CustomerRead): NumberUpdate[] {
  return [...read.seen.values()].flatMap((observation) => updateOne(read, observation) ?? []);
}

function updateOne(read: CustomerRead, seen: Observation): NumberUpdate | undefined {
  const { phoneNumber } = seen;
  const known = read.row.numbers[phoneNumber];
  const state = mergeState(known, seen, read.observedAt);
  if (!known) {
    // Another part of the first answer could not be read, so the number may be as old as the rest.
    if (read.row.partialBaseline) return { phoneNumber, state };
    const previousObservedAt = lastRowReadAt(read);
    const type = EVENT_TYPES.discovered;
    return {
      phoneNumber,
      state,
      draft: { type, phoneNumber, changes: [], state, previousObservedAt },
    };
  }
  const changes = changedFields(known, seen);
  if (known.missingSince || changes.length > 0) {
    const type = known.missingSince ? EVENT_TYPES.returned : EVENT_TYPES.changed;
    const previousObservedAt = lastShownAt(known, read.lastSeenAt);
    return { phoneNumber, state, draft: { type, phoneNumber, changes, state, previousObservedAt } };
  }
  return known.absent || hasNewValues(known, seen) ? { phoneNumber, state } : undefined;
}

/** When the customer's numbers, without the new one, were last known to be all of them. */
function lastRowReadAt({ row, lastSeenAt }: CustomerRead): string | undefined {
  const stored = row.observedAt ?? row.baselineAt;
  if (stored === undefined || lastSeenAt === undefined) return stored;
  return new Date(Math.max(lastSeenAt, Date.parse(stored))).toISOString();
}
