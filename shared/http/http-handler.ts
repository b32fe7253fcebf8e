import {
  InvalidRequestError,
  isAppError,
  MethodNotAllowedError,
  NotFoundError,
} from "../errors.ts";
import { describeError, type Log, type LogFields } from "../log.ts";
import { type ApiKey, authenticate } from "./api-keys.ts";
import { isCheck } from "./check.ts";
import {
  type HttpResponse,
  type PlatformResponse,
  RESPONSE_HEADERS,
  toPlatformResponse,
} from "./http-response.ts";
import {
  type HttpRequest,
  type PlatformEvent,
  parsePlatformEvent,
  platformRequestId,
} from "./platform-event.ts";
import { toProblem } from "./problem.ts";

/** What a route knows of its invocation besides the request. */
export type HttpCall = {
  readonly requestId: string;
  /** Adds the request id to each line. */
  readonly log: Log;
  /** The platform's context, unread: only the signing module reads its credentials. */
  readonly context: unknown;
  /** Adds fields to the one line that is logged for this request. */
  note(fields: LogFields): void;
};

/** A call of a caller whose API key is known. */
export type KeyedCall = HttpCall & { readonly key: ApiKey };

export type HttpRoute = (request: HttpRequest, call: HttpCall) => Promise<HttpResponse>;

/** `Check` is what a direct invocation with `{"command":"check"}` returns. */
export type HttpHandlerOptions<Check = never> = {
  /** Without a trailing slash, which a request may have. A last segment of `*` is any rest. */
  readonly paths: readonly string[];
  /** By method, upper case. HEAD and OPTIONS need no route of their own. */
  readonly methods: Readonly<Record<string, HttpRoute>>;
  readonly check?: (context: unknown) => Promise<Check>;
  /** Whether each call by a known key is written at every log level, as refused ones are. */
  readonly isAudited?: boolean;
  readonly log: Log;
  /** Milliseconds. */
  readonly now: () => number;
  readonly newId: () => string;
};

/** Every registered method is of this form (RFC 9110 section 16.1.1), and no phone number is. */
const METHOD = /^[A-Z]{1,16}$/;
const UNKNOWN = "unknown";

/**
 * A Function Compute handler that never rejects. An error of a route becomes a problem, and an event
 * that is neither HTTP nor a check a 400. It logs one line a request, and one more for a 5xx. Neither
 * holds bodies, headers or query values. A 401 or 403 is logged at every level, with the address.
 */
export function createHttpHandler<Check = never>(
  options: HttpHandlerOptions<Check>,
): (event: unknown, context: unknown) => Promise<PlatformResponse | Check> {
  const allow = allowedMethods(...Object.keys(options.methods));

  return async function handleHttp(event, context) {
    const startedAt = options.now();
    const requestId = platformRequestId(context) ?? options.newId();
    const log = options.log.with({ requestId });
    const parsed = parsePlatformEvent(event);
    if (options.check && isCheck(parsed)) return options.check(context);
    const path = parsed.kind === "http" ? matchPath(options.paths, parsed.request.path) : undefined;
    let notes: LogFields = {};
    const note = (fields: LogFields) => {
      notes = { ...notes, ...fields };
    };

    const call = { requestId, log, context, note };
    const { response, code } = await respond(call, () => {
      const { run, request } = selectRoute(options.methods, allow, parsed, path);
      return run(request, call);
    });
    const durationMs = options.now() - startedAt;
    const { status } = response;
    const isAudited =
      status === 401 || status === 403 || (options.isAudited && notes.apiKey !== undefined);
    const from = isAudited && parsed.kind === "http" ? parsed.request.address : undefined;
    const facts = { status, code, durationMs, from };
    const write = isAudited ? log.audit : log.info;
    write("request", { ...notes, ...describeRequest(parsed, path), ...facts });
    // RFC 9110 section 9.3.2: the response to HEAD has no content, whatever its status.
    const isHead = parsed.kind === "http" && parsed.request.method === "HEAD";
    return toPlatformResponse(isHead ? { ...response, body: "" } : response);
  };
}

/** The response of a route, or the problem of its error with the code. */
async function respond(
  { requestId, log }: HttpCall,
  run: () => Promise<HttpResponse>,
): Promise<{ readonly response: HttpResponse; readonly code?: string }> {
  try {
    const { status, headers, body } = await run();
    return { response: { status, headers: { ...headers, "x-request-id": requestId }, body } };
  } catch (error) {
    const response = toProblem(error, requestId);
    if (response.status >= 500) log.error("request failed", describeError(error));
    return { response, code: isAppError(error) ? error.code : "ERR_INTERNAL" };
  }
}

/** Runs the route for a known key only, and names the key in the request's log line. */
export function withApiKey(
  keys: readonly ApiKey[],
  route: (request: HttpRequest, call: KeyedCall) => Promise<HttpResponse>,
): HttpRoute {
  return async function authenticated(request, call) {
    const key = authenticate(request.headers, keys);
    call.note({ apiKey: key.name });
    return route(request, { ...call, key });
  };
}

function selectRoute(
  methods: Readonly<Record<string, HttpRoute>>,
  allow: readonly string[],
  event: PlatformEvent,
  path: string | undefined,
): { readonly run: HttpRoute; readonly request: HttpRequest } {
  if (event.kind !== "http") {
    throw new InvalidRequestError([{ path: "", message: "this function takes HTTP events only" }]);
  }
  if (path === undefined) throw new NotFoundError();
  const { request } = event;
  const own = ownRoute(methods, request.method);
  if (own !== undefined) return { run: own, request };
  if (request.method === "OPTIONS") return { run: async () => respondToOptions(allow), request };
  const get = request.method === "HEAD" ? ownRoute(methods, "GET") : undefined;
  if (get === undefined) throw new MethodNotAllowedError(allow);
  return { run: get, request };
}

function ownRoute(methods: Readonly<Record<string, HttpRoute>>, name: string) {
  return Object.hasOwn(methods, name) ? methods[name] : undefined;
}

function respondToOptions(allow: readonly string[]): HttpResponse {
  return { status: 204, headers: { ...RESPONSE_HEADERS, allow: allow.join(", ") }, body: "" };
}

/** What a path allows that has these methods. HEAD and OPTIONS need no route of their own. */
export function allowedMethods(...methods: readonly string[]): readonly string[] {
  return [...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"];
}

function matchPath(paths: readonly string[], path: string): string | undefined {
  const bare = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
  return paths.find((known) =>
    known.endsWith("/*") ? bare.startsWith(known.slice(0, -1)) : known === bare,
  );
}

// An unknown path or method is the caller's text. It may hold a phone number in any spelling, and no
// mask would surely find it.
function describeRequest(event: PlatformEvent, path: string | undefined): LogFields {
  if (event.kind !== "http") return { event: event.kind };
  const { method } = event.request;
  return { method: METHOD.test(method) ? method : UNKNOWN, path: path ?? UNKNOWN };
}
