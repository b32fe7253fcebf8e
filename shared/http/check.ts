import { isAppError } from "../errors.ts";
import { describeError } from "../log.ts";
import type { NumbersUpstream } from "../signing/upstream.ts";
import type { PlatformEvent } from "./platform-event.ts";

/** Its own facts, or the code and sentence of what went wrong. Safe to show, as a log line is. */
export type CheckedPart = { readonly ok: boolean } & Readonly<Record<string, unknown>>;

export type CheckAnswer = {
  readonly command: "check";
  readonly ok: boolean;
} & Readonly<Record<"settings" | "store" | "upstream", CheckedPart | undefined>>;

type Parts = Partial<Record<"store" | "upstream", () => Promise<object>>>;

const DEADLINE_MS = 20_000;

/**
 * Whether an event is `{"command":"check"}`, with which a deployment asks a function whether it
 * works. Only a direct invocation can be one: it needs a permission of RAM, and HTTP cannot send it.
 */
export function isCheck(event: PlatformEvent): boolean {
  return event.kind === "payload" && Object(event.payload).command === "check";
}

/** Tries every part, so that one answer lists all that is wrong. Never rejects. */
export async function runCheck(parts: Parts): Promise<CheckAnswer> {
  const [store, upstream] = await Promise.all([tryPart(parts.store), tryPart(parts.upstream)]);
  const ok = store?.ok !== false && upstream?.ok !== false;
  return { command: "check", ok, settings: { ok: true }, store, upstream };
}

/** The answer of a function that cannot start. */
export function failedCheck(error: unknown): CheckAnswer {
  const settings = { ok: false, ...describeError(error) };
  return { command: "check", ok: false, settings, store: undefined, upstream: undefined };
}

/**
 * Asks for the account's own numbers. A refusal of this one customer, or for too many calls, is an
 * answer: it comes after credentials and permission were accepted.
 *
 * @throws the upstream's failure, also if the account has not activated Chat App
 */
export async function askUpstream(
  upstream: Pick<NumbersUpstream, "query">,
  now: number,
): Promise<object> {
  try {
    const { requestId } = await upstream.query({}, { deadlineAt: now + DEADLINE_MS });
    return { requestId };
  } catch (error) {
    if (!isAppError(error)) throw error;
    if (error.code !== "ERR_UPSTREAM_REJECTED" && error.code !== "ERR_UPSTREAM_THROTTLED") {
      throw error;
    }
    const { upstreamCode } = error.facts;
    if (upstreamCode === "Product.Unsubscript") throw error;
    return { upstreamCode };
  }
}

async function tryPart(part: (() => Promise<object>) | undefined) {
  if (!part) return undefined;
  try {
    return { ok: true, ...(await part()) };
  } catch (error) {
    return { ok: false, ...describeError(error) };
  }
}
