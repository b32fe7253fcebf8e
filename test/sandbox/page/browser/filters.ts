import type { CustomerView, EventView, Level, NumberView } from "../state.ts";
import { byId, make } from "./dom.ts";
import type { Model } from "./model.ts";

/** What the reader wants to see of both lists. */
export type Filters = {
  fitsNumber(customer: CustomerView, number: NumberView | null): boolean;
  fitsEvent(event: EventView): boolean;
  /** The search as it was typed. */
  search(): string;
  isOn(): boolean;
  show(model: Model): void;
};

const RANKS: readonly Level[] = ["critical", "warning", "info", "good"];

/** 0 is the worst. */
export function rank(level: Level): number {
  return RANKS.indexOf(level);
}

/** The search and the customer, above both lists. `onChange` is called with each change. */
export function createFilters(onChange: () => void): Filters {
  const search = byId<HTMLInputElement>("search");
  const customer = byId<HTMLSelectElement>("customer");
  search.addEventListener("input", onChange);
  customer.addEventListener("change", onChange);
  const wanted = () => search.value.trim().toLowerCase();
  const isOf = (id: string | null) => customer.value === "" || customer.value === id;

  function has(texts: readonly (string | null)[], phoneNumber: string | null): boolean {
    const text = wanted();
    if (text === "") return true;
    const digits = text.replaceAll(/[\s+]/g, "");
    const isNumber = /^\d+$/.test(digits) && phoneNumber?.includes(digits) === true;
    return isNumber || texts.some((one) => one?.toLowerCase().includes(text));
  }

  return {
    fitsNumber({ id, failing }, number) {
      const fields = number ? [number.verifiedName, ...number.fields] : [];
      const values = fields.map(({ now, known }) => now ?? known);
      return isOf(id) && has([id, failing?.code ?? null, ...values], number?.phoneNumber ?? null);
    },
    fitsEvent({ customer: id, phoneNumber, type, changes, id: eventId, note }) {
      const values = changes.flatMap(({ field, from, to }) => [words(field), field, from, to]);
      return isOf(id) && has([id, type, eventId, note, ...values], phoneNumber);
    },
    search: () => search.value.trim(),
    isOn: () => wanted() !== "" || customer.value !== "",
    show: ({ customers }) => fillSelect(customer, [...customers.keys()].sort()),
  };
}

/** Options after the first, which stands for all; the choice stays if it is still there. */
export function fillSelect(
  select: HTMLSelectElement,
  values: readonly string[],
  show: (value: string) => string = String,
): void {
  const there = [...select.options].slice(1).map(({ value }) => value);
  if (values.join("\n") === there.join("\n")) return;
  const chosen = select.value;
  const all = select.options[0];
  const options = values.map((value) => make("option", { value }, show(value)));
  select.replaceChildren(...(all ? [all] : []), ...options);
  select.value = values.includes(chosen) ? chosen : "";
}

/** `qualityRating` as people write it. */
export function words(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
