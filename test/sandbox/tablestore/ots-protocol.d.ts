/** The SDK's compiled protobuf definitions, as far as the stand-in speaks them. */
declare module "tablestore/lib/protocol/tablestore_compiled_proto.js" {
  type Message<T> = {
    encode(message: T): { finish(): Uint8Array };
    /** Throws when a required field is missing. */
    decode(bytes: Uint8Array): T;
  };

  type CapacityUnit = { capacityUnit: { read: number; write: number } };
  type Consumed = { consumed: CapacityUnit };
  type Condition = { rowExistence: number; columnCondition: Uint8Array };
  type TableMeta = {
    tableName: string;
    primaryKey: { name: string; type: number }[];
  };
  type TableOptions = { timeToLive: number; maxVersions: number };

  export const main: {
    proto: {
      Error: Message<{ code: string; message: string }>;
      CreateTableRequest: Message<{
        tableMeta: TableMeta;
        reservedThroughput: CapacityUnit;
        tableOptions: TableOptions | null;
      }>;
      CreateTableResponse: Message<object>;
      DescribeTableRequest: Message<{ tableName: string }>;
      DescribeTableResponse: Message<{
        tableMeta: TableMeta;
        reservedThroughputDetails: CapacityUnit & { lastIncreaseTime: number };
        tableOptions: TableOptions;
        tableStatus: number;
      }>;
      DeleteTableRequest: Message<{ tableName: string }>;
      DeleteTableResponse: Message<object>;
      ListTableRequest: Message<object>;
      ListTableResponse: Message<{ tableNames: string[] }>;
      GetRowRequest: Message<{ tableName: string; primaryKey: Uint8Array }>;
      GetRowResponse: Message<Consumed & { row: Uint8Array }>;
      PutRowRequest: Message<{ tableName: string; row: Uint8Array; condition: Condition }>;
      PutRowResponse: Message<Consumed>;
      DeleteRowRequest: Message<{
        tableName: string;
        primaryKey: Uint8Array;
        condition: Condition;
      }>;
      DeleteRowResponse: Message<Consumed>;
      GetRangeRequest: Message<{
        tableName: string;
        direction: number;
        limit: number;
        inclusiveStartPrimaryKey: Uint8Array;
        exclusiveEndPrimaryKey: Uint8Array;
      }>;
      GetRangeResponse: Message<
        Consumed & { rows: Uint8Array; nextStartPrimaryKey: Uint8Array | null }
      >;
    };
  };
  export const filter: {
    proto: {
      Filter: Message<{ type: number; filter: Uint8Array }>;
      SingleColumnValueFilter: Message<{
        comparator: number;
        columnName: string;
        columnValue: Uint8Array;
        filterIfMissing: boolean;
      }>;
    };
  };
}
