import {
  WATCHED_FIELD_NAMES,
  WATCHED_FIELDS,
  type WatchedField,
} from "../../../shared/changes/watched-fields.ts";
import type { NumberEvent, WatchEvent } from "../../../shared/schemas/event.ts";
import type { OutgoingEvent } from "../../../shared/webhook/attempt.ts";
import type { FeedOptions } from "./event-feed.ts";
import type { ChangeView, EventView, Level } from "./state.ts";
import { levelOf } from "./value-level.ts";

/** What the page shows of an event, of whatever type: a field that is absent is simply not shown. */
type Body = {
  readonly type?: string;
  readonly time?: string;
  readonly sequence?: string;
  readonly partitionkey?: string;
  readonly data?: Partial<NumberEvent["data"]> &
    Partial<Pick<WatchEvent["data"], "code" | "upstreamCode">>;
};

type Facts = Pick<EventView, "key" | "revision" | "attempts" | "state">;

export function toEventView(
  { id, body }: OutgoingEvent,
  facts: Facts,
  { changeTimes, show }: FeedOptions,
): EventView {
  const { type = "", time = "", sequence, partitionkey, data = {} } = JSON.parse(body) as Body;
  const { phoneNumber } = data;
  const changes = data.changes ?? [];
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
    note: data.nextStep?.sentence ?? data.upstreamCode ?? data.code ?? null,
    body: spellings.reduce((text, one) => text.replaceAll(one, show(one)), body),
  };
}

function toChangeView(change: NumberEvent["data"]["changes"][number]): ChangeView {
  const { field, to, direction, severity } = change;
  const from = change.from ?? "";
  const level = (value: string): Level =>
    isWatched(field) && value !== "" ? levelOf(field, value) : "info";
  return { field, from, to, direction, severity, fromLevel: level(from), toLevel: level(to) };
}

function isWatched(field: string): field is WatchedField {
  return (WATCHED_FIELD_NAMES as readonly string[]).includes(field);
}
