import { createHash } from "node:crypto";
import {
  IdempotencyInFlightError,
  IdempotencyReusedError,
  InvalidRequestError,
} from "../errors.ts";
import {
  EXPIRY_PREFIX,
  IDEMPOTENCY_PREFIX,
  type IdempotencyRow,
  idempotencyRowSchema,
} from "../schemas/idempotency-row.ts";
import { formatSequence } from "../schemas/sequence.ts";
import { decodeRow, encodeRow, readRow, scanAll } from "../store/rows.ts";
import type { Row, Store } from "../store/store.ts";
import { updateRow } from "../store/update-row.ts";
import type { HttpRequest } from "./platform-event.ts";

const KEPT_MS = 86_400_000;

/** A request that started longer ago has died: the function's own timeout is 35 s. */
const IN_FLIGHT_MS = 40_000;

export type StoredResponse = { readonly status: number; readonly body: string };

export type Reservation =
  /** The first of its kind: do the work, then `finish` or `forget`. */
  | { readonly kind: "first" }
  /** Done before: send the same response again. */
  | { readonly kind: "done"; readonly response: StoredResponse }
  /** The first request died or never learnt its outcome: find out, and do not act again. */
  | { readonly kind: "abandoned"; readonly startedAt: number };

export type Idempotency = {
  /**
   * A key that was first used a day ago counts as new.
   *
   * @throws IdempotencyReusedError for a known key with another body
   * @throws IdempotencyInFlightError while the first request is still running
   */
  reserve(): Promise<Reservation>;
  /** Keeps the first response for a day. */
  finish(response: StoredResponse): Promise<void>;
  /** The outcome is unknown: the next request with this key finds out. */
  leaveUnknown(): Promise<void>;
  /** Frees the key: nothing was done. */
  forget(): Promise<void>;
  /** Its customer was erased before the row was there: no response is stored in it. */
  erase(): Promise<unknown>;
};

