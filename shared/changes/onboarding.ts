import type { NumberState } from "../schemas/customer-row.ts";
import { EVENT_TYPES } from "../schemas/event.ts";
import { isAhead } from "../schemas/stored-time.ts";
import type { CustomerRead } from "./customer-read.ts";
import { findBlockage, isNameRefused } from "./next-step.ts";
import { isListed } from "./number-state.ts";
import type { AddedLine, EventDraft, Milestone, NumberUpdate } from "./number-update.ts";
import { findNumber, sameLine } from "./same-line.ts";
import { isConnected } from "./watched-fields.ts";

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
  const known = Object.keys(numbers);
  const present = known.filter((number) => isListed(numbers[number] as NumberState));
  // A spelling that has left the account matches only where no other form of the line is there.
  const added = findAdded(read, [[...present, ...read.unclear], known]);
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

/** The added lines as the list has them, each once in however many spellings it was added. */
function findAdded(
  { row, readAt }: CustomerRead,
  lists: readonly (readonly string[])[],
): AddedLine[] {
  const lines: AddedLine[] = [];
  for (const [key, { cc, addedAt, ...reported }] of Object.entries(row.onboarding ?? {})) {
    if (cc === undefined) continue;
    const matches = lists.map((listed) => findNumber(cc, key.slice(cc.length), listed));
    const found = matches.find((match) => match !== undefined);
    const phoneNumber = found?.phoneNumber ?? key;
    // A number that was added by a wrong clock counts from now on.
    const isWrong = isAhead(Date.parse(addedAt), readAt);
    const since = isWrong ? new Date(readAt).toISOString() : addedAt;
    const one = { addedAs: key, phoneNumber, addedAt: since, reported: isWrong ? {} : reported };
    // Two listed near forms are two lines. Near forms that are not listed are one.
    const isOf = (line: AddedLine) =>
      line.phoneNumber === phoneNumber || (!found && sameLine(line.phoneNumber, key));
    const index = lines.findIndex(isOf);
    const times = { ...lines[index]?.times, [key]: since };
    lines[index < 0 ? lines.length : index] = { ...joinAdds(lines[index], one), times };
  }
  return lines;
}

type Add = Omit<AddedLine, "times">;

/** A line that was added in two spellings has been reported if it has been under either. */
function joinAdds(line: Add | undefined, one: Add): Add {
  if (!line) return one;
  const first = one.addedAt < line.addedAt ? one : line;
  return { ...first, reported: { ...line.reported, ...one.reported } };
}

/** The events of an added number say how it was added, and its discovery says when. */
function withAdded(update: NumberUpdate, added: readonly AddedLine[]): NumberUpdate {
  const own = added.find(({ phoneNumber }) => phoneNumber === update.phoneNumber);
  if (!own) return update;
  const { addedAs, addedAt } = own;
  const drafts = update.drafts.map((draft) => ({
    ...draft,
    state: { ...draft.state, addedAs },
    details: draft.type === EVENT_TYPES.discovered ? { addedAt } : draft.details,
  }));
  return { ...update, state: update.state && { ...update.state, addedAs }, drafts };
}

/**
 * Each line is completed once, stuck at most once, and its name refused at most once.
 *
 * @param state after the read
 */
function findMilestone(
  { readAt, isClockDoubtful, isComplete }: CustomerRead,
  line: AddedLine,
  state: NumberState | undefined,
): Milestone | undefined {
  const { addedAt, reported } = line;
  if (reported.completedAt) return undefined;
  const fields = state && !state.missingSince ? state.fields : undefined;
  // A row of the list that cannot be read may be the number's.
  if (!fields && !isComplete) return undefined;
  const blockage = findBlockage(fields);
  if (!blockage) return { line, kind: "completed" };
  const isRefused = fields !== undefined && isNameRefused(fields);
  const isOfName = isRefused && blockage.blockedBy === "nameStatus";
  // A refused name is reported once as such, also after the number was stuck for another reason.
  if (isOfName && !reported.refusedBefore) {
    return reported.refusedAt ? undefined : { line, kind: "refused", blockage };
  }
  // A connected number with a refused name was no trouble to an earlier version.
  if (reported.stuckAt || (isOfName && isConnected(fields.status))) return undefined;
  if (isRefused && !reported.refusedBefore) return { line, kind: "stuck", blockage };
  const lastStepAt = Math.max(Date.parse(addedAt), Date.parse(state?.observedAt ?? addedAt));
  const isLong = readAt - Date.parse(addedAt) >= STUCK_AFTER_MS && readAt - lastStepAt >= GRACE_MS;
  return isLong && !isClockDoubtful ? { line, kind: "stuck", blockage } : undefined;
}

function addMilestone(
  { observedAt }: CustomerRead,
  update: NumberUpdate,
  milestone: Milestone,
): NumberUpdate {
  const { kind, blockage } = milestone;
  const { addedAs, addedAt } = milestone.line;
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
