import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { customerRowSchema } from "../../shared/schemas/customer-row.ts";
import type { PhoneNumberItem } from "../../shared/schemas/upstream.ts";
import { decodeRow } from "../../shared/store/rows.ts";
import { decideOn, MINUTE, rowAfter, T0 } from "../support/watch-builders.ts";

/** Rows as the code of the first edition stored them, each beside the list that it had last read. */
const stored = JSON.parse(
  readFileSync(new URL("first-edition-rows.json", import.meta.url), "utf8"),
) as readonly { readonly row: object; readonly items: readonly PhoneNumberItem[] }[];

it("rows of the first edition hold every spelling of no value", () => {
  const values = new Set(JSON.stringify(stored.map(({ row }) => row)).match(/"[^"]*"/g));
  for (const value of ["None", "", "null", "  ", "NULL", "N/A", " GREEN ", "NONE"]) {
    expect([value, values.has(JSON.stringify(value))]).toEqual([value, true]);
  }
});

it.each(stored)(
  "an update alone sends no event for a row of the first edition",
  ({ row, items }) => {
    const text = JSON.stringify(row);
    const before = decodeRow("c/acme", { value: text, version: "1" }, customerRowSchema);
    const first = decideOn(items, { row: before, readAt: T0 + 10 * MINUTE });
    expect(first.events).toEqual([]);
    const again = decideOn(items, { row: rowAfter(first, before), readAt: T0 + 11 * MINUTE });
    expect(again.events).toEqual([]);

    const banned = items.map((one) => ({ ...one, Status: "BANNED" }));
    const changed = decideOn(banned, { row: rowAfter(first, before), readAt: T0 + 12 * MINUTE });
    expect(changed.events).toHaveLength(items.length);
  },
);
