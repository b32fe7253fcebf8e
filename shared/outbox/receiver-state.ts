import { createHash } from "node:crypto";
import { type ReceiverRow, receiverRowSchema } from "../schemas/outbox-rows.ts";
import { encodeRow, readRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { type Breaker, createBreaker } from "./breaker.ts";

/** A receiver's name in the store: its address may hold a secret, so only a hash of it is kept. */
export function receiverId(url: URL): string {
  return createHash("sha256").update(url.href).digest("hex").slice(0, 32);
}

/** Key of what is known of a receiver. */
export function receiverKey(id: string): string {
  return `ep/${id}`;
}

/** @throws StoreRowError for a row that cannot be read */
export async function loadBreaker(store: Store, id: string, now: number): Promise<Breaker> {
  const stored = await readRow(store, receiverKey(id), receiverRowSchema);
  return createBreaker(stored?.value, now);
}

/**
 * Stores what this run learnt of the receiver, unless another has written meanwhile that nothing
 * may be sent: an operator's pause and a 410 outlast every belief of a running run.
 *
 * @returns the row that now holds
 */
export async function saveBreaker(
  store: Store,
  id: string,
  row: ReceiverRow,
): Promise<ReceiverRow> {
  const key = receiverKey(id);
  for (;;) {
    const stored = await readRow(store, key, receiverRowSchema);
    const held = stored?.value.state === "paused" || stored?.value.state === "disabled";
    if (stored && held && row.state !== "disabled") return stored.value;
    const outcome = await store.put(key, encodeRow(row), stored?.version ?? "absent");
    if (outcome === "stored") return row;
  }
}
