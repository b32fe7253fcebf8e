import { loadHttpConfig } from "../shared/config.ts";
import { loadCustomer } from "../shared/customers/customer.ts";
import { confirmedUntil } from "../shared/customers/freshness.ts";
import type { Deps } from "../shared/deps.ts";
import { createCommonDeps } from "../shared/deps.ts";
import {
  ForbiddenError,
  InvalidRequestError,
  isAppError,
  NotWatchedError,
} from "../shared/errors.ts";
import { QUERY } from "../shared/functions.js";
import { type ApiKey, assertScope } from "../shared/http/api-keys.ts";
import { askUpstream, runCheck } from "../shared/http/check.ts";
import { createHttpHandler, type HttpCall, withApiKey } from "../shared/http/http-handler.ts";
import { type HttpResponse, jsonResponse } from "../shared/http/http-response.ts";
import { lazyHttpHandler } from "../shared/http/lazy-handler.ts";
import type { HttpRequest } from "../shared/http/platform-event.ts";
import { describeError, maskCustomer } from "../shared/log.ts";
import { ACCOUNT, SELF } from "../shared/schemas/customer-row.ts";
import { toIssues } from "../shared/schemas/issues.ts";
import { queryRequestSchema, toCamelCase } from "../shared/schemas/query.ts";
import { formatSequence } from "../shared/schemas/sequence.ts";
import { LEASE_KEY, laneKey, laneRowSchema, leaseRowSchema } from "../shared/schemas/watch-rows.ts";
import type { NumbersUpstream } from "../shared/signing/upstream.ts";
import { readRow } from "../shared/store/rows.ts";
import type { Store } from "../shared/store/store.ts";

/** All tries together; the function's timeout is 30 s. */
const QUERY_DEADLINE_MS = 20_000;

export type QueryDeps = Pick<Deps, "now" | "monotonic" | "newId" | "log" | "openStore"> & {
  readonly upstreamFor: (context: unknown) => Pick<NumbersUpstream, "query">;
  readonly apiKeys: readonly ApiKey[];
  /** False without STORE_URL: then `source=stored` alone fails. */
  readonly hasStore?: boolean;
};

/** `GET /`: a customer's numbers, from the upstream or from what poll has stored. */
export function createQuery(deps: QueryDeps) {
  return createHttpHandler({
    paths: QUERY.paths,
    methods: {
      [QUERY.method]: withApiKey(deps.apiKeys, (request, call) => query(request, call, deps)),
    },
    check: (context) =>
      runCheck({
        store: deps.hasStore === false ? undefined : () => deps.openStore(context).then(() => ({})),
        upstream: () => askUpstream(deps.upstreamFor(context), deps.monotonic()),
      }),
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
  // Before the customer's row, which then tells of all that the passes in it have found.
  const [lease, laneRow] = await Promise.all([
    readRow(store, LEASE_KEY, leaseRowSchema),
    readHot(store, customer, call),
  ]);
  const row = (await loadCustomer(store, customer))?.value;
  if (!row || row.removedAt) throw new NotWatchedError();
  const failure = row.failure ?? (await loadCustomer(store, ACCOUNT))?.value.failure;
  const confirmed = confirmedUntil({ row, laneRow, lease: failure ? undefined : lease?.value });
  const swept = lease?.value.sweep.full?.endedAt;
  return jsonResponse(200, {
    custSpaceId: customer,
    source: "stored",
    sequence: formatSequence(row.seq),
    phoneNumbers: Object.entries(row.numbers).map(([phoneNumber, number]) => ({
      ...number.fields,
      phoneNumber,
      observedAt: number.observedAt,
      ...(number.absent ? { absentSince: number.absent.since } : {}),
      ...(number.missingSince ? { missingSince: number.missingSince } : {}),
    })),
    observedAt: row.observedAt ?? null,
    confirmedAt: toTime(confirmed),
    staleSeconds:
      confirmed === undefined ? null : Math.max(0, Math.round((deps.now() - confirmed) / 1000)),
    lastFullSweepAt: toTime(swept),
    ...(failure ? { failing: { since: failure.since, code: failure.code } } : {}),
    pendingEvents: row.pending.length,
  });
}

/** The priority lane is an extra: a row of it that cannot be read costs nothing but freshness. */
async function readHot(store: Store, customer: string, call: HttpCall) {
  try {
    return (await readRow(store, laneKey(customer), laneRowSchema))?.value;
  } catch (error) {
    if (!isAppError(error) || error.code !== "ERR_STORE_ROW") throw error;
    call.log.warn("priority lane row unreadable", describeError(error));
    return undefined;
  }
}

const toTime = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString());

/** The deployed function: reads the environment at its first invocation. */
export function createQueryHandler(environment: NodeJS.ProcessEnv) {
  return lazyHttpHandler(
    () => {
      const config = loadHttpConfig(environment, QUERY);
      const hasStore = config.storeUrl.reveal() !== "";
      return createQuery({ ...createCommonDeps(config), apiKeys: config.apiKeys, hasStore });
    },
    { now: Date.now, write: (line) => process.stdout.write(`${line}\n`) },
  );
}

/** What Function Compute calls as `query.handler`: an HTTP event in, an HTTP answer out, always. */
export const handler = createQueryHandler(process.env);
