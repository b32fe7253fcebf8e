import type { AddedNumber, NumberState } from "../schemas/customer-row.ts";
import type { NumberEvent, NumberEventType } from "../schemas/event.ts";
import type { Blockage } from "./next-step.ts";
import type { FieldChange } from "./number-state.ts";

/** What a read does to one number: its next state, and the events that go with it, in order. */
export type NumberUpdate = {
  readonly phoneNumber: string;
  /** Undefined for an added number that is not listed: there is nothing to store of it. */
  readonly state: NumberState | undefined;
  readonly drafts: readonly EventDraft[];
  readonly milestone?: Milestone;
};

/** An event about one number, before it has a sequence. */
export type EventDraft = {
  readonly type: NumberEventType;
  readonly phoneNumber: string;
  readonly changes: readonly FieldChange[];
  /** The number's state after the read. */
  readonly state: NumberState;
  readonly previousObservedAt: string | undefined;
  readonly groupId?: string;
  /** What only some types hold. */
  readonly details?: Pick<
    NumberEvent["data"],
    "missingReason" | "addedAt" | "blockedBy" | "nextStep" | "previousHealth"
  >;
};

/** A line that was added here, in one spelling or several. */
export type AddedLine = {
  /** How it was first added: country code and national number. */
  readonly addedAs: string;
  /** How the list has it; the added form while it is not listed. */
  readonly phoneNumber: string;
  readonly addedAt: string;
  /** When it was added, by spelling. */
  readonly times: Readonly<Record<string, string>>;
  readonly reported: Omit<AddedNumber, "cc" | "addedAt" | "adds">;
};

/** An added line came into service, did not in time, or had its name refused. */
export type Milestone = {
  readonly line: AddedLine;
  /** The row notes it as `completedAt`, `stuckAt` or `refusedAt`. */
  readonly kind: "completed" | "stuck" | "refused";
  /** What is in the way of a line that is not completed. */
  readonly blockage?: Blockage;
};
