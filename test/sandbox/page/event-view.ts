import {
  WATCHED_FIELD_NAMES,
  WATCHED_FIELDS,
  type WatchedField,
} from "../../../shared/changes/watched-fields.ts";
import {
  EVENT_TYPES,
  type Health,
  type NumberEvent,
  type WatchEvent,
} from "../../../shared/schemas/event.ts";
import type { OutgoingEvent } from "../../../shared/webhook/attempt.ts";
import type { FeedOptions } from "./event-feed.ts";
import type { ChangeView, EventView, Level } from "./state.ts";
import { levelOf, levelOfHealth } from "./value-level.ts";

/** What the page shows of an event, of whatever type: a field that is absent is simply not shown. */
type Data = Partial<NumberEvent["data"]> &
  Partial<Pick<WatchEvent["data"], "code" | "upstreamCode">>;

type Body = {
  readonly type?: string;
  readonly time?: string;
  readonly sequence?: string;
  readonly partitionkey?: string;
  readonly data?: Data;
};

/** Beside the watched fields. */
const HEALTH_FIELD = "canSend";

type Facts = Pick<EventView, "key" | "revision" | "attempts" | "state">;

export function toEventView(
  { id, body }: OutgoingEvent,
  facts: Facts,
  { changeTimes, show }: FeedOptions,
): EventView {
  const { type = "", time = "", sequence, partitionkey, data = {} } = JSON.parse(body) as Body;
  const { phoneNumber } = data;
  const changes = type === EVENT_TYPES.healthChanged ? healthChanges(data) : (data.changes ?? []);
  const acceptedAt = facts.attempts.find(({ isAccepted }) => isAccepted)?.at;
  // A value may have come and gone again since: what the event tells was so when it was observed.
  const changedAt = changes.map(({ field, to }) =>
    changeTimes.find({
      customer: partitionkey ?? "",
      phoneNumber: phoneNumber ?? "",
      field: isWatched(field) ? WATCHED_FIELDS[field].upstream : field,
      value: to,
      before: Date.parse(time) || Number.POSITIVE_INFINITY,
    }),
  );
  const known = changedAt.filter((at) => at !== undefined);
  const hasDelay = acceptedAt !== undefined && known.length > 0;
  const spellings = [phoneNumber, data.addedAs, data.listedAs].filter((one) => one !== undefined);
  return {
    ...facts,
    ...{ id, type },
    at: Date.parse(time) || (facts.attempts[0]?.at ?? 0),
    customer: partitionkey ?? null,
    phoneNumber: phoneNumber === undefined ? null : show(phoneNumber),
    severity: data.severity ?? "info",
    direction: data.direction ?? null,
    changes: changes.map(toChangeView),
    sequence: sequence ?? null,
    delayMs: hasDelay ? Math.max(0, acceptedAt - Math.min(...known)) : null,
    note:
      data.nextStep?.sentence ?? healthNote(type, data) ?? data.upstreamCode ?? data.code ?? null,
    body: spellings.reduce((text, one) => text.replaceAll(one, show(one)), body),
  };
}

type Change = NumberEvent["data"]["changes"][number];

/** What the number can send, as one more field. Only the reasons may have changed. */
function healthChanges({ health, previousHealth, direction, severity }: Data): Change[] {
  if (!health || !direction || !severity) return [];
  const from = previousHealth?.canSend ?? null;
  return [{ field: HEALTH_FIELD, from, to: health.canSend, direction, severity }];
}

/** Why a number cannot send, and what to do. Other events name it as well, but it is not their news. */
function healthNote(type: string, { health }: Data): string | undefined {
  if (type !== EVENT_TYPES.healthChanged || !health?.reasons.length) return undefined;
  return health.reasons.map(reasonText).join(" ");
}

function reasonText({ entity, code, description, solution }: Health["reasons"][number]): string {
  const why = description === undefined ? "" : `: ${description}`;
  return `${entity} ${code}${why}${solution === undefined ? "" : ` What to do: ${solution}`}`;
}

function toChangeView(change: Change): ChangeView {
  const { field, to, direction, severity } = change;
  const from = change.from ?? "";
  const level = (value: string): Level => {
    if (field === HEALTH_FIELD && value !== "") return levelOfHealth(value);
    return isWatched(field) && value !== "" ? levelOf(field, value) : "info";
  };
  return { field, from, to, direction, severity, fromLevel: level(from), toLevel: level(to) };
}

function isWatched(field: string): field is WatchedField {
  return (WATCHED_FIELD_NAMES as readonly string[]).includes(field);
}
