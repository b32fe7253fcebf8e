import { type CallResult, type ConnectionOptions, createCall } from "./tablestore-call.ts";
import type { TablestoreFailure } from "./tablestore-failure.ts";

export type RequestOptions = ConnectionOptions & {
  /** 0 to 1. */
  readonly random: () => number;
  /** Ends early when the signal aborts. It never rejects. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** A signal that aborts after so many ms. Default `AbortSignal.timeout`. */
  readonly startDeadline?: (ms: number) => AbortSignal;
};

type Read = "getRow" | "getRange" | "describeTable";
type Write = "putRow" | "deleteRow" | "createTable";
type Kinds = ReadonlySet<TablestoreFailure["kind"]>;

const DEADLINE_MS = 5_000;
const TRIES = 4;
const FIRST_DELAY_MS = 100;

// A refused connection is not tried again, because a service that is down stays so for longer.
const READ_AGAIN: Kinds = new Set(["busy", "contended", "lost"]);
// The one refusal that certainly came before the write and that passes by itself.
const WRITE_AGAIN: Kinds = new Set(["contended"]);

/**
 * Requests with up to four tries within one deadline of 5 s. Each pause is twice the last one, half
 * of it random, as Alibaba Cloud recommends.
 */
export function createRequests(options: RequestOptions) {
  const call = createCall(options);
  const startDeadline = options.startDeadline ?? ((ms: number) => AbortSignal.timeout(ms));

  const request = async (
    operation: Read | Write,
    params: object,
    again: Kinds,
  ): Promise<CallResult> => {
    const deadline = startDeadline(DEADLINE_MS);
    for (let tries = 1; ; tries++) {
      const result = await call(operation, params, deadline);
      if (!("failure" in result) || tries === TRIES || !again.has(result.failure.kind)) {
        return result;
      }
      const longest = FIRST_DELAY_MS * 2 ** (tries - 1);
      await options.sleep((longest * (1 + options.random())) / 2, deadline);
      // The last reason says more than a timeout.
      if (deadline.aborted) return result;
    }
  };

  return {
    read: (operation: Read, params: object) => request(operation, params, READ_AGAIN),
    write: (operation: Write, params: object) => request(operation, params, WRITE_AGAIN),
  };
}
