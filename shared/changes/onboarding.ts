import type { NumberState } from "../schemas/customer-row.ts";
import { EVENT_TYPES } from "../schemas/event.ts";
import { isAhead } from "../schemas/stored-time.ts";
import type { CustomerRead } from "./customer-read.ts";
import { findBlockage, isNameRefused } from "./next-step.ts";
import type { EventDraft, Milestone, NumberUpdate } from "./number-update.ts";
import { findNumber } from "./same-line.ts";

/** A number that was added this long ago should be in service… */
const STUCK_AFTER_MS = 24 * 3_600_000;
/** …unless one of its fields has just moved: people and reviews take their time for each step. */
const GRACE_MS = 2 * 3_600_000;

/**
 * Adds the milestones of added numbers to the updates of a read, after the other events of the
 * number. A number that is discovered says when it was added.
 */
export function withMilestones(
  read: CustomerRead,
  updates: readonly NumberUpdate[],
): NumberUpdate[] {
  const numbers = { ...read.row.numbers };
  for (const { phoneNumber, state } of updates) if (state) numbers[phoneNumber] = state;
  const added = findAdded(read, [...Object.keys(numbers), ...read.unclear]);
  const joined = new Map(
    updates.map((update) => [update.phoneNumber, withAdded(update, added)] as const),
  );
  for (const one of added) {
    // It is listed, and nothing else is known of it.
    if (read.unclear.has(one.phoneNumber)) continue;
    const milestone = findMilestone(read, one, numbers[one.phoneNumber]);
    if (!milestone) continue;
    const { phoneNumber } = one;
    const update = joined.get(phoneNumber) ?? {
      phoneNumber,
      state: numbers[phoneNumber],
      drafts: [],
    };
    joined.set(phoneNumber, addMilestone(read, update, milestone));
  }
  return [...joined.values()];
}

type Added = Pick<Milestone, "key" | "phoneNumber" | "addedAt">;

/** The added numbers as the list has them. */
function findAdded({ row, readAt }: CustomerRead, listed: readonly string[]): Added[] {
  return Object.entries(row.onboarding ?? {}).flatMap(([key, { cc, addedAt }]) => {
    if (cc === undefined) return [];
    const found = findNumber(cc, key.slice(cc.length), listed);
    // A number that was added by a wrong clock counts from now on.
    const isWrong = isAhead(Date.parse(addedAt), readAt);
    const since = isWrong ? new Date(readAt).toISOString() : addedAt;
    return [{ key, phoneNumber: found?.phoneNumber ?? key, addedAt: since }];
  });
}

/** The events of an added number say how it was added, and its discovery says when. */
function withAdded(update: NumberUpdate, added: readonly Added[]): NumberUpdate {
  const own = added.find(({ phoneNumber }) => phoneNumber === update.phoneNumber);
  if (!own) return update;
  const { key: addedAs, addedAt } = own;
  const drafts = update.drafts.map((draft) => ({
    ...draft,
    state: { ...draft.state, addedAs },
    details: draft.type === EVENT_TYPES.discovered ? { addedAt } : draft.details,
  }));
  return { ...update, state: update.state && { ...update.state, addedAs }, drafts };
}

/**
 * Each number is completed once, stuck at most once, and its name refused at most once.
 *
 * @param state after the read
 */
function findMilestone(
  { row, readAt, isClockDoubtful }: CustomerRead,
  added: Added,
  state: NumberState | undefined,
): Milestone | undefined {
  const { key, addedAt } = added;
  const known = row.onboarding?.[key];
  const reported = known?.addedAt === addedAt ? known : undefined;
  if (reported?.completedAt) return undefined;
  const fields = state && !state.missingSince ? state.fields : undefined;
  const blockage = findBlockage(fields);
  if (!blockage) return { ...added, kind: "completed" };
  // A refused name is reported once as such, also after the number was stuck for another reason.
  if (blockage.blockedBy === "nameStatus" && fields && isNameRefused(fields)) {
    return reported?.refusedAt ? undefined : { ...added, kind: "refused", blockage };
  }
  if (reported?.stuckAt) return undefined;
  if (fields && isNameRefused(fields)) return { ...added, kind: "stuck", blockage };
  const lastStepAt = Math.max(Date.parse(addedAt), Date.parse(state?.observedAt ?? addedAt));
  const isLong = readAt - Date.parse(addedAt) >= STUCK_AFTER_MS && readAt - lastStepAt >= GRACE_MS;
  return isLong && !isClockDoubtful ? { ...added, kind: "stuck", blockage } : undefined;
}

function addMilestone(
  { observedAt }: CustomerRead,
  update: NumberUpdate,
  milestone: Milestone,
): NumberUpdate {
  const { kind, key: addedAs, addedAt, blockage } = milestone;
  const draft: EventDraft = {
    type: kind === "completed" ? EVENT_TYPES.onboardingCompleted : EVENT_TYPES.onboardingStuck,
    phoneNumber: update.phoneNumber,
    changes: [],
    state: { ...(update.state ?? { fields: {}, observedAt }), addedAs },
    previousObservedAt: undefined,
    details: { addedAt, ...blockage },
  };
  const state = update.state && { ...update.state, addedAs };
  return { ...update, state, milestone, drafts: [...update.drafts, draft] };
}
