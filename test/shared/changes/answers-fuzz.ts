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
  withAddedNumbers,
} from "../../support/watch-builders.ts";

/** Each line with its other spellings, of which the upstream lists one at a time. */
const LINES: Readonly<Record<string, readonly string[]>> = {
  "49151000001": ["490151000001", "+49 (0)151 000001", "+49 151-000001"],
  "49151000002": ["+49151000002"],
  "5215512345678": ["525512345678", "+52 1 55 1234 5678", "520445512345678"],
  "5521985550142": ["552185550142", "55021985550142"],
  "5493415550142": ["543415550142", "+54 9 341 555-0142"],
};
const NUMBERS = Object.keys(LINES);
const digitsOf = (spelling: string) => spelling.replace("(0)", "").replaceAll(/\D/g, "");
const LINE_BY_DIGITS = new Map(
  NUMBERS.flatMap((line) => [line, ...(LINES[line] ?? [])].map((one) => [digitsOf(one), line])),
);

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

/** What has been reported of a line since it was added. */
type Added = { readonly spellings: Set<string>; isCompleted: boolean; stuck: number };

const NAMES_WELL = [undefined, "APPROVED", "APPROVAL", "AVAILABLE_WITHOUT_REVIEW", "NONE"];
const HOUR = 60 * MINUTE;

/**
 * Reads of one customer whose numbers change at random, and are added at random, in replies of the
 * real shape that are mutated: values left out in every spelling, other case, blanks, near forms of
 * a number, other order, rows twice, contradicting or not, odd rows.
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
  const subjects = new Map<string, string>();
  const added = new Map<string, Added>();
  /** Listed from the first read on, though maybe in rows that contradict each other. */
  const old = new Set<string>();
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
        PhoneNumber: chance(0.2) ? pick(LINES[PhoneNumber] ?? []) : PhoneNumber,
        New: { a: 1 },
      } as PhoneNumberItem;
      if (chance(0.03)) return [item, { ...item, Status: "DELETED" }];
      const isUnclear = chance(row.baselineAt ? 0.03 : 0.3);
      return isUnclear ? [item, { ...item, Status: "A word", New: 2 }] : [item];
    });
    return chance(0.3) ? items.reverse() : items;
  }

  /** Adds a line in one of its spellings, or once more in another one. */
  function add(now: number): void {
    const line = pick(NUMBERS);
    const key = digitsOf(pick([line, ...(LINES[line] ?? [])]));
    const known = added.get(line);
    const isOpen = known?.isCompleted === false;
    if (isOpen && known.spellings.has(key)) return;
    if (isOpen) known.spellings.add(key);
    else added.set(line, { spellings: new Set([key]), isCompleted: false, stuck: 0 });
    const addedAt = new Date(now - (chance(0.5) ? 25 * HOUR : 0)).toISOString();
    row = withAddedNumbers(row, { [key]: { cc: key.slice(0, 2), addedAt } });
  }

  /** The receiver applies changes to what it knows, and learns the rest from `current`. */
  function receive(body: string): void {
    problems.push(...check.eventBody(body).map((problem) => `schema: ${problem} ${body}`));
    const { type, subject, data } = JSON.parse(body) as ReturnType<typeof parse>;
    const line = LINE_BY_DIGITS.get(subject) ?? "";
    const one = added.get(line);
    if (data.addedAs && !one?.spellings.has(data.addedAs) && one?.isCompleted === false)
      problems.push(`addedAs: ${data.addedAs} of ${subject}`);
    if (type.startsWith("whatsapp.onboarding.")) {
      if (one?.isCompleted !== false) problems.push(`no added line: ${type} ${subject}`);
      else if (type.endsWith(".completed")) one.isCompleted = true;
      else one.stuck += 1;
      if (one && one.stuck > 2) problems.push(`stuck too often: ${subject}`);
    }
    if (!type.startsWith("whatsapp.phone_number.")) return;
    if ((subjects.get(line) ?? subject) !== subject)
      problems.push(`two numbers: ${subjects.get(line)}, ${subject}`);
    subjects.set(line, subject);
    if (type.endsWith(".discovered") && old.has(line)) problems.push(`not new: ${subject}`);
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

  /** By what the receiver knows of it, a line is completed as soon as it is in service. */
  function checkMilestones(unclear: readonly string[]): void {
    for (const [line, { isCompleted, stuck }] of added) {
      const subject = Object.keys(row.numbers).find((one) => LINE_BY_DIGITS.get(one) === line);
      if (!subject || row.numbers[subject]?.missingSince || unclear.includes(subject)) continue;
      const { status, nameStatus } = receiver.get(subject) ?? {};
      if (status?.toUpperCase() !== "CONNECTED" || isCompleted) continue;
      const name = nameStatus?.toUpperCase();
      if (NAMES_WELL.includes(name)) problems.push(`not completed: ${subject}`);
      if (name === "DECLINED" && stuck === 0) problems.push(`refused, and not stuck: ${subject}`);
    }
  }

  for (const _ of NUMBERS) changeTruth();
  let readAt = T0;
  for (let index = 0; index < answers; index += 1) {
    // Long enough that a number stands still for two hours.
    readAt += chance(0.02) ? 3 * HOUR : MINUTE;
    if (chance(0.5)) changeTruth();
    if (chance(0.02)) add(readAt);
    const items = reply();
    const malformed = chance(0.02) ? 1 : 0;
    const isFirst = row.baselineAt === undefined;
    for (const line of truth.keys()) if (isFirst) old.add(line);
    for (const line of old) if (malformed === 0 && !truth.has(line)) old.delete(line);
    const wasBaseline = isFirst || row.partialBaseline === true;
    // Two rows of the first list contradicted each other, so the number is as old as the others.
    const isOld = ({ since }: { since: string }) => since <= (row.baselineAt ?? "");
    const wasUnclear = Object.entries(row.unclear ?? {}).filter(([, one]) => isOld(one));
    const decision = decideOn(items, { row, readAt }, malformed);
    row = rowAfter(decision, { ...row, pending: [] });
    for (const { body } of decision.events) receive(body);
    // The first values are no event. A receiver learns them by `resync`.
    for (const [number, { fields }] of Object.entries(row.numbers)) {
      const isSilent = wasBaseline || wasUnclear.some(([name]) => name === number);
      if (isSilent && !receiver.has(number)) receiver.set(number, { ...fields });
    }
    if (!isFirst) checkMilestones(decision.unclear);
    row = { ...row, pending: [] };
    const again = decideOn(items, { row, readAt }, malformed);
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
