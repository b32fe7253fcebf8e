import { getSystemErrorName } from "node:util";

/**
 * Why a call gave no answer, by what may be done next:
 * - `condition`: the row was not as expected; nothing changed.
 * - `contended`: another write to the row was under way; this one did not run.
 * - `busy`: the service throttles, moves a partition or is ill; a write may have run.
 * - `lost`: the connection or the answer broke; a write may have run.
 * - `timeout`: no answer by the deadline; a write may have run, or run later.
 * - `unsent`: no connection was made; nothing ran.
 * - `refused`: the service will not do it, now or later; nothing ran.
 */
export type TablestoreFailure = {
  readonly kind: "condition" | "contended" | "busy" | "lost" | "timeout" | "unsent" | "refused";
  /** An OTS code, a system error's name or `HTTP_<status>`; never a message. */
  readonly reason: string;
};

/** No answer within the deadline: the write may have been done. */
export const TIMED_OUT: TablestoreFailure = { kind: "timeout", reason: "ETIMEDOUT" };
/** The connection broke before the answer was whole: likewise. */
export const CUT_OFF: TablestoreFailure = { kind: "lost", reason: "ECONNRESET" };

// Those that the error list of Alibaba Cloud marks "retry: yes". Some come with 403 or 404.
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
 * Judges an answer that the SDK took for an error. The SDK's own error is of no help: its parser
 * lacks the XML class that it calls, so `code` is the HTTP status, and a failed condition and a
 * wrong signature are both 403.
 */
export function failureOfAnswer(status: number, body: Uint8Array | undefined): TablestoreFailure {
  // An answer of success that could not be decoded: the operation ran, its outcome is lost.
  if (status < 300) return { kind: "lost", reason: "UNREADABLE_ANSWER" };
  const code = otsCode(body ?? new Uint8Array());
  const reason = code ?? `HTTP_${status}`;
  if (code === "OTSConditionCheckFail") return { kind: "condition", reason };
  if (code === "OTSRowOperationConflict") return { kind: "contended", reason };
  if (status >= 500 || BUSY.has(reason)) return { kind: "busy", reason };
  return { kind: "refused", reason };
}

/**
 * Judges an error without an answer. The SDK overwrites a system error's `code` but leaves `errno`
 * and `syscall`; of Node's own "socket hang up" nothing but the text is left.
 */
export function failureOfError(error: unknown): TablestoreFailure {
  // It threw while it built the request.
  if (fieldsOf(error).code !== "NetworkingError") return { kind: "unsent", reason: "UNSENDABLE" };
  const { errors } = fieldsOf(error);
  // Several addresses were tried: any of the failures tells it.
  const { errno, syscall } = fieldsOf(Array.isArray(errors) ? errors[0] : error);
  const reason = typeof errno === "number" && errno < 0 ? getSystemErrorName(errno) : undefined;
  if (syscall === "connect" || syscall === "getaddrinfo") {
    // Node calls this one otherwise than the system does.
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
