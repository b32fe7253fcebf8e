import type { EventView } from "../state.ts";
import { announce } from "./announcer.ts";
import { arrange, byId, setText } from "./dom.ts";
import { createEventItem, type EventItem } from "./event-item.ts";
import { type Filters, fillSelect, rank } from "./filters.ts";
import { plural, shortType } from "./format.ts";
import type { Model } from "./model.ts";

const FIRST =
  "Nothing yet. The first read of a customer is a baseline: events come with the first change after it.";

/** The list of events, the newest first. `show` is called with each state. */
export function createEvents(filters: Filters) {
  const list = byId("event-list");
  // It scrolls, so the keyboard has to get to it.
  list.tabIndex = 0;
  const chosen = {
    type: byId<HTMLSelectElement>("event-type"),
    severity: byId<HTMLSelectElement>("event-severity"),
    state: byId<HTMLSelectElement>("event-state"),
  };
  const items = new Map<number, EventItem>();
  let model: Model | undefined;
  let run: string | undefined;
  let newest = 0;
  let unseen = 0;

  for (const select of Object.values(chosen)) select.addEventListener("change", render);
  addEventListener("hashchange", openLinked);

  function fits(event: EventView): boolean {
    const { type, severity, state } = chosen;
    const least = severity.value as EventView["severity"] | "";
    return (
      filters.fitsEvent(event) &&
      (type.value === "" || event.type === type.value) &&
      (state.value === "" || event.state === state.value) &&
      (least === "" || rank(event.severity) <= rank(least))
    );
  }

  function render(): void {
    if (!model) return;
    const { events } = model;
    fillSelect(chosen.type, [...new Set(events.map(({ type }) => type))].sort(), shortType);
    const shown = events.filter(fits).toReversed();
    for (const event of shown) {
      const item = items.get(event.key) ?? createEventItem(event);
      items.set(event.key, item);
      item.update(event);
    }
    const kept = new Set(events.map(({ key }) => key));
    for (const key of items.keys()) if (!kept.has(key)) items.delete(key);
    arrange(
      list,
      shown.flatMap(({ key }) => items.get(key)?.element ?? []),
    );
    list.hidden = shown.length === 0;
    byId("no-events").hidden = shown.length > 0;
    setText(byId("no-events"), events.length > 0 ? "No event fits." : FIRST);
    setText(byId("event-count"), countsOf(shown, events));
    if (list.checkVisibility()) unseen = 0;
    setText(byId("tab-new"), unseen > 0 ? `${unseen} new` : "");
  }

  function tell(events: readonly EventView[]): void {
    const last = events.at(-1);
    if (last) announce(`${plural(events.length, "event")}. ${summary(last)}.`);
  }

  function openLinked(): void {
    const id = location.hash.slice(1);
    const event = model?.events.find((one) => one.id === id);
    if (event) items.get(event.key)?.open();
  }

  return {
    render,
    show(next: Model) {
      const isFirst = next.run !== run;
      if (isFirst) {
        items.clear();
        newest = next.events.at(-1)?.key ?? 0;
        unseen = 0;
      }
      run = next.run;
      model = next;
      const fresh = next.events.filter(({ key }) => key > newest);
      newest = next.events.at(-1)?.key ?? newest;
      unseen += fresh.length;
      render();
      tell(fresh);
      if (isFirst) openLinked();
    },
  };
}

function countsOf(shown: readonly EventView[], all: readonly EventView[]): string {
  const waiting = shown.filter(({ state }) => state === "waiting").length;
  const count =
    shown.length === all.length
      ? plural(all.length, "event")
      : `${shown.length} of ${all.length} events`;
  if (shown.length === 0) return count;
  return `${count}, ${waiting === 0 ? "none" : waiting} waiting`;
}

function summary({ type, changes, phoneNumber }: EventView): string {
  const change = changes.at(0);
  const what = change ? `${change.field} ${change.from} → ${change.to}` : shortType(type);
  return phoneNumber === null ? what : `${what}, ${phoneNumber}`;
}
