import type * as z from "zod/mini";
import { StoreUnavailableError } from "../errors.ts";
import { encodeRow, readRow, type Stored } from "./rows.ts";
import type { Store } from "./store.ts";

/** Every round of conflicts stores one writer's row, so this serves as many writers at once. */
const MAX_TRIES = 100;

/** What to do with a row. */
export type RowChange<T> = "keep" | "delete" | { readonly put: T };

export type RowUpdate<T> = {
  readonly outcome: "kept" | "deleted" | "stored";
  /** The row that was decided on; undefined for none. */
  readonly before: T | undefined;
  /** The row that now holds; undefined for none. */
  readonly row: T | undefined;
};

export type UpdateOptions<T> = {
  /** What the caller knows of the row. It saves the first read, and a wrong guess is harmless. */
  readonly known?: Stored<T> | "absent" | undefined;
  /** Runs before each try to store a row that fits. */
  readonly beforePut?: (next: T, before: T | undefined) => Promise<void>;
};

/**
 * Changes one row, whatever else changes it meanwhile: after a conflict the row is read and decided
 * on again. `decide` may run several times and must have no effects.
 *
 * @throws StoreUnavailableError, with the reason `CONTENDED` after 100 conflicts. Any other reason
 *   leaves open whether the change was stored.
 * @throws StoreRowError for a row that cannot be read
 * @throws CustomerTooLargeError before anything is written
 */
export async function updateRow<T extends object>(
  store: Pick<Store, "get" | "put" | "delete">,
  key: string,
  schema: z.core.$ZodType<T>,
  decide: (row: T | undefined) => RowChange<T>,
  options: UpdateOptions<T> = {},
): Promise<RowUpdate<T>> {
  let { known } = options;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const stored = known === "absent" ? undefined : (known ?? (await readRow(store, key, schema)));
    known = undefined;
    const before = stored?.value;
    const change = decide(before);
    if (change === "keep" || (change === "delete" && !stored)) {
      return { outcome: "kept", before, row: before };
    }
    if (change === "delete") {
      const outcome = stored && (await store.delete(key, stored.version));
      if (outcome === "deleted") return { outcome, before, row: undefined };
    } else {
      const text = encodeRow(change.put);
      await options.beforePut?.(change.put, before);
      const outcome = await store.put(key, text, stored?.version ?? "absent");
      if (outcome === "stored") return { outcome, before, row: change.put };
    }
  }
  throw new StoreUnavailableError("update", "CONTENDED");
}
