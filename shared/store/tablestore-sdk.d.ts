/**
 * The part of the official SDK that is used. Its own package has no types, and those published
 * beside it declare no events.
 */
declare module "tablestore" {
  import type { Agent, IncomingMessage } from "node:http";

  namespace TableStore {
    type ClientOptions = {
      accessKeyId: string;
      accessKeySecret: string;
      securityToken: string | undefined;
      endpoint: string;
      instancename: string;
      maxRetries: number;
      /** Handed to `http.request` whole, but for maxSockets. */
      httpOptions: { agent: Agent; signal: AbortSignal; maxSockets: number };
    };

    /** Compared by identity. */
    const INF_MIN: object;
    const INF_MAX: object;
    const Direction: { readonly FORWARD: "FORWARD" };
    const RowExistenceExpectation: { readonly EXPECT_EXIST: 1; readonly EXPECT_NOT_EXIST: 2 };
    const ComparatorType: { readonly EQUAL: number };

    class Condition {
      constructor(existence: 1 | 2, columnCondition: SingleColumnCondition | null);
    }
    class SingleColumnCondition {
      constructor(name: string, value: string, comparator: number, passIfMissing: boolean);
    }

    type Row = {
      readonly primaryKey?: readonly { readonly name: string; readonly value: unknown }[];
      readonly attributes?: readonly {
        readonly columnName: string;
        readonly columnValue: unknown;
      }[];
    };

    type Response = {
      readonly httpResponse: {
        readonly statusCode: number | undefined;
        readonly body: Uint8Array | undefined;
        readonly stream: IncomingMessage;
      };
    };

    type Request = {
      on(
        event: "httpHeaders",
        listener: (status: number, headers: object, response: Response) => void,
      ): unknown;
    };

    class Client {
      constructor(options: ClientOptions);
      makeRequest(
        operation: string,
        params: object,
        callback: (this: Response, error: unknown, data: unknown) => void,
      ): Request;
    }
  }

  export = TableStore;
}
