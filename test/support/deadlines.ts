import { ClientRequest } from "node:http";
import { vi } from "vitest";

export type DeadlineOptions = {
  /** Whether the nth deadline that is set, from 0, comes to pass. */
  readonly expires: (nth: number) => boolean;
  /** How many calls have reached the other side: a deadline passes once its own call has. */
  readonly reached: () => number;
  /** Moves the test's clock on by the time that the deadline would have taken. */
  readonly advance: (ms: number) => void;
};

/**
 * Takes the place of `AbortSignal.timeout` and of the upstream transport's timer, so that deadlines
 * of many seconds are seen as they are set and pass without being waited for. Ends with the test, as
 * the suite restores its spies.
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
