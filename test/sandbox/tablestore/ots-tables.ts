import { invalid, OtsError } from "./ots-error.ts";
import {
  contentOf,
  type PlainRow,
  readRow,
  type StoredRow,
  Type,
  type Variant,
} from "./plain-buffer.ts";

// Tablestore's page "Limits on the Wide Column model", and for a range its page "GetRange". That a
// page has one row at least, however large it is, is a guess.
const KEY_BYTES = 1024;
const COLUMN_BYTES = 2 * 1024 * 1024;
const ROW_BYTES = 4 * 1024 * 1024;
const PAGE_BYTES = 4 * 1024 * 1024;
const PAGE_ROWS = 5_000;

export type TableOptions = {
  readonly keyName: string;
  readonly timeToLive: number;
  readonly maxVersions: number;
};

/** What must hold of a row, absent or present, for a write to it. */
export type RowCheck = (row: StoredRow | undefined) => boolean;

type Page = { readonly rows: readonly StoredRow[]; readonly next: Variant | undefined };

export type Table = TableOptions & {
  find(key: Variant): StoredRow | undefined;
  /** @throws OtsError if the check fails or a limit is passed. Then nothing changed. */
  put(row: PlainRow, check: RowCheck): void;
  remove(key: Variant, check: RowCheck): void;
  /** From `start`, before `end`, at most `limit` rows (0: no limit), 5,000 rows or 4 MB. */
  range(start: Variant, end: Variant, limit: number): Page;
};

/**
 * A table with one text as its key. Rows are in the order of their keys (page "GetRange"). That
 * this is the order of the UTF-8 bytes is a guess, which the opt-in test on a real instance checks.
 */
export function createOtsTable(options: TableOptions, now: () => number): Table {
  const rows = new Map<string, StoredRow>();
  const keys: Variant[] = [];
  const nameOf = (key: Variant) => key.toString("latin1");

  const firstAtOrAfter = (key: Variant): number => {
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(keys[middle] ?? key, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  const assertCheck = (key: Variant, check: RowCheck) => {
    if (!check(rows.get(nameOf(key)))) {
      throw new OtsError(403, "OTSConditionCheckFail", "Condition check failed.");
    }
  };

  return {
    ...options,
    find: (key) => rows.get(nameOf(key)),

    put(row, check) {
      const key = keyOf(row, options.keyName);
      if (row.isDelete || key[0] !== Type.string) throw invalid("This is not a row to put.");
      assertLimits(key, row);
      assertCheck(key, check);
      if (!rows.has(nameOf(key))) keys.splice(firstAtOrAfter(key), 0, key);
      const { primaryKey, columns } = row;
      rows.set(nameOf(key), { primaryKey, columns, timestamp: now() });
    },

    remove(key, check) {
      assertCheck(key, check);
      if (rows.delete(nameOf(key))) keys.splice(firstAtOrAfter(key), 1);
    },

    range(start, end, limit) {
      // Page "GetRange": forward, the start must be smaller than the end.
      if (compareKeys(start, end) >= 0) {
        throw invalid("Begin key must less than end key in FORWARD.");
      }
      const most = Math.min(limit || PAGE_ROWS, PAGE_ROWS);
      const page: StoredRow[] = [];
      let bytes = 0;
      for (let index = firstAtOrAfter(start); index < keys.length; index++) {
        const key = keys[index];
        const row = key && rows.get(nameOf(key));
        if (!row || compareKeys(key, end) >= 0) break;
        bytes += sizeOf(row);
        if (page.length === most || (page.length > 0 && bytes > PAGE_BYTES)) {
          return { rows: page, next: key };
        }
        page.push(row);
      }
      return { rows: page, next: undefined };
    },
  };
}

/** The key of a row or of a range's border. */
function keyOf(row: PlainRow, keyName: string): Variant {
  const [cell, other] = row.primaryKey;
  const types: readonly number[] = [Type.string, Type.infMin, Type.infMax];
  if (!cell || other || cell.name !== keyName || !types.includes(cell.value[0] ?? -1)) {
    throw invalid("The primary key does not match the table's.");
  }
  return cell.value;
}

export const readKey = (bytes: Uint8Array, keyName: string): Variant =>
  keyOf(readRow(Buffer.from(bytes)), keyName);

function compareKeys(a: Variant, b: Variant): number {
  const rank = (key: Variant) => (key[0] === Type.infMin ? 0 : key[0] === Type.infMax ? 2 : 1);
  return rank(a) - rank(b) || Buffer.compare(contentOf(a), contentOf(b));
}

function sizeOf(row: Pick<StoredRow, "primaryKey" | "columns">): number {
  const cells = [...row.primaryKey, ...row.columns];
  return cells.reduce((sum, { name, value }) => sum + Buffer.byteLength(name) + value.length, 0);
}

function assertLimits(key: Variant, row: PlainRow): void {
  if (contentOf(key).length > KEY_BYTES) {
    throw invalid(`The length of primary key column exceeded the MaxLength: ${KEY_BYTES}.`);
  }
  const longest = row.columns.find(({ value }) => contentOf(value).length > COLUMN_BYTES);
  if (longest) {
    throw invalid(`The length of attribute column exceeded the MaxLength: ${COLUMN_BYTES}.`);
  }
  if (sizeOf(row) > ROW_BYTES) throw invalid(`The row exceeded the MaxLength: ${ROW_BYTES}.`);
}
