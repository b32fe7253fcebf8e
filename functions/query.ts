import { isAccountDown } from "../shared/changes/failure.ts";
import { toDigits } from "../shared/changes/same-line.ts";
import { normaliseRow } from "../shared/changes/values.ts";
import { loadQueryConfig, type QueryConfig } from "../shared/config.ts";
import { loadCustomer } from "../shared/customers/customer.ts";
import { confirmedUntil } from "../shared/customers/freshness.ts";
import { type HttpDeps, httpHandler } from "../shared/deps.ts";
import {
  ForbiddenError,
  InvalidRequestError,
  isAppError,
  NotWatchedError,
} from "../shared/errors.ts";
import { QUERY } from "../shared/functions.js";
import { assertScope } from "../shared/http/api-keys.ts";
import { askUpstream, runCheck } from "../shared/http/check.ts";
import { createHttpHandler, type KeyedCall, withApiKey } from "../shared/http/http-handler.ts";
import { type HttpResponse, jsonResponse } from "../shared/http/http-response.ts";
import type { HttpRequest } from "../shared/http/platform-event.ts";
import { describeError } from "../shared/log.ts";
import { createLiveShare } from "../shared/pacing/live-share.ts";
import { createRemembered } from "../shared/pacing/remembered.ts";
import { ACCOUNT, type CustomerRow, SELF } from "../shared/schemas/customer-row.ts";
import { toIssues } from "../shared/schemas/issues.ts";
import { queryRequestSchema, toCamelCase } from "../shared/schemas/query.ts";
import { formatSequence } from "../shared/schemas/sequence.ts";
import { LEASE_KEY, laneKey, laneRowSchema, leaseRowSchema } from "../shared/schemas/watch-rows.ts";
import type { NumbersUpstream, QueryReply } from "../shared/signing/upstream.ts";
import { readRow } from "../shared/store/rows.ts";

/** For all of a live query: its instance holds nobody up for longer. */
const LIVE_DEADLINE_MS = 5_000;
/** So long an answer of the upstream serves equal queries. */
const REMEMBER_MS = 1_000;

export type QueryDeps = Pick<
  HttpDeps,
  "now" | "monotonic" | "sleep" | "newId" | "log" | "openStore" | "apiKeys"
> & {
  readonly config: Pick<QueryConfig, "queryQps">;
  readonly upstreamFor: (context: unknown) => Pick<NumbersUpstream, "query">;
  /** False without STORE_URL: then `source=stored` alone fails. */
  readonly hasStore?: boolean;
};

type Filters = Parameters<NumbersUpstream["query"]>[0];

/** Answers a live query for an invocation. */
type AnswerLive = (filters: Filters, context: unknown) => Promise<HttpResponse>;

/** Lists a customer's numbers, as the upstream has them or as poll has stored them. */
export function createQuery(deps: QueryDeps) {
  const { apiKeys, log, now, newId } = deps;
  const answerLive = createAnswerLive(deps);
  const route = withApiKey(apiKeys, (request, call) => query(request, call, answerLive, deps));
  const methods = { [QUERY.method]: route };
  const check = (context: unknown) =>
    runCheck({
      store: deps.hasStore === false ? undefined : () => deps.openStore(context).then(() => ({})),
      upstream: () => askUpstream(deps.upstreamFor(context), deps.monotonic()),
    });
  return createHttpHandler({ paths: QUERY.paths, methods, check, log, now, newId });
}

async function query(
  http: HttpRequest,
  call: KeyedCall,
  answerLive: AnswerLive,
  deps: QueryDeps,
): Promise<HttpResponse> {
  const { source = "live", maxAgeSeconds, ...given } = readParameters(http);
  const custSpaceId = given.custSpaceId === SELF ? undefined : given.custSpaceId;
  const filters = { ...given, custSpaceId };
  const isFiltered = filters.isvCode !== undefined || filters.status !== undefined;
  call.note({ custSpaceId: custSpaceId ?? SELF, source });
  assertScope(call.key, custSpaceId);
  // An ISV code may reach other customers than the one beside it.
  if (filters.isvCode !== undefined && call.key.scope !== "*") throw new ForbiddenError();
  if (source === "live") {
    const mayBeStored = maxAgeSeconds !== undefined && !isFiltered;
    const stored = mayBeStored
      ? await findFresh(custSpaceId ?? SELF, Number(maxAgeSeconds), call, deps)
      : undefined;
    return stored ?? answerLive(filters, call.context);
  }
  if (isFiltered) {
    throw new InvalidRequestError([
      { path: "source", message: "stored cannot be filtered by isvCode or status" },
    ]);
  }
  const stored = await readStored(custSpaceId ?? SELF, call, deps);
  if (!stored) throw new NotWatchedError();
  return jsonResponse(200, stored.body);
}

