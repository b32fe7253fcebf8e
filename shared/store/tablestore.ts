import TableStore from "tablestore";
import { StoreRowError, StoreUnavailableError } from "../errors.ts";
import { endOfPrefix } from "./key-range.ts";
import { settleDelete, settlePut } from "./lost-write.ts";
import type { Row, Store, Versioned } from "./store.ts";
import type { TablestoreFailure } from "./tablestore-failure.ts";
import { createRequests, type RequestOptions } from "./tablestore-requests.ts";

export type TablestoreOptions = RequestOptions & {
  /** A token that was never used before. */
  readonly newVersion: () => string;
};

/** GetRange gives at most 5,000 rows or 4 MB a page. */
const PAGE_ROWS = 5_000;

/**
 * The store in one table of Tablestore, which must exist (`createTablestoreTable`): primary key
 * `k`, columns `v` and `ver`, written by conditional PutRow and DeleteRow. Nothing is sent before
 * the first call. A read takes at most 5 s, with up to four tries, and a scan that long for each
 * page. A write whose response was lost takes one more read.
 *
 * Every method throws StoreUnavailableError with an OTS code, a system error or `HTTP_<status>` as
 * its reason. What the SDK throws is dropped, as it holds the request's address.
 */
export function openTablestoreStore(options: TablestoreOptions): Store {
  const { newVersion } = options;
  const tableName = options.target.table;
  const { read, write } = createRequests(options);
  let isClosed = false;

  // Every operation fails, so that nobody takes a closed store for a changed row.
  const assertOpen = (operation: string) => {
    if (isClosed) throw new StoreUnavailableError(operation, "CLOSED");
  };

  const find = async (key: string): Promise<Versioned | undefined> => {
    const result = await read("getRow", { tableName, primaryKey: [{ k: key }] });
    if ("failure" in result) throw unavailable("get", result);
    const { row } = result.data as { row: TableStore.Row };
    // The SDK gives an object without properties if there is no row.
    return row.primaryKey ? versionedOf(key, row) : undefined;
  };

  return {
    async get(key) {
      assertOpen("get");
      return find(key);
    },

    async put(key, value, expected, token = newVersion()) {
      assertOpen("put");
      const params = {
        tableName,
        primaryKey: [{ k: key }],
        attributeColumns: [{ v: value }, { ver: token }],
        condition: conditionOf(expected),
      };
      const result = await write("putRow", params);
      if ("data" in result) return "stored";
      if (result.failure.kind === "condition") return "conflict";
      const lost = unavailable("put", result);
      if (NEVER_RAN.has(result.failure.kind)) throw lost;
      return settlePut(() => find(key), token, lost);
    },

    async delete(key, expected) {
      assertOpen("delete");
      const params = {
        tableName,
        primaryKey: [{ k: key }],
        condition: conditionOf(expected),
      };
      const result = await write("deleteRow", params);
      if ("data" in result) return "deleted";
      if (result.failure.kind === "condition") return "conflict";
      const lost = unavailable("delete", result);
      if (NEVER_RAN.has(result.failure.kind)) throw lost;
      return settleDelete(() => find(key), expected, lost);
    },

    async scan(prefix, after, limit) {
      assertOpen("scan");
      const end = prefix && endOfPrefix(prefix);
      const [, first = ""] = [prefix, after].sort();
      // The service calls an empty range an error.
      if (limit <= 0 || (end && first >= end)) return [];
      let start: unknown = first || TableStore.INF_MIN;
      const rows: Row[] = [];
      while (start !== undefined && rows.length < limit) {
        const result = await read("getRange", {
          tableName,
          direction: TableStore.Direction.FORWARD,
          inclusiveStartPrimaryKey: [{ k: start }],
          exclusiveEndPrimaryKey: [{ k: end || TableStore.INF_MAX }],
          // The start is part of the range, so `after` itself comes with it.
          limit: Math.min(PAGE_ROWS, limit - rows.length + (start === after ? 1 : 0)),
        });
        if ("failure" in result) throw unavailable("scan", result);
        const page = result.data as RangePage;
        for (const row of page.rows) {
          const key = String(row.primaryKey?.[0]?.value);
          if (key > after && rows.length < limit) rows.push({ key, ...versionedOf(key, row) });
        }
        start = page.nextStartPrimaryKey?.[0]?.value;
      }
      return rows;
    },

    async close() {
      isClosed = true;
    },
  };
}

