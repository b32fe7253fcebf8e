import { createHash } from "node:crypto";
import type { NumberState } from "../schemas/customer-row.ts";
import { EVENT_TYPES } from "../schemas/event.ts";
import type { EventDraft } from "./event.ts";
import type { Milestone } from "./onboarding.ts";

/** What a read does to one number: its next state, and the event that goes with it. */
export type NumberUpdate = {
  readonly phoneNumber: string;
  /** Undefined for an added number that is not listed: there is nothing to store of it. */
  readonly state: NumberState | undefined;
  readonly finding?: EventDraft | undefined;
  readonly milestone?: Milestone;
};

/**
 * Joins milestones of onboarding to the steps: a number has one event for one read, so a change that
 * completes its onboarding is told by that event, with the change in it. A number that has something
 * else to tell, such as that it is back, tells its milestone at the next read.
 */
export function withMilestones(
  steps: readonly NumberUpdate[],
  milestones: readonly Milestone[],
  numbers: Readonly<Record<string, NumberState>>,
  observedAt: string,
): NumberUpdate[] {
  const left = new Map(milestones.map((milestone) => [milestone.phoneNumber, milestone]));
  const joined = steps.map((step): NumberUpdate => {
    const milestone = left.get(step.phoneNumber);
    left.delete(step.phoneNumber);
    const isFree = !step.finding || step.finding.type === EVENT_TYPES.changed;
    return milestone && isFree ? addMilestone(step, milestone, observedAt) : step;
  });
  const others = [...left.values()].map((milestone) => {
    const { phoneNumber } = milestone;
    return addMilestone({ phoneNumber, state: numbers[phoneNumber] }, milestone, observedAt);
  });
  return [...joined, ...others];
}

function addMilestone(step: NumberUpdate, milestone: Milestone, observedAt: string): NumberUpdate {
  const { kind, addedAt, blockedBy } = milestone;
  return {
    ...step,
    milestone,
    finding: {
      phoneNumber: step.phoneNumber,
      changes: [],
      state: step.state ?? { fields: {}, observedAt },
      previousObservedAt: undefined,
      ...step.finding,
      type: kind === "completed" ? EVENT_TYPES.onboardingCompleted : EVENT_TYPES.onboardingStuck,
      details: { addedAt, blockedBy },
    },
  };
}

/**
 * Marks tier changes that have one cause: the tier belongs to the business portfolio, so it moves on
 * all of a customer's numbers at once.
 */
export function withGroups(
  steps: readonly NumberUpdate[],
  presentNumbers: number,
  seed: readonly (string | number)[],
): NumberUpdate[] {
  const tiers = steps.flatMap(({ finding }) =>
    (finding?.changes ?? []).filter(({ field }) => field === "messagingLimitTier"),
  );
  const [first] = tiers;
  const isShared =
    first !== undefined &&
    tiers.length >= 2 &&
    tiers.length === presentNumbers &&
    tiers.every(({ from, to }) => from === first.from && to === first.to);
  if (!isShared) return [...steps];
  const digest = createHash("sha256").update(JSON.stringify(seed)).digest("base64url");
  const groupId = `grp_${digest.slice(0, 22)}`;
  return steps.map((step) => {
    const hasTier = step.finding?.changes.some(({ field }) => field === "messagingLimitTier");
    return step.finding && hasTier ? { ...step, finding: { ...step.finding, groupId } } : step;
  });
}
