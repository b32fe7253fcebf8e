import type { FieldView, HealthReasonView, NumberView } from "../state.ts";
import { arrange, byId, make, setAttribute, setText } from "./dom.ts";
import { type Entry, noteOf } from "./entries.ts";
import { words } from "./filters.ts";
import { grouped, LEVEL_WORDS, plural } from "./format.ts";
import { createNumberButtons } from "./number-buttons.ts";
import { createValueChip } from "./value-chip.ts";

/** All of the chosen number, and what can be done to it: the one place for both. */
export function createNumberDetail() {
  const body = byId("number-body");
  const level = byId("number-level");
  let key: string | undefined;
  let parts: ReturnType<typeof createParts> | undefined;

  return {
    show(entry: Entry | undefined) {
      byId("no-number").hidden = entry !== undefined;
      level.hidden = entry === undefined;
      if (!entry) {
        setText(byId("number-title"), "No number chosen");
        setText(byId("number-about"), "");
        body.replaceChildren();
        key = undefined;
        return;
      }
      if (entry.key !== key || !parts) {
        parts = createParts(entry);
        body.replaceChildren(...parts.elements);
        key = entry.key;
      }
      const { number, customer } = entry;
      setText(byId("number-title"), number ? grouped(number.phoneNumber) : customer.id);
      showFacts(byId("number-about"), aboutOf(entry));
      setAttribute(level, "data-level", entry.level);
      setText(level, LEVEL_WORDS[entry.level]);
      parts.update(entry);
    },
  };
}

function createParts({ customer, number }: Entry) {
  const facts = make("p", { class: "note customer-facts" });
  const fields = number ? createFields(number) : undefined;
  const reasonList = make("ul", {});
  const reasons = make(
    "div",
    { class: "reasons" },
    make("h3", {}, "Why it cannot send, as poll has read it"),
    reasonList,
  );
  const buttons = number ? createNumberButtons(customer.id, number) : undefined;
  return {
    elements: [facts, fields?.element, reasons, buttons?.element].filter(
      (one) => one !== undefined,
    ),
    update(entry: Entry) {
      setText(facts, troubleOf(entry));
      reasons.hidden = !entry.number?.reasons.length;
      if (!entry.number) return;
      fields?.update(entry.number);
      reasonList.replaceChildren(...entry.number.reasons.map(reasonItem));
      buttons?.update(entry.number.actions);
    },
  };
}

function reasonItem({ entity, code, description, solution }: HealthReasonView): HTMLElement {
  return make(
    "li",
    { class: "reason-item" },
    make("span", { class: "reason-code" }, `${entity} ${code}`),
    ...(description === null ? [] : [make("span", {}, description)]),
    ...(solution === null ? [] : [make("span", { class: "solution" }, `What to do: ${solution}`)]),
  );
}

/** What is wrong besides the values; empty for nothing. */
function troubleOf(entry: Entry): string {
  const { isWatched, failing } = entry.customer;
  const facts = [
    noteOf(entry),
    entry.number && !isWatched ? "its customer is not watched yet" : "",
    failing ? `its customer cannot be read since ${timeOf(failing.since)}: ${failing.code}` : "",
  ];
  return facts.filter((fact) => fact !== "").join(" · ");
}

function aboutOf({ customer, number }: Entry): string[] {
  const { id, numbers, waiting } = customer;
  const name = number ? (number.verifiedName.now ?? number.verifiedName.known) : null;
  const facts = [
    name,
    number ? id : plural(numbers.length, "number"),
    waiting > 0 ? `${plural(waiting, "event")} waiting` : null,
  ];
  return facts.flatMap((fact) => fact || []);
}

function showFacts(element: Element, facts: readonly string[]): void {
  if (element.textContent === facts.join(" · ")) return;
  const parts = facts.map((fact) => make("span", {}, fact));
  element.replaceChildren(...parts.flatMap((part, at) => (at === 0 ? [part] : [" · ", part])));
}

function timeOf(iso: string): string {
  return new Date(iso).toLocaleTimeString("en-GB");
}

/** The watched fields: what the upstream has now, and what poll has read. */
function createFields({ verifiedName, fields, listed }: NumberView) {
  const all = [...fields, verifiedName];
  const rows = all.map(({ name }) => createField(name));
  const columns = ["field", ...(listed === null ? [] : ["upstream now"]), "read by poll"];
  const head = columns.map((name) => make("th", { scope: "col" }, name));
  const element = make(
    "table",
    { class: "fields", "data-real": listed === null ? "" : undefined },
    make("caption", { class: "hidden" }, "Watched fields"),
    make("thead", {}, make("tr", {}, ...head)),
    make("tbody", {}, ...rows.map((row) => row.element)),
  );
  return {
    element,
    update(number: NumberView) {
      const fresh = [...number.fields, number.verifiedName];
      for (const [index, field] of fresh.entries()) rows[index]?.update(field, number.listed);
    },
  };
}

function createField(name: string) {
  const now = createValueChip();
  const known = createValueChip();
  const nowCell = make("td", {}, now.element);
  const knownCell = make("td", {}, known.element);
  const element = make("tr", {}, make("th", { scope: "row" }, words(name)));
  return {
    element,
    update(field: FieldView, listed: boolean | null) {
      arrange(element, [
        ...[...element.children].slice(0, 1),
        ...(listed === null ? [] : [nowCell]),
        knownCell,
      ]);
      now.update(listed === false ? null : field.now, field.level);
      const isSame = listed === null || field.now === field.known;
      known.update(field.known, isSame ? field.level : "info");
      setAttribute(knownCell, "data-behind", isSame || field.known === null ? undefined : "");
    },
  };
}
