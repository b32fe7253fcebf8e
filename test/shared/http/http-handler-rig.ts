import {
  createHttpHandler,
  type HttpHandlerOptions,
  type HttpRoute,
} from "../../../shared/http/http-handler.ts";
import { jsonResponse } from "../../../shared/http/http-response.ts";
import { createLog, type LogLevel } from "../../../shared/log.ts";
import { fcContext, fcHttpEvent } from "../../support/fc-events.ts";

const ROUTES: Record<string, HttpRoute> = {
  GET: async ({ query }) => jsonResponse(200, { name: "名", q: query.q }),
  POST: async () => jsonResponse(201, { added: true }),
};

/** A handler of two paths and two methods, with its log lines. Each request takes 7 ms. */
export function openHandler({
  level = "info",
  ...overrides
}: Partial<HttpHandlerOptions> & { readonly level?: LogLevel } = {}) {
  const lines: Record<string, unknown>[] = [];
  let now = 1_000;
  const handle = createHttpHandler({
    paths: ["/numbers", "/"],
    methods: ROUTES,
    log: createLog({
      level,
      now: () => 0,
      write: (line) => lines.push(JSON.parse(line)),
    }),
    now: () => {
      now += 7;
      return now;
    },
    newId: () => "made-id",
    ...overrides,
  });
  const context = fcContext({ requestId: "req-1" });
  return {
    lines,
    handle,
    /** The response to a Function Compute request. */
    ask: (method: string, path = "/numbers") => handle(fcHttpEvent({ method, path }), context),
  };
}
