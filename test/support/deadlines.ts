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
 * Takes the place of `AbortSignal.timeout`, so that deadlines of many seconds are seen as they are
 * set and pass without being waited for. Ends with the test, as the suite restores its spies.
 *
 * @returns the deadlines in the order in which they were set, in ms
 */
export function takeOverDeadlines(options: DeadlineOptions): readonly number[] {
  const asked: number[] = [];
  vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => {
    const controller = new AbortController();
    const reachedBefore = options.reached();
    if (options.expires(asked.length)) {
      const watching = setInterval(() => {
        if (options.reached() === reachedBefore) return;
        clearInterval(watching);
        options.advance(ms);
        controller.abort(new DOMException("the deadline passed", "TimeoutError"));
      }, 1);
    }
    asked.push(ms);
    return controller.signal;
  });
  return asked;
}
