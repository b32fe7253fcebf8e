import { loadHttpConfig } from "../shared/common-config.ts";
import { createCommonDeps } from "../shared/common-deps.ts";
import type { Deps } from "../shared/deps.ts";
import { ForbiddenError, InvalidRequestError, NotWatchedError } from "../shared/errors.ts";
import { type ApiKey, assertScope } from "../shared/http/api-keys.ts";
import { createHttpHandler, type HttpCall, withApiKey } from "../shared/http/http-handler.ts";
import { type HttpResponse, jsonResponse } from "../shared/http/http-response.ts";
import { lazyHttpHandler } from "../shared/http/lazy-handler.ts";
import type { HttpRequest } from "../shared/http/platform-event.ts";
import { maskCustomer } from "../shared/log.ts";
import { readCustomer } from "../shared/outbox/pending.ts";
import { ACCOUNT, type CustomerRow, SELF } from "../shared/schemas/customer-row.ts";
import { toIssues } from "../shared/schemas/issues.ts";
import { queryRequestSchema, toCamelCase } from "../shared/schemas/query.ts";
import { formatSequence } from "../shared/schemas/sequence.ts";
import { LEASE_KEY, type LeaseRow, leaseRowSchema } from "../shared/schemas/watch-rows.ts";
import type { NumbersUpstream } from "../shared/signing/upstream.ts";
import { readRow } from "../shared/store/rows.ts";

/** All tries together; the function's timeout is 30 s. */
const QUERY_DEADLINE_MS = 20_000;

export type QueryDeps = Pick<Deps, "now" | "monotonic" | "newId" | "log" | "openStore"> & {
  readonly upstreamFor: (context: unknown) => Pick<NumbersUpstream, "query">;
  readonly apiKeys: readonly ApiKey[];
};

/** `GET /`: a customer's numbers, from the upstream or from what poll has stored. */
export function createQuery(deps: QueryDeps) {
  return createHttpHandler({
    paths: ["/", "/query", "/numbers"],
    methods: { GET: withApiKey(deps.apiKeys, (request, call) => query(request, call, deps)) },
    log: deps.log,
    now: deps.now,
    newId: deps.newId,
  });
}

async function query(
  http: HttpRequest,
  call: HttpCall & { readonly key: ApiKey },
  deps: QueryDeps,
): Promise<HttpResponse> {
  const parsed = queryRequestSchema.safeParse({ ...http.query });
  if (!parsed.success) throw new InvalidRequestError(toIssues(parsed.error, http.query));
  const { source, ...filters } = parsed.data;
  const custSpaceId = filters.custSpaceId === SELF ? undefined : filters.custSpaceId;
  call.note({ custSpaceId: maskCustomer(custSpaceId ?? SELF), source: source ?? "live" });
  assertScope(call.key, custSpaceId);
  // An ISV code may reach other customers than the one it stands beside.
  if (filters.isvCode !== undefined && call.key.scope !== "*") throw new ForbiddenError();

  if (source === "stored") {
    if (filters.isvCode !== undefined || filters.status !== undefined) {
      throw new InvalidRequestError([
        { path: "source", message: "stored cannot be filtered by isvCode or status" },
      ]);
    }
    return answerStored(custSpaceId ?? SELF, call, deps);
  }
  const upstream = deps.upstreamFor(call.context);
  const deadlineAt = deps.monotonic() + QUERY_DEADLINE_MS;
  const reply = await upstream.query({ ...filters, custSpaceId }, { deadlineAt });
  return jsonResponse(200, {
    phoneNumbers: toCamelCase(reply.items ?? []),
    requestId: reply.requestId,
    ...(reply.malformed > 0 ? { malformedItems: reply.malformed } : {}),
  });
}

async function answerStored(
  customer: string,
  call: HttpCall,
  deps: QueryDeps,
): Promise<HttpResponse> {
  const store = await deps.openStore(call.context);
  const row = (await readCustomer(store, customer))?.value;
  if (!row || row.removedAt) throw new NotWatchedError();
  const lease = (await readRow(store, LEASE_KEY, leaseRowSchema))?.value;
  const observedAt = row.observedAt ?? null;
  const failure = row.failure ?? (await readCustomer(store, ACCOUNT))?.value.failure;
  const confirmedAt = confirmedSince(row, failure ? undefined : lease);
  return jsonResponse(200, {
    custSpaceId: customer,
    source: "stored",
    sequence: formatSequence(row.seq),
    phoneNumbers: Object.entries(row.numbers).map(([phoneNumber, number]) => ({
      ...number.fields,
      phoneNumber,
      observedAt: number.observedAt,
      ...(number.missingSince ? { missingSince: number.missingSince } : {}),
    })),
    observedAt,
    confirmedAt,
    staleSeconds:
      confirmedAt && Math.max(0, Math.round((deps.now() - Date.parse(confirmedAt)) / 1000)),
    ...(failure ? { failing: { since: failure.since, code: failure.code } } : {}),
    pendingEvents: row.pending.length,
  });
}

/**
 * A time at which the stored values still held: unchanged customers leave no trace, but a whole
 * sweep reads everyone, and a read that fails is noted.
 */
function confirmedSince(row: CustomerRow, lease: LeaseRow | undefined): string | null {
  const stored = row.observedAt ?? row.baselineAt;
  if (stored === undefined) return null;
  const swept = lease?.sweep.full?.startedAt;
  return new Date(Math.max(Date.parse(stored), swept ?? 0)).toISOString();
}

/** The deployed function: reads the environment at its first invocation. */
export function createQueryHandler(environment: NodeJS.ProcessEnv) {
  return lazyHttpHandler(
    () => {
      const config = loadHttpConfig(environment, "query");
      return createQuery({ ...createCommonDeps(config), apiKeys: config.apiKeys });
    },
    { now: Date.now, write: (line) => process.stdout.write(`${line}\n`) },
  );
}

/** What Function Compute calls as `query.handler`: an HTTP event in, an HTTP answer out, always. */
export const handler = createQueryHandler(process.env);