/** @throws InvalidRequestError */
export function readIdempotencyKey({ headers }: HttpRequest): string | undefined {
  const key = headers["idempotency-key"];
  if (key === undefined || /^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw new InvalidRequestError([
    { path: "Idempotency-Key", message: "must be 1 to 255 printable characters without spaces" },
  ]);
}

/**
 * @param keyName the API key's name: two callers' keys never meet
 * @param customer whom the request is about, so that an erasure finds it
 */
export function createIdempotency(
  store: Store,
  keyName: string,
  idempotencyKey: string,
  body: string,
  now: () => number,
  customer?: string,
): Idempotency {
  const key = `${IDEMPOTENCY_PREFIX}${keyName}/${sha256(idempotencyKey)}`;
  const bodyHash = sha256(body);

  async function update(change: Partial<IdempotencyRow>): Promise<void> {
    await updateRow(store, key, idempotencyRowSchema, (row) =>
      row && !row.answer && !row.erased ? { put: { ...row, ...change } } : "keep",
    );
  }

  return {
    async reserve() {
      const at = now();
      const expiresAt = at + KEPT_MS;
      // Before the row: a row without it would never be deleted.
      await store.put(expiryKey(key, expiresAt), encodeRow({ schema: 1 }), "absent");
      const first = encodeRow({
        schema: 1,
        bodyHash,
        state: "started",
        startedAt: at,
        expiresAt,
        customer,
      });
      if ((await store.put(key, first, "absent")) === "stored") return { kind: "first" };
      const found = await readRow(store, key, idempotencyRowSchema);
      if (!found) throw new IdempotencyInFlightError(1);
      if (found.value.expiresAt > at) {
        // Else each repeat would leave one.
        if (found.value.expiresAt !== expiresAt) await deleteRow(store, expiryKey(key, expiresAt));
        return judgeRepeat(found.value, bodyHash, at);
      }
      // poll, which removes expired rows, may be behind or not deployed.
      const outcome = await store.put(key, first, found.version);
      if (outcome === "stored") return { kind: "first" };
      throw new IdempotencyInFlightError(1);
    },

    finish: (answer) => update({ state: "done", answer }),
    leaveUnknown: () => update({ state: "unknown" }),

    async forget() {
      await updateRow(store, key, idempotencyRowSchema, () => "delete");
    },

    erase: () =>
      updateRow(store, key, idempotencyRowSchema, (row) =>
        row ? { put: { ...row, ...ERASED } } : "keep",
      ),
  };
}

function judgeRepeat(row: IdempotencyRow, bodyHash: string, at: number): Reservation {
  if (!row.erased && row.bodyHash !== bodyHash) throw new IdempotencyReusedError();
  if (row.answer) return { kind: "done", response: row.answer };
  const leftMs = row.startedAt + IN_FLIGHT_MS - at;
  if (row.state === "started" && leftMs > 0) {
    throw new IdempotencyInFlightError(Math.ceil(leftMs / 1000));
  }
  return { kind: "abandoned", startedAt: row.startedAt };
}

async function deleteRow(store: Store, key: string): Promise<void> {
  const found = await store.get(key);
  if (found) await store.delete(key, found.version);
}

/** In order of time, so that the next to expire comes first. */
function expiryKey(key: string, expiresAt: number): string {
  return `${EXPIRY_PREFIX}${formatSequence(expiresAt)}/${key.slice(IDEMPOTENCY_PREFIX.length)}`;
}

/** All rows of earlier versions have been looked at. It comes after every cursor. */
const LISTED = "~";
const PAGE = 100;

/**
 * Deletes what has expired, the oldest first, until nothing is due or `hasTime` says no. A live row is
 * not looked at. Rows of earlier versions have no expiry key: a cursor goes over them once.
 *
 * @returns the next cursor
 */
export async function expireIdempotency(
  store: Store,
  cursor: string,
  now: number,
  hasTime: () => boolean,
): Promise<string> {
  await expireDue(store, now, hasTime);
  let after = cursor;
  while (after !== LISTED && hasTime()) {
    const rows = await store.scan(IDEMPOTENCY_PREFIX, after, PAGE);
    await Promise.all(rows.map((row) => listOrDelete(store, row, now)));
    after = rows.length < PAGE ? LISTED : (rows.at(-1)?.key ?? LISTED);
  }
  return after;
}

async function expireDue(store: Store, now: number, hasTime: () => boolean): Promise<void> {
  while (hasTime()) {
    const keys = await store.scan(EXPIRY_PREFIX, "", PAGE);
    const due = keys.filter(({ key }) => Number(key.split("/")[1]) <= now);
    await Promise.all(
      due.map(async (expiry) => {
        const key = `${IDEMPOTENCY_PREFIX}${expiry.key.split("/").slice(2).join("/")}`;
        const found = await store.get(key);
        if (found) await listOrDelete(store, { key, ...found }, now);
        await store.delete(expiry.key, expiry.version);
      }),
    );
    if (due.length < PAGE) return;
  }
}

async function listOrDelete(store: Store, row: Row, now: number): Promise<void> {
  const expiresAt = expiryOf(row);
  if (expiresAt === undefined) return;
  if (expiresAt <= now) await store.delete(row.key, row.version);
  else await store.put(expiryKey(row.key, expiresAt), encodeRow({ schema: 1 }), "absent");
}

/**
 * Removes the stored responses of a customer. A row without one stays for its day, so that a repeat
 * does not add again. It holds no number, no digest of one, and no customer. A row that this version
 * cannot read goes whole.
 *
 * @returns how many responses are gone
 */
export async function eraseResponses(store: Store, customer: string): Promise<number> {
  let erased = 0;
  for await (const row of scanAll(store, IDEMPOTENCY_PREFIX, "", ERASE_PAGE)) {
    // Cheaper than to read each row as JSON. The response is JSON inside of the row's JSON.
    const isNamed = [`"${customer}"`, `"${customer}\\"`].some((text) => row.value.includes(text));
    if (!isNamed) continue;
    if (expiryOf(row) === undefined) {
      if ((await store.delete(row.key, row.version)) === "deleted") erased += 1;
    } else if (await eraseResponse(store, row.key, customer)) erased += 1;
  }
  return erased;
}

/** Whether the row held a response of this customer. */
async function eraseResponse(store: Store, key: string, customer: string): Promise<boolean> {
  const { before, outcome } = await updateRow(store, key, idempotencyRowSchema, (row) => {
    if (!row || customerOf(row) !== customer) return "keep";
    return { put: { ...row, ...ERASED } };
  });
  return outcome === "stored" && before?.answer !== undefined;
}

/** What an erasure changes: JSON leaves out what is undefined. */
const ERASED = {
  customer: undefined,
  answer: undefined,
  bodyHash: "",
  state: "unknown",
  erased: true,
};

const ERASE_PAGE = 1_000;

function customerOf({ customer, answer }: IdempotencyRow): unknown {
  return customer ?? (answer && Object(JSON.parse(answer.body)).custSpaceId);
}

/** Undefined for a row that only another version can read. */
function expiryOf(row: Row): number | undefined {
  try {
    return decodeRow(row.key, row, idempotencyRowSchema).expiresAt;
  } catch {
    return undefined;
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
