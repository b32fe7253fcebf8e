import { WATCHED_FIELD_NAMES, WATCHED_FIELDS } from "../../../shared/changes/watched-fields.ts";
import type { CustomerRow } from "../../../shared/schemas/customer-row.ts";
import type { PhoneNumberItem } from "../../../shared/schemas/upstream.ts";
import { createDocumentChecker } from "../../contract/openapi-check.ts";
import {
  decideOn,
  freshRow,
  MINUTE,
  type parse,
  rowAfter,
  T0,
} from "../../support/watch-builders.ts";

const NUMBERS = ["49151000001", "49151000002", "5215512345678", "5521985550142"];

/** Spellings of no value, by the samples of the upstream's documents. */
const ABSENT = [undefined, null, "", "  ", "None", "null", "NULL", "N/A", 7, true, [], {}];

const VALUES: Readonly<Record<string, readonly string[]>> = {
  Status: ["CONNECTED", "PENDING", "BANNED", "FLAGGED", "UNKNOWN", "MIGRATING", "DELETED"],
  QualityRating: ["GREEN", "YELLOW", "RED", "UNKNOWN", "NA"],
  CodeVerificationStatus: ["VERIFIED", "NOT_VERIFIED", "EXPIRED", "REVOKED"],
  NameStatus: ["Approval", "PENDING_REVIEW", "DECLINED", "AVAILABLE_WITHOUT_REVIEW", "NONE"],
  NewNameStatus: ["NONE", "APPROVED", "Rejected"],
  MessagingLimitTier: ["TIER_250", "TIER_1K", "TIER_10", "TIER_UNLIMITED"],
  VerifiedName: ["Acme", "None", "Acmé 🌐", "a very long name ".repeat(80)],
  IsOfficial: ["N", "Y"],
};

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Fields = Record<string, string>;

/**
 * Reads of one customer whose numbers change at random, in replies of the real shape that are
 * mutated: values left out in every spelling, other case, blanks, other order, rows twice, contradicting or not, odd rows.
 *
 * @returns what is wrong with the events: one sentence each
 */
export function fuzzAnswers(seed: number, answers: number): readonly string[] {
  const random = randomOf(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const chance = (share: number) => random() < share;
  const check = createDocumentChecker();
  const truth = new Map<string, Fields>();
  const receiver = new Map<string, Fields>();
  const problems: string[] = [];
  let row: CustomerRow = freshRow();

  function changeTruth(): void {
    const number = pick(NUMBERS);
    const fields = truth.get(number);
    if (!fields) {
      truth.set(
        number,
        Object.fromEntries(Object.keys(VALUES).map((name) => [name, pick(VALUES[name] ?? [])])),
      );
    } else if (chance(0.05)) truth.delete(number);
    else {
      const name = pick(Object.keys(VALUES));
      fields[name] = pick(VALUES[name] ?? []);
    }
  }

  function mutate(name: string, value: string): unknown {
    if (chance(0.1)) return pick(ABSENT);
    if (name === "VerifiedName") return value;
    if (chance(0.1)) return ` ${value}\t`;
    return chance(0.1) ? value.toLowerCase() : value;
  }

  function reply(): PhoneNumberItem[] {
    const items = [...truth].flatMap(([PhoneNumber, fields]) => {
      const entries = Object.entries(fields).map(([name, value]) => [name, mutate(name, value)]);
      const item = {
        ...Object.fromEntries(entries),
        PhoneNumber,
        New: { a: 1 },
      } as PhoneNumberItem;
      const spelling = chance(0.1) ? { ...item, PhoneNumber: `+${PhoneNumber}` } : item;
      if (chance(0.03)) return [spelling, { ...item, Status: "DELETED" }];
      return chance(0.03) ? [spelling, { ...item, Status: "A word", New: 2 }] : [spelling];
    });
    return chance(0.3) ? items.reverse() : items;
  }

  /** The receiver applies changes to what it knows, and learns the rest from `current`. */
  function receive(body: string): void {
    problems.push(...check.eventBody(body).map((problem) => `schema: ${problem} ${body}`));
    const { type, subject, data } = JSON.parse(body) as ReturnType<typeof parse>;
    if (!type.startsWith("whatsapp.phone_number.")) return;
    const known = receiver.get(subject) ?? {};
    for (const { field, from, to } of data.changes) {
      if ((known[field] ?? null) !== from)
        problems.push(`from: ${field} ${from}, known ${known[field]}`);
      if (from?.toUpperCase() === to.toUpperCase() && field !== "verifiedName")
        problems.push(`respelt: ${from} ${to}`);
      if (field !== "verifiedName" && ABSENT.includes(to.trim()))
        problems.push(`absence: ${field} ${to}`);
      known[field] = to;
    }
    if (type.endsWith(".changed") && data.changes.length === 0) problems.push("changed holds none");
    receiver.set(subject, { ...known, ...data.current });
  }

  for (let index = 0; index < answers; index += 1) {
    if (chance(0.5)) changeTruth();
    const items = reply();
    const malformed = chance(0.02) ? 1 : 0;
    const wasBaseline = row.baselineAt === undefined || row.partialBaseline === true;
    // Two rows of the first list contradicted each other, so the number is as old as the others.
    const isOld = ({ since }: { since: string }) => since <= (row.baselineAt ?? "");
    const wasUnclear = Object.entries(row.unclear ?? {}).filter(([, one]) => isOld(one));
    const decision = decideOn(items, { row, readAt: T0 + index * MINUTE }, malformed);
    row = rowAfter(decision, { ...row, pending: [] });
    for (const { body } of decision.events) receive(body);
    // The first values are no event. A receiver learns them by `resync`.
    for (const [number, { fields }] of Object.entries(row.numbers)) {
      const isSilent = wasBaseline || wasUnclear.some(([name]) => name === number);
      if (isSilent && !receiver.has(number)) receiver.set(number, { ...fields });
    }
    row = { ...row, pending: [] };
    const again = decideOn(items, { row, readAt: T0 + index * MINUTE }, malformed);
    const repeated = again.events.filter(({ type }) => !type.endsWith(".missing"));
    if (repeated.length > 0) problems.push(`repeated: ${repeated[0]?.body}`);
    if (problems.length > 5) break;
  }
  for (const [number, { fields, missingSince }] of Object.entries(row.numbers)) {
    for (const field of missingSince ? [] : WATCHED_FIELD_NAMES) {
      const [known, stored] = [receiver.get(number)?.[field], fields[field]];
      if (known !== stored)
        problems.push(`${WATCHED_FIELDS[field].upstream}: ${known} is ${stored}`);
    }
  }
  return problems;
}
