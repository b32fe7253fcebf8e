import type { RateLimiter } from "../pacing/rate-limiter.ts";
import type { ReadRequest } from "./read-source.ts";
import type { WarmState } from "./warm-state.ts";

/**
 * Reads a customer unless it was read lately enough, or is being read for another source. Waits if
 * it is due shortly. Resolves to whether the request is done.
 */
export function createReadIfDue(
  { lastReads }: Pick<WarmState, "lastReads">,
  limiter: Pick<RateLimiter, "wait">,
  read: (request: ReadRequest) => Promise<boolean>,
): (request: ReadRequest) => Promise<boolean> {
  const underWay = new Map<string, Promise<boolean>>();

  async function readOnceDue(request: ReadRequest): Promise<boolean> {
    const waitMs = request.dueIn(lastReads.get(request.customer));
    if (waitMs === "skip") return true;
    if (waitMs > 0 && !(await limiter.wait(waitMs))) return false;
    return read(request);
  }

  return async (request) => {
    const { customer } = request;
    for (let other = underWay.get(customer); other; other = underWay.get(customer)) {
      // Its failure is thrown where it was asked for.
      await other.catch(() => undefined);
    }
    const result = readOnceDue(request).finally(() => underWay.delete(customer));
    underWay.set(customer, result);
    return result;
  };
}
