import { openTablestoreStore } from "../../../shared/store/tablestore.ts";
import { optionsFor } from "./sandbox-store.ts";

/**
 * A process for the test beside it to kill. It counts row `n` up at the stand-in of its argument,
 * as fast as it can, and prints each acknowledged number.
 */
const store = openTablestoreStore(optionsFor(process.argv[2] ?? ""));
await store.put("n", "0", "absent");
for (;;) {
  const row = await store.get("n");
  if (!row) throw new Error("the row is gone");
  const next = `${Number(row.value) + 1}`;
  if ((await store.put("n", next, row.version)) === "stored") process.stdout.write(`${next}\n`);
}
