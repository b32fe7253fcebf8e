import { createHash } from "node:crypto";
import { type ReceiverRow, receiverRowSchema } from "../schemas/outbox-rows.ts";
import { encodeRow, readReplaceable, readRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { updateRow } from "../store/update-row.ts";
import { type Breaker, createBreaker } from "./breaker.ts";

/** A receiver's id in the store: a hash, because its address may hold a secret. */
export function receiverId(url: URL): string {
  return createHash("sha256").update(url.href).digest("hex").slice(0, 32);
}

/** Key of the receiver's row. */
export function receiverKey(id: string): string {
  return `ep/${id}`;
}

/** @throws StoreRowError for a row that cannot be read */
export async function loadBreaker(store: Store, id: string, now: number): Promise<Breaker> {
  const stored = await readRow(store, receiverKey(id), receiverRowSchema);
  return createBreaker(stored?.value, now);
}

/** As `loadBreaker`. A row that cannot be read counts as open, so that a probe decides. */
export async function loadBreakerOrOpen(store: Store, id: string, now: number): Promise<Breaker> {
  const stored = await readReplaceable(store, receiverKey(id), receiverRowSchema);
  const closed = createBreaker(stored?.value, now);
  if (!stored || stored.value) return closed;
  const row: ReceiverRow = { ...closed.row, state: "open", nextProbeAt: now, reason: "unreadable" };
  // A row whose version changed meanwhile was written by somebody who could read it.
  await store.put(receiverKey(id), encodeRow(row), stored.version);
  return createBreaker(row, now);
}

/**
 * Stores what this run learnt of the receiver, unless the stored row is paused or disabled. Only a
 * 410 overwrites those.
 *
 * @returns the row that now holds: `row` itself, or the stored one
 */
export async function saveBreaker(
  store: Store,
  id: string,
  row: ReceiverRow,
): Promise<ReceiverRow> {
  const update = await updateRow(store, receiverKey(id), receiverRowSchema, (stored) => {
    const isHeld = stored?.state === "paused" || stored?.state === "disabled";
    return isHeld && row.state !== "disabled" ? "keep" : { put: row };
  });
  return update.row ?? row;
}
