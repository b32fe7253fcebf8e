import type { EventView } from "../state.ts";
import { announce } from "./announcer.ts";
import { arrange, byId, make, setText } from "./dom.ts";
import { createEventItem } from "./event-item.ts";
import { plural, shortType } from "./format.ts";
import type { Model } from "./model.ts";

/** The list of events, the newest first. `show` is called with each state. */
export function createEvents() {
  const list = byId("event-list");
  // It scrolls, so the keyboard has to get to it.
  list.tabIndex = 0;
  const filter = byId<HTMLSelectElement>("filter");
  const items = new Map<number, HTMLElement>();
  let model: Model | undefined;
  let run: string | undefined;
  let newest = 0;

  filter.addEventListener("change", render);

  function render(): void {
    if (!model) return;
    const shown = model.events.filter(({ customer }) => !filter.value || customer === filter.value);
    const wanted = shown.toReversed().map((event) => {
      const item = items.get(event.receipt) ?? createEventItem(event);
      items.set(event.receipt, item);
      return item;
    });
    const kept = new Set(model.events.map(({ receipt }) => receipt));
    for (const receipt of items.keys()) if (!kept.has(receipt)) items.delete(receipt);
    arrange(list, wanted);
    list.hidden = wanted.length === 0;
    byId("no-events").hidden = wanted.length > 0;
    const total = model.overview.receiver?.received ?? 0;
    const older = total - model.events.length;
    setText(
      byId("event-count"),
      older > 0 ? `last ${model.events.length} of ${total}` : String(total),
    );
  }

  function tell(events: readonly EventView[]): void {
    const last = events.at(-1);
    if (!last) return;
    const ticker = byId("ticker");
    ticker.hidden = false;
    ticker.dataset.level = last.severity;
    setText(ticker, `Newest: ${summary(last)}`);
    announce(`${plural(events.length, "event")} received. ${summary(last)}.`);
  }

  return {
    show(next: Model) {
      if (next.run !== run) {
        items.clear();
        newest = next.events.at(-1)?.receipt ?? 0;
        byId("ticker").hidden = true;
      }
      run = next.run;
      model = next;
      fillFilter(filter, next);
      const fresh = next.events.filter(({ receipt }) => receipt > newest);
      newest = next.events.at(-1)?.receipt ?? newest;
      render();
      tell(fresh);
    },
  };
}

function summary({ type, changes, phoneNumber }: EventView): string {
  const change = changes.at(0);
  const what = change ? `${change.field} ${change.from} → ${change.to}` : shortType(type);
  return phoneNumber === null ? what : `${what}, ${phoneNumber}`;
}

function fillFilter(filter: HTMLSelectElement, { events }: Model): void {
  const ids = [...new Set(events.flatMap(({ customer }) => customer ?? []))].sort();
  const there = [...filter.options].slice(1).map(({ value }) => value);
  if (ids.join() === there.join()) return;
  const chosen = filter.value;
  const all = filter.options[0];
  filter.replaceChildren(
    ...(all ? [all] : []),
    ...ids.map((value) => make("option", { value }, value)),
  );
  filter.value = ids.includes(chosen) ? chosen : "";
}
