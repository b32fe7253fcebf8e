import type { ChangeView, EventView } from "../state.ts";
import { make } from "./dom.ts";
import {
  DIRECTION_SIGNS,
  duration,
  grouped,
  LEVEL_SIGNS,
  plural,
  shortType,
  timeOfDay,
} from "./format.ts";

/** One event; it never changes once it is there. */
export function createEventItem(event: EventView): HTMLElement {
  const { severity, type, at, phoneNumber, customer, changes } = event;
  const isTest = customer === null;
  const head = make(
    "div",
    { class: "event-head" },
    make(
      "span",
      { class: "sign", "aria-hidden": "true", "data-level": severity },
      LEVEL_SIGNS[severity],
    ),
    make("h3", {}, shortType(type)),
    ...(isTest ? [] : [make("span", { class: "severity", "data-level": severity }, severity)]),
    make("time", { datetime: new Date(at).toISOString() }, timeOfDay(at)),
  );
  const whose = [phoneNumber === null ? undefined : grouped(phoneNumber), customer ?? undefined];
  const about = make(
    "p",
    { class: "about" },
    whose.filter((text) => text !== undefined).join(" · "),
  );
  return make(
    "li",
    { class: "event", "data-level": severity, "data-receipt": String(event.receipt) },
    head,
    ...(isTest
      ? [make("p", { class: "about" }, "poll asks whether the receiver is back")]
      : [about]),
    ...(changes.length > 0 ? [make("ul", { class: "changes" }, ...changes.map(changeLine))] : []),
    make("p", { class: "facts-line" }, ...facts(event)),
    rawOf(event),
  );
}

function changeLine({ field, from, to, direction, severity, fromLevel, toLevel }: ChangeView) {
  const value = (text: string, level: string) =>
    make("span", { class: "word", "data-level": level }, text);
  return make(
    "li",
    {},
    make("span", { class: "field" }, field, ": "),
    value(from, fromLevel),
    make("span", { "aria-hidden": "true" }, " → "),
    make("span", { class: "hidden" }, " to "),
    value(to, toLevel),
    make(
      "span",
      { class: "judgement" },
      ` ${DIRECTION_SIGNS[direction] ?? "?"} ${direction}, ${severity}`,
    ),
  );
}

function facts({ delayMs, attempts, isDuplicate, isRedelivery }: EventView) {
  const tries = attempts.map(({ at, answer }) => `${timeOfDay(at)} ${answer}`).join("\n");
  return [
    make("span", { class: "verified" }, "✓ verified"),
    ...(delayMs === null ? [] : [make("span", {}, `${duration(delayMs)} after the change`)]),
    make(
      "span",
      attempts.length > 1 ? { "data-level": "warning", title: tries } : {},
      plural(attempts.length, "attempt"),
    ),
    ...(isDuplicate ? [make("span", { "data-level": "warning" }, "sent before")] : []),
    ...(isRedelivery ? [make("span", {}, "redelivered")] : []),
  ];
}

function rawOf({ sequence, body, headers, attempts }: EventView): HTMLElement {
  const details = make(
    "details",
    {},
    make(
      "summary",
      {},
      make("span", {}, "Request "),
      ...(sequence === null ? [] : [make("span", { class: "sequence" }, `seq ${sequence}`)]),
    ),
  );
  // A hundred of these would be most of the document, so each is made when it is opened.
  details.addEventListener(
    "toggle",
    () => {
      const lines = headers.map(([name, value]) => `${name}: ${value}`);
      const tried = attempts.map(({ at, answer }) => `${timeOfDay(at)}  ${answer}`);
      details.append(
        make(
          "pre",
          { tabindex: "0", "aria-label": "Headers and body" },
          `${lines.join("\n")}\n\n${indented(body)}`,
        ),
        make("p", { class: "note" }, `Attempts: ${tried.join(", ")}. The body is indented here.`),
      );
    },
    { once: true },
  );
  return details;
}

function indented(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), undefined, 2);
  } catch {
    return body;
  }
}
