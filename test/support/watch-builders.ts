import type { DecisionInput } from "../../shared/changes/customer-read.ts";
import { type Decision, decide } from "../../shared/changes/decide.ts";
import {
  type AddedNumber,
  type CustomerRow,
  type NumberState,
  newCustomerRow,
  type PendingEvent,
} from "../../shared/schemas/customer-row.ts";
import type { NumberEvent } from "../../shared/schemas/event.ts";
import type { PhoneNumberItem } from "../../shared/schemas/upstream.ts";
import type { QueryReply } from "../../shared/signing/upstream.ts";

/** 2026-01-01T00:00:00Z */
export const T0 = 1_767_225_600_000;
export const MINUTE = 60_000;
export const SOURCE = "urn:waba-numbers:1234567890123456:test";
export const NUMBER = "4915112345678";
export const OTHER = "4915187654321";

/** A connected number as the upstream lists it. */
export function item(
  phoneNumber: string = NUMBER,
  fields: Readonly<Record<string, unknown>> = {},
): PhoneNumberItem {
  return {
    PhoneNumber: phoneNumber,
    VerifiedName: "Acme",
    Status: "CONNECTED",
    QualityRating: "GREEN",
    CodeVerificationStatus: "VERIFIED",
    NameStatus: "Approval",
    NewNameStatus: "NONE",
    MessagingLimitTier: "TIER_1K",
    StatusCallbackUrl: "https://callback.example/status",
    StatusQueue: "a-queue",
    ...fields,
  };
}

/** The stored fields of `item()`, in the order of an observation. */
export const FIELDS = {
  status: "CONNECTED",
  qualityRating: "GREEN",
  codeVerificationStatus: "VERIFIED",
  nameStatus: "Approval",
  newNameStatus: "NONE",
  messagingLimitTier: "TIER_1K",
  verifiedName: "Acme",
} as const;

export function stateOf(
  fields: Readonly<Record<string, string>> = FIELDS,
  rest: Partial<NumberState> = {},
): NumberState {
  return { fields: { ...fields }, observedAt: iso(0), ...rest };
}

export function iso(offsetMs: number): string {
  return new Date(T0 + offsetMs).toISOString();
}

/** A customer whose numbers were first seen at T0. Their last sequence is 1000. */
export function rowOf(
  numbers: Readonly<Record<string, NumberState>>,
  rest: Partial<CustomerRow> = {},
): CustomerRow {
  return {
    schema: 2,
    seq: 1000,
    baselineAt: iso(0),
    observedAt: iso(0),
    numbers: { ...numbers },
    pending: [],
    ...rest,
  };
}

export function freshRow(): CustomerRow {
  return newCustomerRow(T0);
}

function replyOf(items: readonly PhoneNumberItem[] | undefined, malformed = 0): QueryReply {
  return { requestId: "REQ-1", items, malformed };
}

type Given = Partial<DecisionInput> & {
  readonly row: CustomerRow;
  /** Numbers that were added, beside those of the row. */
  readonly onboarding?: Record<string, AddedNumber> | undefined;
};

/** The row with numbers that were added. What the row says of the same adds stays. */
export function withAddedNumbers(
  row: CustomerRow,
  added: Readonly<Record<string, AddedNumber>> = {},
): CustomerRow {
  const entries = Object.entries(added).map(([key, entry]): [string, AddedNumber] => {
    const known = row.onboarding?.[key];
    return [key, known?.addedAt === entry.addedAt ? { ...entry, ...known } : entry];
  });
  if (entries.length === 0) return row;
  return { ...row, onboarding: { ...row.onboarding, ...Object.fromEntries(entries) } };
}

/** One decision for the customer `acme`, a minute after T0 unless `given` says otherwise. */
export function decideOn(
  items: readonly PhoneNumberItem[] | undefined,
  { onboarding, ...given }: Given,
  malformed = 0,
): Decision {
  return decide({
    customer: "acme",
    source: SOURCE,
    reply: replyOf(items, malformed),
    readAt: T0 + MINUTE,
    ...given,
    row: withAddedNumbers(given.row, onboarding),
  });
}

/** The row that holds after a decision, as a store gives it back. */
export function rowAfter(decision: Pick<Decision, "row">, before: CustomerRow): CustomerRow {
  return JSON.parse(JSON.stringify(decision.row ?? before));
}

export function parse(event: PendingEvent | undefined): NumberEvent {
  return JSON.parse(event?.body ?? "null") as NumberEvent;
}

/** What an event says happened, in short. */
export function gist(event: PendingEvent): string {
  const { subject, data } = parse(event);
  const changes = data.changes.map(({ field, from, to }) => ` ${field}:${from}>${to}`);
  return `${event.type.split(".").at(-1)} ${subject}${changes.join("")}`;
}
