import { isAppError } from "./errors.ts";

/** Values that may stand in a log line. Fields that name a number or a customer are masked. */
export type LogFields = Readonly<Record<string, unknown>>;

/** JSON lines: one object a line with `time`, `level`, `message` and the fields. */
export type Log = {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Who did what: written at every level, with `audit: true`. */
  audit(message: string, fields?: LogFields): void;
  /** A log that adds these fields to each of its lines. */
  with(fields: LogFields): Log;
};

/** From the most lines to the fewest. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogOptions = {
  readonly level: LogLevel;
  readonly now: () => number;
  readonly write: (line: string) => void;
};

/** In characters. A log service cuts longer lines anywhere, and others' text could fill the log. */
const MAX_LINE = 16_384;
const MAX_TEXT = 2_048;

/** Fields that hold a number, a customer, or a stored key with one. */
const NAMES_CUSTOMER = /^(custSpaceId|customer|phoneNumber|number|key)$/;

function safeText(name: string, value: unknown): unknown {
  if (typeof value !== "string") return value;
  const text = NAMES_CUSTOMER.test(name) ? value.split("/").map(maskCustomer).join("/") : value;
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

/** Writes the lines of this level and of those after it, each with the bound fields. */
export function createLog(options: LogOptions, bound: LogFields = {}): Log {
  const threshold = LOG_LEVELS.indexOf(options.level);
  const write = (level: LogLevel, message: string, fields?: LogFields) => {
    const time = new Date(options.now()).toISOString();
    const facts = { time, level, message, ...bound };
    const text = JSON.stringify({ ...facts, ...fields }, safeText);
    options.write(
      text.length <= MAX_LINE ? text : JSON.stringify({ ...facts, cut: text.length }, safeText),
    );
  };
  const line = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (LOG_LEVELS.indexOf(level) >= threshold) write(level, message, fields);
  };
  return {
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
    audit: (message, fields) => write("info", message, { ...fields, audit: true }),
    with: (fields) => createLog(options, { ...bound, ...fields }),
  };
}

/**
 * Keeps the last four digits: enough to recognise a number, not enough to call it. Of a number with
 * fewer than eight digits they would show too much, so nothing of it stays.
 */
export function maskNumber(phoneNumber: string): string {
  const kept = phoneNumber.length < 8 ? 0 : 4;
  const masked = phoneNumber.length - kept;
  return "*".repeat(masked) + phoneNumber.slice(masked);
}

/**
 * A CustSpaceId as a log line may hold it. An id without letters may be a phone number that a caller
 * sent by mistake, so only its last four digits stay. With the request id they find the customer.
 */
export function maskCustomer(custSpaceId: string): string {
  const digits = custSpaceId.replaceAll(/[_ +().-]/g, "");
  return /^\d{7,}$/.test(digits) ? maskNumber(custSpaceId) : custSpaceId;
}

/**
 * What a log line may say of an error. Of ours: the code, the fixed sentence and the fields. Of a
 * foreign one only its class and where it was thrown, because its message may hold anything.
 */
export function describeError(error: unknown): LogFields {
  if (isAppError(error)) return { ...error, code: error.code, error: error.message };
  if (!(error instanceof Error)) return { code: "ERR_INTERNAL", error: typeof error };
  // The stack begins with the message, which may hold lines that look like frames.
  const stack = error.stack ?? "";
  const from = stack.indexOf(error.message);
  const trace = from < 0 ? "" : stack.slice(from + error.message.length);
  const frames = trace.split("\n").filter((text) => /^\s+at /.test(text));
  return { code: "ERR_INTERNAL", error: error.name, at: frames.slice(0, 6).map((f) => f.trim()) };
}
