import type { Level } from "../state.ts";
import { arrange, byId, make, setAttribute, setText } from "./dom.ts";
import { type Entry, entriesOf } from "./entries.ts";
import type { Filters } from "./filters.ts";
import { LEVEL_SIGNS, LEVEL_WORDS, plural } from "./format.ts";
import type { Model } from "./model.ts";
import { createNumberDetail } from "./number-detail.ts";
import { createNumberRow, type NumberRow } from "./number-row.ts";

/** More make the page slow and nobody reads them: the search finds the others. */
const MAX_ROWS = 80;
const LEVELS: readonly Level[] = ["critical", "warning", "info", "good"];

/** The numbers, the worst first, and all of the chosen one. `show` is called with each state. */
export function createNumbers(filters: Filters) {
  const list = byId("number-list");
  const sums = createSums(render);
  const detail = createNumberDetail();
  const rows = new Map<string, NumberRow>();
  let model: Model | undefined;
  let run: string | undefined;
  let chosen: string | undefined;
  let keys: readonly string[] = [];

  list.addEventListener("keydown", (event) => {
    const at = keys.findIndex((key) => rows.get(key)?.button === document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: keys.length - 1 }[event.key];
    const next = rows.get(keys[to ?? -1] ?? "");
    if (!next) return;
    event.preventDefault();
    setStop(next);
    next.button.focus();
  });
  byId("back").addEventListener("click", () => {
    delete byId("board").dataset.chosen;
    rows.get(chosen ?? "")?.button.focus();
  });

  function choose(key: string): void {
    chosen = key;
    byId("board").dataset.chosen = "";
    render();
    // On a narrow page the number takes the list's place, and the focus with it.
    if (!list.checkVisibility()) byId("number").focus();
  }

  /** One stop for the Tab key; the arrows lead from row to row. */
  function setStop(stop: NumberRow | undefined): void {
    for (const row of rows.values()) row.button.tabIndex = row === stop ? 0 : -1;
  }

  function render(): void {
    if (!model) return;
    const all = entriesOf(model, filters);
    sums.show(all);
    const level = sums.chosen();
    const found = all.filter((entry) => level === "" || entry.level === level);
    const shown = found.slice(0, MAX_ROWS);
    for (const entry of shown) {
      const row = rows.get(entry.key) ?? createNumberRow(() => choose(entry.key));
      rows.set(entry.key, row);
      row.update(entry);
    }
    keys = shown.map(({ key }) => key);
    for (const key of rows.keys()) if (!keys.includes(key)) rows.delete(key);
    arrange(
      list,
      keys.flatMap((key) => rows.get(key)?.element ?? []),
    );
    list.hidden = keys.length === 0;
    showRest(found.length - shown.length, shown.length);
    // It stays when it fits the filter no longer, so that nothing moves under the pointer.
    const every = entriesOf(model, { ...filters, fitsNumber: () => true });
    const entry = every.find(({ key }) => key === chosen) ?? shown[0];
    chosen = entry?.key;
    detail.show(entry);
    for (const [key, row] of rows) {
      setAttribute(row.button, "aria-current", key === chosen ? "true" : undefined);
    }
    const focused = [...rows.values()].find(({ button }) => button === document.activeElement);
    setStop(focused ?? rows.get(chosen ?? "") ?? rows.get(keys[0] ?? ""));
  }

  function showRest(hidden: number, shown: number): void {
    const unsent = filters.isOn() ? 0 : (model?.unsentCustomers ?? 0);
    const more = byId("more-numbers");
    more.hidden = hidden + unsent === 0;
    const parts = [
      ...(hidden > 0 ? [plural(hidden, "more number")] : []),
      ...(unsent > 0 ? [plural(unsent, "more customer")] : []),
    ];
    setText(more, `${parts.join(" and ")} not shown. Search for them.`);
    const none = byId("no-numbers");
    none.hidden = shown > 0;
    const search = filters.search();
    if (search !== "") setText(none, `Nothing fits “${search}”.`);
    else setText(none, "No such number.");
  }

  return {
    render,
    show(next: Model) {
      // Another start of the sandbox has other customers of the same name.
      if (next.run !== run) {
        rows.clear();
        chosen = undefined;
        delete byId("board").dataset.chosen;
      }
      run = next.run;
      model = next;
      render();
    },
  };
}

/** How many numbers are of each level; each sum is the filter for it. */
function createSums(onChange: () => void) {
  const root = byId("levels");
  const sum = (value: Level | "") => {
    const count = make("span", { class: "sum" });
    const facts = { type: "radio", name: "level", value, ...(value ? {} : { checked: "" }) };
    const input = make("input", facts);
    const word = make("span", {}, value ? LEVEL_WORDS[value] : "all");
    const sign = make(
      "span",
      { class: "sign", "aria-hidden": "true" },
      value && LEVEL_SIGNS[value],
    );
    const figure = make("span", { class: "figure" }, sign, count, " ");
    const label = make("label", { "data-level": value || undefined }, input, figure, word);
    return { value, count, input, label };
  };
  const all = ["" as const, ...LEVELS].map(sum);
  root.append(...all.map(({ label }) => label));
  root.addEventListener("change", onChange);
  return {
    chosen: () => all.find(({ input }) => input.checked)?.value ?? "",
    show(entries: readonly Entry[]) {
      for (const { value, count, label } of all) {
        const of = entries.filter(({ level }) => value === "" || level === value).length;
        setText(count, String(of));
        setAttribute(label, "data-none", of === 0 ? "" : undefined);
      }
      const bad = entries.filter(({ level }) => level === "critical" || level === "warning");
      setText(byId("tab-trouble"), bad.length > 0 ? `${bad.length} in trouble` : "");
    },
  };
}
