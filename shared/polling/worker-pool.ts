import type { RateLimiter } from "../pacing/rate-limiter.ts";
import type { ReadRequest, ReadSource } from "./read-source.ts";

export type ReadAllOptions = {
  /** The most urgent first. */
  readonly sources: readonly ReadSource[];
  /** Customers that are read at once. */
  readonly workers: number;
  /** Resolves to whether the request is done. */
  readonly read: (request: ReadRequest) => Promise<boolean>;
  readonly limiter: Pick<RateLimiter, "stopped" | "stop" | "idle">;
};

/**
 * Reads what the sources hold, until none of them has anything to wait for. A free worker takes from
 * the first source that has something, so a customer that hangs keeps one worker and holds up nobody
 * else.
 *
 * @throws what a read throws, once all reads under way have ended
 */
export async function readAll(options: ReadAllOptions): Promise<void> {
  const { sources, workers, read, limiter } = options;
  let busy = 0;
  /** Ends the waits of the workers that found nothing. */
  let waking = new AbortController();
  const wakeIdle = () => {
    waking.abort();
    waking = new AbortController();
  };

  async function take(): Promise<ReadRequest | undefined> {
    for (const source of sources) {
      const request = await source.next();
      if (request) return request;
    }
    return undefined;
  }

  /** Waits for a source, or for another worker's read to end. Resolves to false at the end. */
  async function waitForMore(woken: AbortSignal): Promise<boolean> {
    const outlooks = sources.map((source) => source.outlook());
    if (busy === 0 && !outlooks.some(({ isAwaited }) => isAwaited)) return false;
    const ms = Math.min(...outlooks.map(({ inMs }) => inMs));
    await limiter.idle(Math.max(1, ms), woken);
    return true;
  }

  async function work(): Promise<void> {
    while (!limiter.stopped) {
      busy += 1;
      // What wakes up while this worker looks must not be missed.
      const woken = waking.signal;
      try {
        const request = await take();
        if (request && (await read(request))) request.finish();
        if (request) {
          wakeIdle();
          continue;
        }
      } finally {
        busy -= 1;
      }
      if (!woken.aborted && !(await waitForMore(woken))) return wakeIdle();
    }
  }

  const stopAll = (error: unknown) => {
    limiter.stop();
    throw error;
  };
  const ends = await Promise.allSettled(
    Array.from({ length: workers }, () => work().catch(stopAll).finally(wakeIdle)),
  );
  const failed = ends.find((end) => end.status === "rejected");
  if (failed) throw failed.reason;
}
