import type { FieldView } from "../state.ts";
import { arrange, make, setAttribute, setText } from "./dom.ts";
import { type Entry, noteOf } from "./entries.ts";
import { words } from "./filters.ts";
import { grouped, LEVEL_SIGNS, LEVEL_WORDS } from "./format.ts";
import { createValueChip } from "./value-chip.ts";

export type NumberRow = {
  readonly element: HTMLElement;
  readonly button: HTMLButtonElement;
  update(entry: Entry): void;
};

/** One line of the list: whose number it is, its first field, and every value that is not well. */
export function createNumberRow(choose: () => void): NumberRow {
  const sign = make("span", { class: "sign", "aria-hidden": "true" });
  const level = make("span", { class: "hidden" });
  const title = make("span", { class: "digits" });
  const name = make("span", {});
  const id = make("span", {});
  const dot = document.createTextNode("");
  const about = make("span", { class: "note" }, name, dot, " ", id);
  const values = make("span", { class: "values" });
  const note = make("span", { class: "aside" });
  const who = make("span", { class: "who" }, title, about);
  const button = make("button", { type: "button", class: "row" }, sign, level, who, values, note);
  const chips = new Map<string, ReturnType<typeof createReading>>();
  button.addEventListener("click", choose);

  return {
    element: make("li", {}, button),
    button,
    update(entry) {
      const { customer, number, level: worst } = entry;
      setAttribute(button, "data-level", worst);
      setText(sign, LEVEL_SIGNS[worst]);
      setText(level, `${LEVEL_WORDS[worst]}: `);
      setText(title, number ? grouped(number.phoneNumber) : customer.id);
      const shownName = number
        ? (number.verifiedName.now ?? number.verifiedName.known)
        : "customer";
      setText(name, shownName ?? "");
      dot.data = number && shownName ? " ·" : "";
      setText(id, number ? customer.id : "");
      setText(note, noteOf(entry));
      const shown = number && number.listed !== false ? telling(number.fields) : [];
      for (const field of shown) {
        const chip = chips.get(field.name) ?? createReading(field.name, chips.size === 0);
        chips.set(field.name, chip);
        chip.update(field, number?.listed !== null);
      }
      arrange(
        values,
        shown.flatMap(({ name }) => chips.get(name)?.element ?? []),
      );
    },
  };
}

/** The first field always; of the others what is bad, and what poll has not seen yet. */
function telling(fields: readonly FieldView[]): FieldView[] {
  return fields.filter(
    ({ level, now, known }, index) =>
      index === 0 ||
      level === "warning" ||
      level === "critical" ||
      (now !== null && known !== null && now !== known),
  );
}

function createReading(name: string, isFirst: boolean) {
  const chip = createValueChip();
  const known = make("span", { class: "known" });
  const label = make("span", { class: isFirst ? "hidden" : "label" }, `${words(name)} `);
  return {
    element: make("span", { class: "reading" }, label, chip.element, known),
    update({ now, known: seen, level }: FieldView, isSimulated: boolean) {
      chip.update(now ?? seen, level);
      const isBehind = isSimulated && seen !== null && now !== null && seen !== now;
      setText(known, isBehind ? ` poll: ${seen}` : "");
    },
  };
}
