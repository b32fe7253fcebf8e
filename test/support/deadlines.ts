import { ClientRequest } from "node:http";
import { vi } from "vitest";

export type DeadlineOptions = {
  /** Whether the nth deadline, counted from 0, passes. */
  readonly expires: (nth: number) => boolean;
  /** How many calls have reached the other side. A deadline passes after its own call has. */
  readonly reached: () => number;
  /** Moves the test's clock by the length of the deadline. */
  readonly advance: (ms: number) => void;
};

/**
 * Replaces `AbortSignal.timeout` and the upstream transport's timer. Deadlines of many seconds are
 * recorded, and pass at once. It ends with the test, because the suite restores its spies.
 *
 * @returns the deadlines in the order in which they were set, in ms
 */
export function takeOverDeadlines(options: DeadlineOptions): readonly number[] {
  const asked: number[] = [];
  const start = (ms: number, expire: () => void) => {
    const reachedBefore = options.reached();
    if (options.expires(asked.length)) {
      const watching = setInterval(() => {
        if (options.reached() === reachedBefore) return;
        clearInterval(watching);
        options.advance(ms);
        expire();
      }, 1);
    }
    asked.push(ms);
  };
  vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => {
    const controller = new AbortController();
    start(ms, () => controller.abort(new DOMException("the deadline passed", "TimeoutError")));
    return controller.signal;
  });
  const setTimer = globalThis.setTimeout;
  const replaced = (expire: (...args: unknown[]) => void, ms: number, ...args: unknown[]) => {
    // Only the transport hands its timer a request.
    if (!(args[0] instanceof ClientRequest)) return setTimer(expire, ms, ...args);
    start(ms, () => expire(...args));
    return undefined;
  };
  vi.spyOn(globalThis, "setTimeout").mockImplementation(replaced as typeof setTimeout);
  return asked;
}
