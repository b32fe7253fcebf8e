import {
  isConnected,
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
import { levelOf, levelOfHealth, worstOf } from "./value-level.ts";

/** The name stands above them. */
const SHOWN_FIELDS = WATCHED_FIELD_NAMES.filter((name) => name !== "verifiedName");

export type CustomerSources = {
  readonly stored: ReadonlyMap<string, CustomerRow>;
  /** Undefined with the real upstream: it is not asked for the page's sake. */
  readonly upstream:
    | {
        readonly control: Pick<UpstreamControl, "customers" | "numbers" | "health">;
        readonly actions: NumberActions;
      }
    | undefined;
  /** Whether poll asks what numbers can send. */
  readonly isHealthWatched: boolean;
  /** How a number may be shown. */
  readonly show: (phoneNumber: string) => string;
};

/** Upstream and store side by side; customers in the order in which they came. */
export function viewCustomers(sources: CustomerSources): CustomerView[] {
  const { stored, upstream, show, isHealthWatched } = sources;
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
        ? viewUpstream(id, listed, known, upstream, isHealthWatched)
        : Object.entries(known).map(([phoneNumber, state], index) => ({
            ...viewNumber(undefined, state, isHealthWatched ? { now: null } : undefined),
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
  { control, actions }: NonNullable<CustomerSources["upstream"]>,
  isHealthWatched: boolean,
): NumberView[] {
  const byNumber = new Map(listed.map((fields) => [String(fields.PhoneNumber), fields]));
  const removed = actions.removed(customer);
  const numbers = [...new Set([...byNumber.keys(), ...removed.keys(), ...Object.keys(known)])];
  return numbers.map((phoneNumber) => {
    const fields = byNumber.get(phoneNumber);
    const canReturn = fields !== undefined || removed.has(phoneNumber);
    // Of the others nothing is asked: their status says that they cannot send.
    const isAsked = isConnected(typeof fields?.Status === "string" ? fields.Status : undefined);
    const now = isAsked ? control.health(customer, phoneNumber).canSend.toLowerCase() : null;
    return {
      ...viewNumber(fields, known[phoneNumber], isHealthWatched ? { now } : undefined),
      key: phoneNumber,
      phoneNumber,
      listed: fields !== undefined,
      actions: canReturn ? actions.offer(fields, now ?? undefined) : [],
    };
  });
}

/** @param health what it can send upstream now; undefined if poll does not ask */
function viewNumber(
  fields: NumberFields | undefined,
  known: NumberState | undefined,
  health: { readonly now: string | null } | undefined,
) {
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
  const canSend = health && viewHealth(health.now, known?.health?.canSend ?? null);
  const reasons = (canSend && known?.health?.reasons) ?? [];
  return {
    isKnown: known !== undefined,
    missingSince,
    level: missingSince === null ? worstOf(shown, canSend?.level) : "critical",
    verifiedName: view("verifiedName"),
    fields: canSend ? [...views, canSend] : views,
    reasons: reasons.map(({ entity, code, description, solution }) => ({
      ...{ entity, code },
      ...{ description: description ?? null, solution: solution ?? null },
    })),
  } as const;
}

function viewHealth(now: string | null, known: string | null): FieldView {
  const shown = now ?? known;
  return { name: "canSend", now, known, level: shown === null ? "info" : levelOfHealth(shown) };
}
