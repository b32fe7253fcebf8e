import {
  WATCHED_FIELD_NAMES,
  WATCHED_FIELDS,
  type WatchedField,
} from "../../../shared/changes/watched-fields.ts";
import type {
  CustomerRow,
  NumberState,
  ReadFailure,
} from "../../../shared/schemas/customer-row.ts";
import type { NumberFields } from "../cams-state.ts";
import type { UpstreamControl } from "../upstream-control.ts";
import type { NumberActions } from "./number-actions.ts";
import type { CustomerView, FieldView, NumberView } from "./state.ts";
import { levelOf, worstOf } from "./value-level.ts";

/** The name stands above them. */
const SHOWN_FIELDS = WATCHED_FIELD_NAMES.filter((name) => name !== "verifiedName");

export type CustomerSources = {
  readonly stored: ReadonlyMap<string, CustomerRow>;
  /** Undefined with the real upstream: it is not asked for the page's sake. */
  readonly upstream:
    | {
        readonly control: Pick<UpstreamControl, "customers" | "numbers">;
        readonly actions: NumberActions;
      }
    | undefined;
  /** How a number may be shown. */
  readonly show: (phoneNumber: string) => string;
};

/** Upstream and store side by side; customers in the order in which they came. */
export function viewCustomers({ stored, upstream, show }: CustomerSources): CustomerView[] {
  const upstreamIds = upstream?.control.customers() ?? [];
  const storedIds = [...stored].filter(([, row]) => !row.removedAt).map(([id]) => id);
  return [...new Set([...upstreamIds, ...storedIds])].map((id) => {
    const row = stored.get(id);
    const isWatched = row !== undefined && !row.removedAt;
    const known = isWatched ? row.numbers : {};
    const listed = upstreamIds.includes(id) ? (upstream?.control.numbers(id) ?? []) : [];
    return {
      id,
      isWatched,
      waiting: row?.pending.length ?? 0,
      failing: row?.failure ? viewFailure(row.failure) : null,
      numbers: upstream
        ? viewUpstream(id, listed, known, upstream.actions)
        : Object.entries(known).map(([phoneNumber, state], index) => ({
            ...viewNumber(undefined, state),
            key: String(index),
            phoneNumber: show(phoneNumber),
            listed: null,
            actions: [],
          })),
    };
  });
}

function viewFailure({ code, upstreamCode, since, staleAt }: ReadFailure): CustomerView["failing"] {
  return { code: upstreamCode ?? code, since, isStale: staleAt !== undefined };
}

function viewUpstream(
  customer: string,
  listed: readonly NumberFields[],
  known: Readonly<Record<string, NumberState>>,
  actions: NumberActions,
): NumberView[] {
  const byNumber = new Map(listed.map((fields) => [String(fields.PhoneNumber), fields]));
  const removed = actions.removed(customer);
  const numbers = [...new Set([...byNumber.keys(), ...removed.keys(), ...Object.keys(known)])];
  return numbers.map((phoneNumber) => {
    const fields = byNumber.get(phoneNumber);
    const canReturn = fields !== undefined || removed.has(phoneNumber);
    return {
      ...viewNumber(fields, known[phoneNumber]),
      key: phoneNumber,
      phoneNumber,
      listed: fields !== undefined,
      actions: canReturn ? actions.offer(fields) : [],
    };
  });
}

function viewNumber(fields: NumberFields | undefined, known: NumberState | undefined) {
  const view = (name: WatchedField): FieldView => {
    const sent = fields?.[WATCHED_FIELDS[name].upstream];
    const now = typeof sent === "string" ? sent : null;
    const stored = known?.fields[name] ?? null;
    const shown = now ?? stored;
    return { name, now, known: stored, level: shown === null ? "info" : levelOf(name, shown) };
  };
  const views = SHOWN_FIELDS.map(view);
  const shown = SHOWN_FIELDS.flatMap((name, index) => {
    const field = views[index];
    return field ? [{ name, shown: field.now ?? field.known, level: field.level }] : [];
  });
  const missingSince = known?.missingSince ?? null;
  return {
    isKnown: known !== undefined,
    missingSince,
    level: missingSince === null ? worstOf(shown) : "critical",
    verifiedName: view("verifiedName"),
    fields: views,
  } as const;
}
