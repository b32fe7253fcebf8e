import { getSystemErrorName } from "node:util";

/**
 * Why a call failed, by what may be done next:
 * - `condition`: the row was not as expected. Nothing changed.
 * - `contended`: another write to the row was under way. This one did not run.
 * - `busy`: the service throttles, moves a partition or has failed. A write may have run.
 * - `lost`: the connection or the response broke. A write may have run.
 * - `timeout`: no response by the deadline. A write may have run, or may run later.
 * - `unsent`: no connection was made. Nothing ran.
 * - `refused`: the service will not do it, now or later. Nothing ran.
 */
export type TablestoreFailure = {
  readonly kind: "condition" | "contended" | "busy" | "lost" | "timeout" | "unsent" | "refused";
  /** An OTS code, a system error's name or `HTTP_<status>`, and never a message. */
  readonly reason: string;
};

/** No response within the deadline. */
export const TIMED_OUT: TablestoreFailure = { kind: "timeout", reason: "ETIMEDOUT" };
/** The connection broke before the response was whole. */
export const CUT_OFF: TablestoreFailure = { kind: "lost", reason: "ECONNRESET" };

// The codes that the error list of Alibaba Cloud marks "retry: yes". Some come with 403 or 404.
const BUSY = new Set([
  "OTSServerBusy",
  "OTSNotEnoughCapacityUnit",
  "OTSCapacityUnitExhausted",
  "OTSPartitionUnavailable",
  "OTSTableNotReady",
  "OTSOperationThrottled",
  "OTSServerUnavailable",
  "OTSTimeout",
  "OTSInternalServerError",
]);

/**
 * Judges a response that the SDK took for an error. The SDK's own error is no help: its parser
 * lacks the XML class that it calls, so `code` is the HTTP status, which is 403 for a failed
 * condition and for a wrong signature alike.
 */
export function failureOfAnswer(status: number, body: Uint8Array | undefined): TablestoreFailure {
  // A success that could not be decoded. The operation ran, and its outcome is lost.
  if (status < 300) return { kind: "lost", reason: "UNREADABLE_ANSWER" };
  const code = otsCode(body ?? new Uint8Array());
  const reason = code ?? `HTTP_${status}`;
  if (code === "OTSConditionCheckFail") return { kind: "condition", reason };
  if (code === "OTSRowOperationConflict") return { kind: "contended", reason };
  if (status >= 500 || BUSY.has(reason)) return { kind: "busy", reason };
  return { kind: "refused", reason };
}

/**
 * Judges an error without a response. The SDK overwrites a system error's `code` but leaves `errno`
 * and `syscall`. Of Node's own "socket hang up" only the text is left.
 */
export function failureOfError(error: unknown): TablestoreFailure {
  // The SDK threw while it built the request.
  if (fieldsOf(error).code !== "NetworkingError") return { kind: "unsent", reason: "UNSENDABLE" };
  const { errors } = fieldsOf(error);
  // If several addresses were tried, any of the failures will do.
  const { errno, syscall } = fieldsOf(Array.isArray(errors) ? errors[0] : error);
  const reason = typeof errno === "number" && errno < 0 ? getSystemErrorName(errno) : undefined;
  if (syscall === "connect" || syscall === "getaddrinfo") {
    // Node has another name for this one than the system.
    if (reason === "EAI_NONAME") return { kind: "unsent", reason: "ENOTFOUND" };
    return { kind: "unsent", reason: reason ?? "ECONNREFUSED" };
  }
  return { kind: "lost", reason: reason ?? "ECONNRESET" };
}

type Fields = { code?: unknown; errno?: unknown; syscall?: unknown; errors?: unknown };

const fieldsOf = (error: unknown): Fields =>
  typeof error === "object" && error !== null ? error : {};

// The body is the protobuf message Error of tablestore.proto: field 1, a text, is the code.
function otsCode(body: Uint8Array): string | undefined {
  if (body[0] !== 0x0a) return undefined;
  const code = Buffer.from(body.subarray(2, 2 + (body[1] ?? 0))).toString("latin1");
  return /^OTS[A-Za-z]{1,60}$/.test(code) ? code : undefined;
}
