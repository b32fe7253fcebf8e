import { toDigits } from "../shared/changes/same-line.ts";
import { normaliseRow } from "../shared/changes/values.ts";
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
import { describeError, maskCustomer } from "../shared/log.ts";
import { ACCOUNT, type CustomerRow, SELF } from "../shared/schemas/customer-row.ts";
import { toIssues } from "../shared/schemas/issues.ts";
import { queryRequestSchema, toCamelCase } from "../shared/schemas/query.ts";
import { formatSequence } from "../shared/schemas/sequence.ts";
import { LEASE_KEY, laneKey, laneRowSchema, leaseRowSchema } from "../shared/schemas/watch-rows.ts";
import type { NumbersUpstream } from "../shared/signing/upstream.ts";
import { readRow } from "../shared/store/rows.ts";
import type { Store } from "../shared/store/store.ts";

/** For all tries together. The function's timeout is 30 s. */
const QUERY_DEADLINE_MS = 20_000;

export type QueryDeps = Pick<
  HttpDeps,
  "now" | "monotonic" | "newId" | "log" | "openStore" | "apiKeys"
> & {
  readonly upstreamFor: (context: unknown) => Pick<NumbersUpstream, "query">;
  /** False without STORE_URL: then `source=stored` alone fails. */
  readonly hasStore?: boolean;
};

/** Lists a customer's numbers, as the upstream has them or as poll has stored them. */
export function createQuery(deps: QueryDeps) {
  const { apiKeys, log, now, newId } = deps;
  const route = withApiKey(apiKeys, (request, call) => query(request, call, deps));
  const methods = { [QUERY.method]: route };
  const check = (context: unknown) =>
    runCheck({
      store: deps.hasStore === false ? undefined : () => deps.openStore(context).then(() => ({})),
      upstream: () => askUpstream(deps.upstreamFor(context), deps.monotonic()),
    });
  return createHttpHandler({ paths: QUERY.paths, methods, check, log, now, newId });
}

async function query(http: HttpRequest, call: KeyedCall, deps: QueryDeps): Promise<HttpResponse> {
  const { source = "live", ...filters } = readParameters(http);
  const custSpaceId = filters.custSpaceId === SELF ? undefined : filters.custSpaceId;
  call.note({ custSpaceId: maskCustomer(custSpaceId ?? SELF), source });
  assertScope(call.key, custSpaceId);
  // An ISV code may reach other customers than the one beside it.
  if (filters.isvCode !== undefined && call.key.scope !== "*") throw new ForbiddenError();
  if (source === "live") return answerLive({ ...filters, custSpaceId }, call, deps);
  if (filters.isvCode !== undefined || filters.status !== undefined) {
    throw new InvalidRequestError([
      { path: "source", message: "stored cannot be filtered by isvCode or status" },
    ]);
  }
  return answerStored(custSpaceId ?? SELF, call, deps);
}

function readParameters({ query }: HttpRequest) {
  const parsed = queryRequestSchema.safeParse({ ...query });
  if (!parsed.success) throw new InvalidRequestError(toIssues(parsed.error, query));
  return parsed.data;
}

async function answerLive(
  filters: Parameters<NumbersUpstream["query"]>[0],
  call: KeyedCall,
  deps: QueryDeps,
): Promise<HttpResponse> {
  const upstream = deps.upstreamFor(call.context);
  const deadlineAt = deps.monotonic() + QUERY_DEADLINE_MS;
  const { items = [], requestId, malformed } = await upstream.query(filters, { deadlineAt });
  return jsonResponse(200, {
    phoneNumbers: toCamelCase(
      items.map((item) => ({ ...item, PhoneNumber: toDigits(item.PhoneNumber) })),
    ),
    requestId,
    malformedItems: malformed > 0 ? malformed : undefined,
  });
}

async function answerStored(
  customer: string,
  call: KeyedCall,
  deps: QueryDeps,
): Promise<HttpResponse> {
  const store = await deps.openStore(call.context);
  // Read before the customer's row, which then holds all that their finished scans found.
  const [lease, laneRow] = await Promise.all([
    readRow(store, LEASE_KEY, leaseRowSchema),
    readLaneRow(store, customer, call),
  ]);
  const stored = (await loadCustomer(store, customer))?.value;
  if (!stored || stored.removedAt) throw new NotWatchedError();
  const row = normaliseRow(stored);
  const failure = row.failure ?? (await loadCustomer(store, ACCOUNT))?.value.failure;
  const confirmedAt = confirmedUntil({
    row,
    laneRow,
    lease: failure ? undefined : lease?.value,
    now: deps.now(),
  });
  return jsonResponse(200, {
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
  });
}

function listNumbers({ numbers }: CustomerRow) {
  return Object.entries(numbers).map(([phoneNumber, number]) => ({
    ...number.fields,
    phoneNumber,
    addedAs: number.addedAs,
    listedAs: number.listedAs,
    observedAt: number.observedAt,
    absentSince: number.absent?.since,
    missingSince: number.missingSince,
  }));
}

/** The lane only adds freshness, so an unreadable row of it does not fail the query. */
async function readLaneRow(store: Store, customer: string, call: KeyedCall) {
  try {
    return (await readRow(store, laneKey(customer), laneRowSchema))?.value;
  } catch (error) {
    if (!isAppError(error) || error.code !== "ERR_STORE_ROW") throw error;
    call.log.warn("priority lane row unreadable", describeError(error));
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
export const handler = httpHandler(process.env, QUERY, createQuery);
