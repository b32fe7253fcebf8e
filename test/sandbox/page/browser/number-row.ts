import type { FieldView, NumberAction, NumberView } from "../state.ts";
import { make, setAttribute, setText } from "./dom.ts";
import { grouped, LEVEL_SIGNS } from "./format.ts";
import { press } from "./requests.ts";

export type NumberRow = {
  readonly rows: readonly Element[];
  update(number: NumberView): void;
};

/** Buttons in their order; the ones of a group stand together under its name. */
const GROUPS: readonly (readonly [label: string, slots: readonly string[]])[] = [
  ["", ["service"]],
  ["Quality", ["green", "yellow", "red"]],
  ["Tier", ["down", "up"]],
  ["Name", ["approve", "decline"]],
  ["", ["flag", "ban", "list"]],
];

/** Words that the group's own name makes needless to the eye; a screen reader gets them all. */
const SHORT: Readonly<Record<string, string>> = {
  "Tier down": "−",
  "Tier up": "+",
  "Approve name": "Approve",
  "Decline name": "Decline",
};

/** Two rows of the table for one number: its fields, and what can be done to it upstream. */
export function createNumberRow(customer: string, first: NumberView, columns: number): NumberRow {
  const name = createReading();
  const notes = make("span", { class: "note" });
  const head = make(
    "th",
    { role: "rowheader", scope: "row", class: "number" },
    make("span", { class: "digits" }, grouped(first.phoneNumber)),
    name.chip,
    name.known,
    notes,
  );
  const cells = first.fields.map((field) => createCell(field.name));
  const fields = make(
    "tr",
    { role: "row", class: "fields" },
    head,
    ...cells.map(({ cell }) => cell),
  );
  const trouble = make("span", { class: "trouble", role: "alert" });
  const bar = createButtons(customer, first, trouble);
  const actions = make(
    "tr",
    { role: "row", class: "actions" },
    make("td", { role: "cell", colspan: String(columns) }, bar.element, trouble),
  );
  const row: NumberRow = {
    rows: [fields, actions],
    update(number) {
      name.update(number.verifiedName, number.listed);
      setText(notes, noteOf(number));
      setAttribute(fields, "data-listed", String(number.listed !== false));
      for (const [index, field] of number.fields.entries()) {
        cells[index]?.update(field, number.listed);
      }
      bar.update(number.actions);
      actions.hidden = number.actions.length === 0;
    },
  };
  row.update(first);
  return row;
}

/** A long value breaks after an underscore, and nowhere else if that is enough. */
function showValue(element: Element, text: string): void {
  if (element.textContent === text) return;
  const parts = text.split(/(?<=_)/);
  element.replaceChildren(
    ...parts.flatMap((part, at) => (at === 0 ? [part] : [make("wbr"), part])),
  );
}

function noteOf({ listed, isKnown, missingSince }: NumberView): string {
  if (missingSince) return "reported missing";
  if (listed === false) return isKnown ? "not listed upstream" : "gone before poll saw it";
  return isKnown ? "" : "not read by poll yet";
}

function createCell(name: string) {
  const { chip, known, update } = createReading();
  return { cell: make("td", { role: "cell", "data-name": name }, chip, known), update };
}

/** A watched field: what the upstream has, and beside it what poll has seen while that is older. */
function createReading() {
  const sign = make("span", { class: "sign", "aria-hidden": "true" });
  const value = make("span", { class: "text" });
  const level = make("span", { class: "hidden" });
  const known = make("span", { class: "known" });
  const chip = make("span", { class: "value" }, sign, value, level);
  return {
    chip,
    known,
    update({ now, known: seen, level: loudness }: FieldView, listed: boolean | null) {
      const shown = listed === false ? null : (now ?? seen);
      showValue(value, shown ?? "–");
      setText(sign, shown === null ? "" : LEVEL_SIGNS[loudness]);
      setText(level, shown === null || loudness === "info" ? "" : `, ${loudness}`);
      setAttribute(chip, "data-level", shown === null ? "none" : loudness);
      setAttribute(chip, "title", shown ?? undefined);
      const isBehind = listed !== null && seen !== null && seen !== shown;
      setText(known, isBehind ? `poll: ${seen}` : "");
      setAttribute(known, "title", isBehind ? seen : undefined);
    },
  };
}

function createButtons(customer: string, { key, phoneNumber }: NumberView, trouble: HTMLElement) {
  const bySlot = new Map<string, HTMLButtonElement>();
  const groups = GROUPS.map(([label, slots]) => {
    const buttons = slots.map((slot) => {
      const button = make("button", { type: "button", class: "small", "data-slot": slot });
      bySlot.set(slot, button);
      button.addEventListener("click", () => {
        if (button.ariaDisabled === "true") return;
        const { action } = button.dataset;
        const body = { custSpaceId: customer, phoneNumber: key, action };
        void press(button, trouble, "number", body);
      });
      return button;
    });
    const caption =
      label === "" ? [] : [make("span", { class: "caption", "aria-hidden": "true" }, label)];
    return make("span", { class: "group" }, ...caption, ...buttons);
  });
  const element = make("div", {
    class: "buttons",
    role: "group",
    "aria-label": `Change ${phoneNumber}`,
  });
  element.append(...groups);
  return {
    element,
    update(actions: readonly NumberAction[]) {
      for (const [slot, button] of bySlot) {
        const action = actions.find((one) => one.slot === slot);
        button.hidden = action === undefined;
        if (!action) continue;
        button.dataset.action = action.name;
        setText(button, SHORT[action.label] ?? action.label);
        setAttribute(button, "aria-label", SHORT[action.label] && action.label);
        setAttribute(button, "aria-disabled", action.state === "available" ? undefined : "true");
        const isChoice = /^(quality|name):/.test(action.name);
        setAttribute(
          button,
          "aria-pressed",
          isChoice ? String(action.state === "current") : undefined,
        );
      }
      for (const group of groups) {
        group.hidden = [...group.querySelectorAll("button")].every(({ hidden }) => hidden);
      }
    },
  };
}
