import type { NumberState } from "../schemas/customer-row.ts";
import { EVENT_TYPES } from "../schemas/event.ts";
import type { CustomerRead } from "./customer-read.ts";
import type { Milestone, NumberUpdate } from "./number-update.ts";
import { findNumber } from "./same-line.ts";
import { ruleOf, WATCHED_FIELD_NAMES } from "./watched-fields.ts";

/** A number that was added this long ago should be in service… */
const STUCK_AFTER_MS = 24 * 3_600_000;
/** …unless one of its fields has just moved: people and reviews take their time for each step. */
const GRACE_MS = 2 * 3_600_000;

/**
 * Adds the milestones of added numbers to the updates of a read. A number has one event for one
 * read, so a change that completes its onboarding is reported by that event. A number with another
 * event, such as its return, reports its milestone at the next read.
 */
export function withMilestones(
  read: CustomerRead,
  updates: readonly NumberUpdate[],
): NumberUpdate[] {
  const numbers = { ...read.row.numbers };
  for (const { phoneNumber, state } of updates) if (state) numbers[phoneNumber] = state;
  const milestones = findMilestones(read, numbers);
  const left = new Map(milestones.map((milestone) => [milestone.phoneNumber, milestone]));
  const joined = updates.map((update): NumberUpdate => {
    const milestone = left.get(update.phoneNumber);
    left.delete(update.phoneNumber);
    const isFree = !update.draft || update.draft.type === EVENT_TYPES.changed;
    return milestone && isFree ? addMilestone(read, update, milestone) : update;
  });
  const others = [...left.values()].map((milestone) => {
    const { phoneNumber } = milestone;
    return addMilestone(read, { phoneNumber, state: numbers[phoneNumber] }, milestone);
  });
  return [...joined, ...others];
}

/** Each number is completed once and stuck at most once. `numbers` are the states after the read. */
function findMilestones(
  { onboarding = {}, row, readAt }: CustomerRead,
  numbers: Readonly<Record<string, NumberState>>,
): Milestone[] {
  return Object.entries(onboarding).flatMap(([key, { cc, addedAt }]): Milestone[] => {
    const known = row.onboarding?.[key];
    const reported = known?.addedAt === addedAt ? known : undefined;
    if (reported?.completedAt) return [];
    const found = findNumber(cc, key.slice(cc.length), Object.keys(numbers));
    const phoneNumber = found?.phoneNumber ?? key;
    const state = found && numbers[found.phoneNumber];
    const blockedBy = blockingField(state);
    if (!blockedBy) return [{ key, phoneNumber, addedAt, kind: "completed" }];
    const lastStepAt = Math.max(Date.parse(addedAt), Date.parse(state?.observedAt ?? addedAt));
    const isDue = readAt - Date.parse(addedAt) >= STUCK_AFTER_MS && readAt - lastStepAt >= GRACE_MS;
    return isDue && !reported?.stuckAt
      ? [{ key, phoneNumber, addedAt, kind: "stuck", blockedBy }]
      : [];
  });
}

/** The first step that is missing, in the order in which a number is brought into service. */
function blockingField(state: NumberState | undefined): string | undefined {
  if (!state || state.missingSince) return "phoneNumber";
  const steps = WATCHED_FIELD_NAMES.flatMap((field) => {
    const step = ruleOf(field).onboarding;
    return step?.isBlocking(state.fields[field]?.toUpperCase()) ? [{ field, ...step }] : [];
  });
  return steps.sort((a, b) => a.step - b.step)[0]?.field;
}

function addMilestone(
  { observedAt }: CustomerRead,
  update: NumberUpdate,
  milestone: Milestone,
): NumberUpdate {
  const { kind, addedAt, blockedBy } = milestone;
  return {
    ...update,
    milestone,
    draft: {
      phoneNumber: update.phoneNumber,
      changes: [],
      state: update.state ?? { fields: {}, observedAt },
      previousObservedAt: undefined,
      ...update.draft,
      type: kind === "completed" ? EVENT_TYPES.onboardingCompleted : EVENT_TYPES.onboardingStuck,
      details: { addedAt, blockedBy },
    },
  };
}
