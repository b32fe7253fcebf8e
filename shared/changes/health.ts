import type { CustomerRow } from "../schemas/customer-row.ts";
import { EVENT_TYPES, type Health } from "../schemas/event.ts";
import type { HealthReply } from "../signing/upstream.ts";
import { type ComposedRow, composeRow } from "./compose-row.ts";
import { cut } from "./observation.ts";
import { MAX_VALUE_LENGTH, normaliseRow } from "./values.ts";
import { isConnected } from "./watched-fields.ts";

/** More reasons than this help nobody, and each number of a blocked account stores them. */
const MOST_REASONS = 5;
const MOST_CODE_LENGTH = 128;

export type HealthInput = {
  readonly customer: string;
  readonly source: string;
  /** Read before the call. */
  readonly row: CustomerRow;
  readonly phoneNumber: string;
  readonly reply: HealthReply;
  /** When the reply came, in ms. */
  readonly readAt: number;
};

/** Numbers whose health is asked for: the others cannot send, as their status says. */
export function numbersWithHealth(row: CustomerRow): string[] {
  return Object.entries(normaliseRow(row).numbers).flatMap(
    ([phoneNumber, { fields, missingSince }]) =>
      !missingSince && isConnected(fields.status) ? [phoneNumber] : [],
  );
}

/**
 * What an answer about a number's health means. Health is compared by what the number can do and by
 * {entity, code}: other words, or another order, are no change. A first sight is silent unless the
 * number is limited or blocked. A health that is not sent is none. No time of a read moves.
 */
export function decideHealth(input: HealthInput): ComposedRow {
  const { phoneNumber, reply, readAt } = input;
  const row = normaliseRow(input.row);
  const known = row.numbers[phoneNumber];
  const health = readHealth(reply);
  const nothing = { row: undefined, events: [], worse: false, heldBack: 0 };
  if (!known || !health || !numbersWithHealth(row).includes(phoneNumber)) return nothing;
  if (known.health && isSame(known.health, health)) return nothing;
  const observedAt = new Date(readAt).toISOString();
  const state = { ...known, health: { ...health, observedAt } };
  const isNews = known.health || ["limited", "blocked"].includes(health.canSend);
  const draft = {
    type: EVENT_TYPES.healthChanged,
    phoneNumber,
    changes: [],
    state,
    previousObservedAt: known.health?.observedAt,
    details: { previousHealth: known.health ?? null },
  };
  const { requestId } = reply;
  // Nothing is known of the list of numbers, so the read proves and moves nothing of it.
  const read = {
    ...{ ...input, row, observedAt, isComplete: false },
    ...{ seen: new Map(), unclear: new Set<string>(), wasUnclear: row.unclear },
    reply: { requestId, items: undefined, malformed: 0 },
  };
  return composeRow(read, [{ phoneNumber, state, drafts: isNews ? [draft] : [] }]);
}

/** Undefined for an answer that does not say whether the number can send. */
function readHealth({ canSend, reasons }: HealthReply): Health | undefined {
  const word = canSend?.trim().toLowerCase() ?? "";
  if (["", "none", "null"].includes(word) || word.length > MOST_CODE_LENGTH) return undefined;
  if (word === "available") return { canSend: word, reasons: [] };
  const text = (value: string | undefined) => value && cut(value, MAX_VALUE_LENGTH);
  const read = reasons.map(({ entity, code, description, solution }) => ({
    entity: cut(entity, MOST_CODE_LENGTH),
    code: cut(code, MOST_CODE_LENGTH),
    description: text(description),
    solution: text(solution),
  }));
  const byKey = new Map(read.toReversed().map((reason) => [keyOf(reason), reason]));
  const sorted = [...byKey].sort(([one], [other]) => (one < other ? -1 : 1));
  return { canSend: word, reasons: sorted.map(([, reason]) => reason).slice(0, MOST_REASONS) };
}

const keyOf = ({ entity, code }: Health["reasons"][number]) => JSON.stringify([entity, code]);

function isSame(one: Health, other: Health): boolean {
  const keysOf = ({ canSend, reasons }: Health) =>
    JSON.stringify([canSend, ...reasons.map(keyOf).sort()]);
  return keysOf(one) === keysOf(other);
}