function readParameters({ query }: HttpRequest) {
  const parsed = queryRequestSchema.safeParse({ ...query });
  if (!parsed.success) throw new InvalidRequestError(toIssues(parsed.error, query));
  const { source, maxAgeSeconds } = parsed.data;
  if (source !== undefined && maxAgeSeconds !== undefined) {
    throw new InvalidRequestError([
      { path: "maxAgeSeconds", message: "cannot be combined with source" },
    ]);
  }
  return parsed.data;
}

/** Live answers within the instance's share of the account's calls, one for equal queries. */
function createAnswerLive(deps: QueryDeps): AnswerLive {
  const limitQuery = createLiveShare(deps.config.queryQps, deps);
  const callOnce = createRemembered<HttpResponse>(REMEMBER_MS, deps.now);

  return (filters, context) => {
    const { custSpaceId, isvCode, status } = filters;
    return callOnce(JSON.stringify([custSpaceId, isvCode, status]), async () =>
      toLiveResponse(
        await deps.upstreamFor(context).query(filters, {
          deadlineAt: deps.monotonic() + LIVE_DEADLINE_MS,
          limiter: limitQuery(),
          failsOnThrottle: true,
        }),
      ),
    );
  };
}

function toLiveResponse({ items = [], requestId, malformed }: QueryReply): HttpResponse {
  return jsonResponse(200, {
    source: "live",
    phoneNumbers: toCamelCase(
      items.map((item) => ({ ...item, PhoneNumber: toDigits(item.PhoneNumber) })),
    ),
    requestId,
    malformedItems: malformed > 0 ? malformed : undefined,
  });
}

/** The stored answer if it is known to have been true so lately. A failing store costs none. */
async function findFresh(
  customer: string,
  maxAgeSeconds: number,
  call: KeyedCall,
  deps: QueryDeps,
): Promise<HttpResponse | undefined> {
  if (deps.hasStore === false) return undefined;
  try {
    const stored = await readStored(customer, call, deps);
    if (stored?.confirmedAt === undefined) return undefined;
    if (deps.now() - stored.confirmedAt > maxAgeSeconds * 1_000) return undefined;
    call.note({ source: "stored" });
    return jsonResponse(200, stored.body);
  } catch (error) {
    if (!isAppError(error)) throw error;
    call.log.warn("stored numbers unreadable", describeError(error));
    return undefined;
  }
}

/** What poll has stored of a customer, or undefined if it is not watched. */
async function readStored(customer: string, call: KeyedCall, deps: QueryDeps) {
  const store = await deps.openStore(call.context);
  // Read before the customer's row, which then holds all that their finished scans found.
  const [lease, laneRow] = await Promise.all([
    skipUnreadable(() => readRow(store, LEASE_KEY, leaseRowSchema), call),
    skipUnreadable(() => readRow(store, laneKey(customer), laneRowSchema), call),
  ]);
  const stored = (await loadCustomer(store, customer))?.value;
  if (!stored || stored.removedAt) return undefined;
  const row = normaliseRow(stored);
  const account = await skipUnreadable(() => loadCustomer(store, ACCOUNT), call);
  const failure = row.failure ?? accountFailure(account?.value);
  const confirmedAt = confirmedUntil({
    customer,
    row,
    laneRow: laneRow?.value,
    lease: failure ? undefined : lease?.value,
    now: deps.now(),
  });
  const body = {
    custSpaceId: customer,
    source: "stored",
    sequence: formatSequence(row.seq),
    phoneNumbers: listNumbers(row),
    observedAt: row.observedAt ?? null,
    confirmedAt: toTime(confirmedAt),
    staleSeconds: toAge(confirmedAt, deps.now()),
    lastFullSweepAt: toTime(lease?.value.sweep.full?.endedAt),
    failing: failure && { since: failure.since, code: failure.code },
    pendingEvents: row.pending.length,
  };
  return { body, confirmedAt };
}

function listNumbers({ numbers, unclear }: CustomerRow) {
  return Object.entries(numbers).map(([phoneNumber, number]) => ({
    ...number.fields,
    phoneNumber,
    addedAs: number.addedAs,
    listedAs: number.listedAs,
    observedAt: number.observedAt,
    absentSince: number.absent?.since,
    missingSince: number.missingSince,
    unclearSince: unclear?.[phoneNumber]?.since,
    health: number.health,
  }));
}

function accountFailure(account: CustomerRow | undefined) {
  return account?.failure && isAccountDown(account.failure) ? account.failure : undefined;
}

/** A row beside the customer's only adds freshness, so an unreadable one does not fail the query. */
async function skipUnreadable<T>(
  read: () => Promise<T>,
  { log }: KeyedCall,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!isAppError(error) || error.code !== "ERR_STORE_ROW") throw error;
    log.warn("row beside the customer's unreadable", describeError(error));
    return undefined;
  }
}

function toTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

function toAge(ms: number | undefined, now: number): number | null {
  return ms === undefined ? null : Math.max(0, Math.round((now - ms) / 1000));
}

/** What Function Compute calls as `query.handler`. Every event gets an HTTP response. */
export const handler = httpHandler(process.env, QUERY, loadQueryConfig, createQuery);
