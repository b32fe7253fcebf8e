import { createHash } from "node:crypto";
import type { decide } from "../../shared/changes/decide.ts";
import type { afterFailedRead, afterGoodRead } from "../../shared/changes/failure.ts";
import type { AnyAppError } from "../../shared/errors.ts";
import type { CustomerRow, PendingEvent } from "../../shared/schemas/customer-row.ts";
import type { PhoneNumberItem } from "../../shared/schemas/upstream.ts";
import type { LaneRow } from "../../shared/schemas/watch-rows.ts";
import { withAddedNumbers } from "../support/watch-builders.ts";

/** 2026-01-01T00:00:00Z, minute 0 of every history. */
const START = 1_767_225_600_000;
const MINUTE = 60_000;

/** A value as the upstream sends it, or a part repeated, with its end: long values in short. */
type Value = unknown | { readonly repeat: string; readonly times: number; readonly end?: string };

/** One read of a customer, or its failure. */
export type ReadStep = {
  readonly minute: number;
  readonly lastSeenMinute?: number;
  /** Undefined for an answer without a list. */
  readonly items?: readonly Readonly<Record<string, Value>>[];
  readonly malformed?: number;
  readonly onboarding?: LaneRow["onboarding"];
  readonly failure?: {
    readonly code: string;
    readonly upstreamCode?: string;
    readonly upstreamRequestId?: string;
    readonly sweepMs?: number;
    readonly sweptMinute?: number;
  };
  /** A good read of the account, which has no numbers. */
  readonly isGood?: true;
};

export type History = {
  readonly name: string;
  readonly customer: string;
  /** The row before the first read. */
  readonly row: CustomerRow;
  /** How many undelivered events the row holds. */
  readonly pending?: number;
  readonly steps: readonly ReadStep[];
};

export type Outcome = {
  readonly bodies: readonly string[];
  /** The row after the last step, with the number of its events. */
  readonly after: unknown;
};

export type Machine = {
  readonly decide: typeof decide;
  readonly afterFailedRead: typeof afterFailedRead;
  readonly afterGoodRead: typeof afterGoodRead;
};

/** Runs the reads of a history one after the other, each on the row that the last one left. */
export function replay(history: History, machine: Machine): Outcome {
  let row: CustomerRow = { ...history.row, pending: pendingOf(history.pending ?? 0) };
  const events: PendingEvent[] = [];
  for (const step of history.steps) {
    const result = runStep(history, row, step, machine);
    row = result?.row ? JSON.parse(JSON.stringify(result.row)) : row;
    events.push(...(result?.events ?? []));
  }
  return {
    bodies: events.map(({ body }) => body),
    after: { ...row, pending: row.pending.length },
  };
}

function runStep({ customer }: History, row: CustomerRow, step: ReadStep, machine: Machine) {
  const at = (minute: number) => START + minute * MINUTE;
  const lastSeenAt = step.lastSeenMinute === undefined ? undefined : at(step.lastSeenMinute);
  const input = { customer, source: "urn:waba-numbers:1234567890123456:test", row, lastSeenAt };
  const now = at(step.minute);
  if (step.isGood) return machine.afterGoodRead({ ...input, now });
  if (step.failure) {
    const { code, sweepMs = 0, sweptMinute, ...facts } = step.failure;
    const sweptAt = sweptMinute === undefined ? undefined : at(sweptMinute);
    const error = { code, facts } as unknown as AnyAppError;
    return machine.afterFailedRead({ ...input, now, sweptAt }, error, sweepMs);
  }
  const items = step.items?.map(expand);
  const reply = { requestId: "REQ-1", items, malformed: step.malformed ?? 0 };
  const added = withAddedNumbers(inSweep(row), step.onboarding);
  const decision = machine.decide({ ...input, row: added, reply, readAt: now });
  return { ...decision, row: decision.row && inSweep(decision.row) };
}

/** The histories say at each read what was added, as the first edition kept it apart from the row. */
function inSweep(row: CustomerRow): CustomerRow {
  if (!row.onboarding) return row;
  const entries = Object.entries(row.onboarding).map(([key, { cc: _, ...rest }]) => [key, rest]);
  const reported = entries.filter(([, entry]) => Object.keys(entry ?? {}).length > 1);
  return { ...row, onboarding: reported.length > 0 ? Object.fromEntries(reported) : undefined };
}

function expand(item: Readonly<Record<string, Value>>): PhoneNumberItem {
  const values = Object.entries(item).map(([name, value]) => {
    if (typeof value !== "object" || value === null || !("repeat" in value)) return [name, value];
    const { repeat, times, end = "" } = value as { repeat: string; times: number; end?: string };
    return [name, repeat.repeat(times) + end];
  });
  return Object.fromEntries(values);
}

function pendingOf(count: number): PendingEvent[] {
  return Array.from({ length: count }, (_, n) => ({ id: `e${n}`, seq: n, type: "t", body: "{}" }));
}

/** How the file holds a body that would only fill it. */
export function hashOf(body: string): string {
  return `sha256:${createHash("sha256").update(body).digest("hex")}`;
}
