import type { CustomerView, NumberView } from "../state.ts";
import { arrange, byId, make, setAttribute, setText } from "./dom.ts";
import { plural } from "./format.ts";
import type { Model } from "./model.ts";
import { createNumberRow, type NumberRow } from "./number-row.ts";

/** More make the page slow and nobody reads them: the search finds the others. */
const MAX_CUSTOMERS = 40;
const MAX_NUMBERS = 80;

type Block = {
  readonly body: HTMLElement;
  /** `most` numbers at most, in a table of so many columns. */
  update(customer: CustomerView, most: number, columns: number): void;
};

/** The customers and their numbers. `show` is called with each state. */
export function createNumbers() {
  const { table, head, columns } = createNumbersTable();
  byId("number-table").append(table);
  const search = byId<HTMLInputElement>("search");
  const blocks = new Map<string, Block>();
  let model: Model | undefined;
  let run: string | undefined;

  search.addEventListener("input", render);

  function render(): void {
    if (!model) return;
    const wanted = search.value.trim().toLowerCase();
    const found = [...model.customers.values()].filter((customer) => fits(customer, wanted));
    const shown: CustomerView[] = [];
    let numbers = 0;
    for (const customer of found) {
      if (shown.length === MAX_CUSTOMERS || numbers >= MAX_NUMBERS) break;
      shown.push(customer);
      numbers += Math.max(1, customer.numbers.length);
    }
    setColumns(columns, model);
    let left = MAX_NUMBERS;
    for (const customer of shown) {
      const block = blocks.get(customer.id) ?? createBlock(customer.id);
      blocks.set(customer.id, block);
      block.update(customer, left, columns.children.length);
      left -= customer.numbers.length;
    }
    const ids = new Set(shown.map(({ id }) => id));
    for (const id of blocks.keys()) if (!ids.has(id)) blocks.delete(id);
    arrange(table, [head, ...shown.flatMap(({ id }) => blocks.get(id)?.body ?? [])]);
    table.hidden = shown.length === 0;
    showRest(found.length - shown.length, wanted, shown.length);
  }

  function showRest(hidden: number, wanted: string, shown: number): void {
    const unsent = wanted === "" ? (model?.unsentCustomers ?? 0) : 0;
    const more = byId("more-numbers");
    more.hidden = hidden + unsent === 0;
    setText(more, `${plural(hidden + unsent, "more customer")} not shown; search for them.`);
    const none = byId("no-numbers");
    none.hidden = shown > 0;
    setText(none, wanted === "" ? "No customer yet: add one above." : `Nothing fits “${wanted}”.`);
  }

  return {
    show(next: Model) {
      // Another start of the sandbox has other customers of the same name.
      if (next.run !== run) blocks.clear();
      run = next.run;
      model = next;
      render();
    },
  };
}

/** On a narrow page its parts are laid out as blocks, which would take their roles from them. */
function createNumbersTable() {
  const columns = make("tr", { role: "row" });
  const head = make("thead", { role: "rowgroup" }, columns);
  const facts = { class: "numbers", role: "table", "aria-labelledby": "numbers-title" };
  return { columns, head, table: make("table", facts, head) };
}

function setColumns(row: Element, model: Model): void {
  const fields = namesOf(model);
  const names = fields.length === 0 ? [] : ["number", ...fields];
  if (row.children.length === names.length) return;
  row.replaceChildren(
    ...names.map((name) => make("th", { role: "columnheader", scope: "col" }, ...breakable(name))),
  );
}

function namesOf({ customers }: Model): string[] {
  const any = [...customers.values()].flatMap(({ numbers }) => numbers).at(0);
  return any?.fields.map(({ name }) => name) ?? [];
}

/** A line may break before each capital letter. */
function breakable(name: string): (Node | string)[] {
  return name
    .split(/(?=[A-Z])/)
    .flatMap((part, index) => (index === 0 ? [part] : [make("wbr"), part]));
}

function fits({ id, numbers }: CustomerView, wanted: string): boolean {
  const digits = wanted.replaceAll(/[\s+]/g, "");
  const has = (number: NumberView) =>
    (digits !== "" && number.phoneNumber.includes(digits)) ||
    [number.verifiedName, ...number.fields].some(({ now, known }) =>
      (now ?? known ?? "").toLowerCase().includes(wanted),
    );
  return wanted === "" || id.toLowerCase().includes(wanted) || numbers.some(has);
}

function createBlock(id: string): Block {
  const facts = make("span", { class: "note" });
  const title = make("th", { role: "rowheader", scope: "rowgroup", class: "customer" });
  title.append(make("span", { class: "id" }, id), facts);
  const head = make("tr", { role: "row", class: "customer" }, title);
  const body = make("tbody", { role: "rowgroup", "data-customer": id }, head);
  const rows = new Map<string, NumberRow>();
  return {
    body,
    update(customer, most, columns) {
      const numbers = customer.numbers.slice(0, Math.max(0, most));
      setAttribute(title, "colspan", String(columns));
      setText(facts, factsOf(customer, customer.numbers.length - numbers.length));
      setAttribute(facts, "data-level", customer.failing ? "warning" : undefined);
      const kept = numbers.map((number) => {
        const row = rows.get(number.key) ?? createNumberRow(id, number, columns);
        rows.set(number.key, row);
        row.update(number);
        return row;
      });
      const keys = new Set(numbers.map(({ key }) => key));
      for (const key of rows.keys()) if (!keys.has(key)) rows.delete(key);
      arrange(body, [head, ...kept.flatMap((row) => row.rows)]);
    },
  };
}

function factsOf({ numbers, isWatched, pending, failing }: CustomerView, hidden: number): string {
  return [
    numbers.length === 0 ? "no numbers yet" : plural(numbers.length, "number"),
    ...(hidden > 0 ? [`${hidden} not shown`] : []),
    ...(isWatched ? [] : ["not watched yet"]),
    ...(pending > 0 ? [`${plural(pending, "event")} pending`] : []),
    ...(failing ? [`▲ last read failed: ${failing}`] : []),
  ].join(" · ");
}