/**
 * Makes the store's table unless it exists: one version a column, no expiry, and no reserved
 * throughput, which is billed even if unused. For up to a minute, calls to a new table fail with
 * codes such as OTSTableNotReady.
 *
 * @throws StoreUnavailableError if the table cannot be made. The reason is `OTHER_PRIMARY_KEY` or
 *   `ROWS_EXPIRE` if a table of that name exists that would not keep the rows.
 */
export async function createTablestoreTable(
  options: RequestOptions,
): Promise<"created" | "exists"> {
  const tableName = options.target.table;
  const { read, write } = createRequests(options);
  // It looks first, so that a role without the right to create tables can use one that exists.
  const found = await read("describeTable", { tableName });
  if ("data" in found) {
    const { tableMeta, tableOptions } = found.data as TableDescription;
    const [first, second] = tableMeta.primaryKey;
    const isOurs = first?.name === "k" && first.type === STRING && second === undefined;
    if (!isOurs) throw new StoreUnavailableError("create-table", "OTHER_PRIMARY_KEY");
    if (tableOptions.timeToLive !== -1) {
      throw new StoreUnavailableError("create-table", "ROWS_EXPIRE");
    }
    return "exists";
  }
  if (found.failure.reason !== "OTSObjectNotExist") throw unavailable("create-table", found);
  const params = {
    tableMeta: { tableName, primaryKey: [{ name: "k", type: "STRING" }] },
    reservedThroughput: { capacityUnit: { read: 0, write: 0 } },
    tableOptions: { timeToLive: -1, maxVersions: 1 },
  };
  const made = await write("createTable", params);
  if ("data" in made) return "created";
  if (made.failure.reason === "OTSObjectAlreadyExist") return "exists";
  throw unavailable("create-table", made);
}

type Failed = { readonly failure: TablestoreFailure };

const NEVER_RAN = new Set<TablestoreFailure["kind"]>(["unsent", "refused", "contended"]);

type RangePage = {
  readonly rows: readonly TableStore.Row[];
  readonly nextStartPrimaryKey: readonly { readonly value: unknown }[] | null;
};

type TableDescription = {
  readonly tableMeta: { readonly primaryKey: readonly { name: string; type: number }[] };
  readonly tableOptions: { readonly timeToLive: number };
};

/** PrimaryKeyType of tablestore.proto. */
const STRING = 2;

function conditionOf(expected: string): TableStore.Condition {
  const { EXPECT_EXIST, EXPECT_NOT_EXIST } = TableStore.RowExistenceExpectation;
  if (expected === "absent") return new TableStore.Condition(EXPECT_NOT_EXIST, null);
  const { EQUAL } = TableStore.ComparatorType;
  return new TableStore.Condition(
    EXPECT_EXIST,
    new TableStore.SingleColumnCondition("ver", expected, EQUAL, false),
  );
}

function versionedOf(key: string, row: TableStore.Row): Versioned {
  const columns = new Map(row.attributes?.map((cell) => [cell.columnName, cell.columnValue]));
  const [value, version] = [columns.get("v"), columns.get("ver")];
  if (typeof value !== "string" || typeof version !== "string") {
    throw new StoreRowError(key, "unreadable");
  }
  return { value, version };
}

function unavailable(operation: string, { failure }: Failed): StoreUnavailableError {
  return new StoreUnavailableError(operation, failure.reason);
}
