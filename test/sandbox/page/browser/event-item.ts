import type { ChangeView, EventView } from "../state.ts";
import { make, setAttribute, setText } from "./dom.ts";
import { createEventMore } from "./event-more.ts";
import { words } from "./filters.ts";
import {
  DIRECTION_SIGNS,
  duration,
  grouped,
  LEVEL_SIGNS,
  plural,
  shortType,
  timeOfDay,
} from "./format.ts";

export type EventItem = {
  readonly element: HTMLElement;
  update(event: EventView): void;
  open(): void;
};

/** One event: what happened to whom, whether it is delivered, and below it everything else. */
export function createEventItem(first: EventView): EventItem {
  const { severity, type, at, customer, changes, note } = first;
  const delivery = make("span", { class: "delivery" });
  const test = note ?? "poll asks whether the receiver is back";
  const reason = customer === null ? test : note;
  const summary = make(
    "summary",
    {},
    make("span", { class: "sign", "aria-hidden": "true" }, LEVEL_SIGNS[severity]),
    make("span", { class: "hidden" }, `${severity}: `),
    make("h3", {}, titleOf(first)),
    make("time", { datetime: new Date(at).toISOString() }, timeOfDay(at)),
    ...changes.map(changeLine),
    ...(reason === null ? [] : [make("span", { class: "reason" }, reason)]),
    make(
      "span",
      { class: "facts-line" },
      make("span", { class: "type" }, shortType(type)),
      ...(customer === null ? [] : [make("span", {}, customer)]),
      delivery,
    ),
  );
  const details = make("details", {}, summary);
  const element = make("li", { class: "event", id: first.id, "data-level": severity }, details);
  let event = first;
  let more: ReturnType<typeof createEventMore> | undefined;

  // A hundred of these would be most of the document, so each is made when it is opened.
  details.addEventListener("toggle", () => {
    if (more || !details.open) return;
    more = createEventMore(event);
    details.append(more.element);
  });

  const item: EventItem = {
    element,
    open() {
      details.open = true;
      element.scrollIntoView({ block: "nearest" });
    },
    update(next) {
      event = next;
      const { tone, text } = deliveryOf(next);
      setText(delivery, text);
      setAttribute(delivery, "data-level", tone);
      more?.update(next);
    },
  };
  item.update(first);
  return item;
}

function titleOf({ phoneNumber, customer, type }: EventView): string {
  if (phoneNumber !== null) return grouped(phoneNumber);
  if (customer === null) return "test of the receiver";
  return `${customer}: ${type.replace("whatsapp.watch.", "watch is ")}`;
}

function deliveryOf({ state, attempts, delayMs }: EventView) {
  const tries = plural(attempts.length, "attempt");
  const last = attempts.at(-1);
  if (state === "waiting") {
    const text = last ? `waiting, ${tries}: ${last.status}` : "waiting";
    return { tone: "warning", text } as const;
  }
  if (state === "unsent") {
    return { tone: "critical", text: `not delivered, ${tries}: ${last?.status ?? "–"}` } as const;
  }
  const delay = delayMs === null ? "" : ` after ${duration(delayMs)}`;
  const count = attempts.length > 1 ? `, ${tries}` : "";
  return { tone: "good", text: `delivered${delay}${count}` } as const;
}

function changeLine({ field, from, to, direction, severity, fromLevel, toLevel }: ChangeView) {
  const value = (text: string, level: string) =>
    make("span", { class: "word", "data-level": level }, text === "" ? "–" : text);
  return make(
    "span",
    { class: "change" },
    make("span", { class: "field" }, words(field), " "),
    value(from, fromLevel),
    make("span", { "aria-hidden": "true" }, " → "),
    make("span", { class: "hidden" }, " to "),
    value(to, toLevel),
    make(
      "span",
      { class: "judgement", title: `${direction}, ${severity}` },
      make("span", { "aria-hidden": "true" }, ` ${DIRECTION_SIGNS[direction] ?? "?"}`),
      make("span", { class: "hidden" }, ` ${direction}, ${severity}`),
    ),
  );
}
