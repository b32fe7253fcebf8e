import { createLog, describeError } from "../log.ts";
import { failedCheck, isCheck } from "./check.ts";
import { toPlatformResponse } from "./http-response.ts";
import { parsePlatformEvent } from "./platform-event.ts";
import { toProblem } from "./problem.ts";

type Handler = (event: unknown, context: unknown) => Promise<unknown>;

/**
 * Builds a handler at its first invocation, so that loading the file has no effect, and keeps it
 * while the instance is warm. A build that fails is answered and tried again at the next one.
 */
export function lazyHttpHandler(build: () => Handler, deps: LazyDeps): Handler {
  let handler: Handler | undefined;
  return async (event, context) => {
    try {
      handler ??= build();
    } catch (error) {
      createLog({ level: "error", ...deps }).error("function cannot start", describeError(error));
      if (isCheck(parsePlatformEvent(event))) return failedCheck(error);
      const requestId = (context as { requestId?: unknown } | undefined)?.requestId;
      return toPlatformResponse(toProblem(error, typeof requestId === "string" ? requestId : ""));
    }
    return handler(event, context);
  };
}

export type LazyDeps = { readonly now: () => number; readonly write: (line: string) => void };
