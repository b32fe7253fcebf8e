import { createHash } from "node:crypto";
import * as z from "zod/mini";
import { IdempotencyInFlightError, IdempotencyReusedError } from "../errors.ts";
import { decodeRow, encodeRow, readRow } from "../store/rows.ts";
import type { Row, Store } from "../store/store.ts";

const PREFIX = "idem/";
const KEPT_MS = 24 * 3_600_000;

/** A request that was started longer ago than this died: the function's own timeout is 35 s. */
const IN_FLIGHT_MS = 40_000;

const rowSchema = z.looseObject({
  schema: z.number(),
  bodyHash: z.string(),
  /** `unknown`: the request has ended without learning whether it acted. */
  state: z.enum(["started", "unknown", "done"]),
  /** Wall clock, ms. */
  startedAt: z.number(),
  expiresAt: z.number(),
  answer: z.optional(z.looseObject({ status: z.number(), body: z.string() })),
});

export type StoredResponse = { readonly status: number; readonly body: string };

export type Reservation =
  /** The first of its kind: do the work, then `finish` or `forget`. */
  | { readonly kind: "first" }
  /** Done before: give the same answer. */
  | { readonly kind: "done"; readonly answer: StoredResponse }
  /** Started before by a process that died: whether it acted must be found out, not done again. */
  | { readonly kind: "abandoned" };

export type Idempotency = {
  /**
   * A key that was first used a day ago counts as new.
   *
   * @throws IdempotencyReusedError for a known key with another body
   * @throws IdempotencyInFlightError while the first request is still running
   */
  reserve(): Promise<Reservation>;
  /** Keeps the answer for a day. */
  finish(answer: StoredResponse): Promise<void>;
  /** The outcome could not be learnt: the next request with this key settles it. */
  leaveUnknown(): Promise<void>;
  /** Makes the key free again: nothing was done. */
  forget(): Promise<void>;
};

/** @param keyName the API key's name: two callers' keys never meet */
export function createIdempotency(
  store: Store,
  keyName: string,
  idempotencyKey: string,
  body: string,
  now: () => number,
): Idempotency {
  const key = `${PREFIX}${keyName}/${sha256(idempotencyKey)}`;
  const bodyHash = sha256(body);

  async function update(change: Partial<z.infer<typeof rowSchema>>): Promise<void> {
    const found = await readRow(store, key, rowSchema);
    if (!found || found.value.answer) return;
    await store.put(key, encodeRow({ ...found.value, ...change }), found.version);
  }

  return {
    async reserve() {
      const startedAt = now();
      const row = {
        schema: 1,
        bodyHash,
        state: "started",
        startedAt,
        expiresAt: startedAt + KEPT_MS,
      };
      if ((await store.put(key, encodeRow(row), "absent")) === "stored") return { kind: "first" };
      const found = await readRow(store, key, rowSchema);
      if (!found) throw new IdempotencyInFlightError(1);
      const { value } = found;
      // The sweep that removes such rows may be behind, or not run at all.
      if (value.expiresAt <= startedAt) {
        const outcome = await store.put(key, encodeRow(row), found.version);
        if (outcome === "stored") return { kind: "first" };
        throw new IdempotencyInFlightError(1);
      }
      if (value.bodyHash !== bodyHash) throw new IdempotencyReusedError();
      if (value.answer) return { kind: "done", answer: value.answer };
      if (value.state === "unknown") return { kind: "abandoned" };
      const left = value.startedAt + IN_FLIGHT_MS - startedAt;
      if (left > 0) throw new IdempotencyInFlightError(Math.ceil(left / 1000));
      return { kind: "abandoned" };
    },

    finish: (answer) => update({ state: "done", answer }),
    leaveUnknown: () => update({ state: "unknown" }),

    async forget() {
      const found = await store.get(key);
      if (found) await store.delete(key, found.version);
    },
  };
}

/**
 * Deletes expired rows among the next `limit` after the cursor. A row that cannot be read is passed
 * over: the run that clears rows must not end because of one.
 *
 * @returns the cursor to go on from, "" after the last row
 */
export async function expireIdempotency(
  store: Store,
  after: string,
  limit: number,
  now: number,
): Promise<string> {
  const rows = await store.scan(PREFIX, after, limit);
  for (const row of rows) {
    const expiresAt = expiryOf(row);
    if (expiresAt !== undefined && expiresAt <= now) await store.delete(row.key, row.version);
  }
  return rows.length < limit ? "" : (rows.at(-1)?.key ?? "");
}

/** Undefined for a row that only another version can read: it is left to that version. */
function expiryOf(row: Row): number | undefined {
  try {
    return decodeRow(row.key, row, rowSchema).expiresAt;
  } catch {
    return undefined;
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
