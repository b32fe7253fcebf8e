import protocol from "tablestore/lib/protocol/tablestore_compiled_proto.js";
import { invalid, OtsError } from "./ots-error.ts";
import { createOtsTable, type RowCheck, readKey, type Table } from "./ots-tables.ts";
import { contentOf, readRow, readVariant, Type, writeRows } from "./plain-buffer.ts";

const { main, filter } = protocol;
const p = main.proto;
const READ = { consumed: { capacityUnit: { read: 1, write: 0 } } };
const WRITE = { consumed: { capacityUnit: { read: 0, write: 1 } } };
const ACTIVE = 1;
const KEY_TYPE_STRING = 2;
const SINGLE_COLUMN = 1;
const FORWARD = 0;

/** By number, as `ComparatorType` of tablestore_filter.proto. The argument is stored <=> given. */
const COMPARATORS: readonly (((order: number) => boolean) | undefined)[] = [
  undefined,
  (order) => order === 0,
  (order) => order !== 0,
  (order) => order > 0,
  (order) => order >= 0,
  (order) => order < 0,
  (order) => order <= 0,
];

export type Operation = (body: Uint8Array) => Uint8Array;

/**
 * The operations of one instance, by the names in their paths. It holds the instance's tables.
 * Requests and responses are the messages of the SDK's tablestore.proto. What the stand-in does not
 * know is refused, so that no test rests on it.
 */
export function createOperations(now: () => number): Readonly<Record<string, Operation>> {
  const tables = new Map<string, Table>();
  const tableOf = (name: string): Table => {
    const table = tables.get(name);
    if (!table) throw new OtsError(404, "OTSObjectNotExist", "Requested table does not exist.");
    return table;
  };

  return {
    CreateTable(body) {
      const { tableMeta, tableOptions } = p.CreateTableRequest.decode(body);
      const { tableName, primaryKey } = tableMeta;
      const [key, other] = primaryKey;
      if (!/^[A-Za-z_][A-Za-z0-9_]{0,254}$/.test(tableName)) throw invalid("Invalid table name.");
      if (!key || other || key.type !== KEY_TYPE_STRING) {
        throw invalid("The stand-in knows tables with one STRING as their key.");
      }
      if (!tableOptions?.maxVersions || !tableOptions.timeToLive) throw invalid("No options.");
      if (tables.has(tableName)) {
        throw new OtsError(409, "OTSObjectAlreadyExist", "Requested table already exists.");
      }
      const { timeToLive, maxVersions } = tableOptions;
      tables.set(tableName, createOtsTable({ keyName: key.name, timeToLive, maxVersions }, now));
      return p.CreateTableResponse.encode({}).finish();
    },

    DescribeTable(body) {
      const { tableName } = p.DescribeTableRequest.decode(body);
      const { keyName, timeToLive, maxVersions } = tableOf(tableName);
      const primaryKey = [{ name: keyName, type: KEY_TYPE_STRING }];
      return p.DescribeTableResponse.encode({
        tableMeta: { tableName, primaryKey },
        reservedThroughputDetails: { capacityUnit: { read: 0, write: 0 }, lastIncreaseTime: 0 },
        tableOptions: { timeToLive, maxVersions },
        tableStatus: ACTIVE,
      }).finish();
    },

    DeleteTable(body) {
      const { tableName } = p.DeleteTableRequest.decode(body);
      tableOf(tableName);
      tables.delete(tableName);
      return p.DeleteTableResponse.encode({}).finish();
    },

    ListTable() {
      return p.ListTableResponse.encode({ tableNames: [...tables.keys()].sort() }).finish();
    },

    GetRow(body) {
      const { tableName, primaryKey } = p.GetRowRequest.decode(body);
      const table = tableOf(tableName);
      const row = table.find(readKey(primaryKey, table.keyName));
      return p.GetRowResponse.encode({ ...READ, row: writeRows(row ? [row] : []) }).finish();
    },

    PutRow(body) {
      const { tableName, row, condition } = p.PutRowRequest.decode(body);
      tableOf(tableName).put(readRow(Buffer.from(row)), toCheck(condition));
      return p.PutRowResponse.encode(WRITE).finish();
    },

    DeleteRow(body) {
      const { tableName, primaryKey, condition } = p.DeleteRowRequest.decode(body);
      const table = tableOf(tableName);
      table.remove(readKey(primaryKey, table.keyName), toCheck(condition));
      return p.DeleteRowResponse.encode(WRITE).finish();
    },

    GetRange(body) {
      const request = p.GetRangeRequest.decode(body);
      const { keyName, range } = tableOf(request.tableName);
      if (request.direction !== FORWARD) throw invalid("The stand-in reads forward only.");
      const start = readKey(request.inclusiveStartPrimaryKey, keyName);
      const end = readKey(request.exclusiveEndPrimaryKey, keyName);
      const { rows, next } = range(start, end, request.limit);
      const primaryKey = next && [{ name: keyName, value: next }];
      return p.GetRangeResponse.encode({
        ...READ,
        rows: writeRows(rows),
        nextStartPrimaryKey: primaryKey
          ? writeRows([{ primaryKey, columns: [], timestamp: 0 }])
          : null,
      }).finish();
    },
  };
}

function toCheck(condition: { rowExistence: number; columnCondition: Uint8Array }): RowCheck {
  const { rowExistence, columnCondition } = condition;
  const meetsColumn = columnCondition.length > 0 ? toColumnCheck(columnCondition) : () => true;
  // RowExistenceExpectation of tablestore.proto: 0 ignore, 1 expect the row, 2 expect none.
  return (row) => {
    if (rowExistence === 1 && !row) return false;
    if (rowExistence === 2 && row) return false;
    return meetsColumn(row);
  };
}

function toColumnCheck(bytes: Uint8Array): RowCheck {
  const { type, filter: inner } = filter.proto.Filter.decode(bytes);
  if (type !== SINGLE_COLUMN) throw invalid("The stand-in knows conditions on one column only.");
  const single = filter.proto.SingleColumnValueFilter.decode(inner);
  const wanted = readVariant(Buffer.from(single.columnValue));
  const holds = COMPARATORS[single.comparator];
  if (!holds || wanted[0] !== Type.string) throw invalid("The stand-in compares texts only.");
  return (row) => {
    const value = row?.columns.find(({ name }) => name === single.columnName)?.value;
    if (!value) return !single.filterIfMissing;
    return value[0] === wanted[0] && holds(Buffer.compare(contentOf(value), contentOf(wanted)));
  };
}
