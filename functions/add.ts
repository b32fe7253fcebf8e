import {
  doubtsAbout,
  impossibleNumber,
  withoutTrunkPrefix,
} from "../shared/changes/numbering-plans.ts";
import { findNumber, pairLines, toDigits } from "../shared/changes/same-line.ts";
import { loadHttpConfig } from "../shared/config.ts";
import {
  type AddIntent,
  listedNumbersAt,
  recordAddIntent,
} from "../shared/customers/add-intent.ts";
import { loadCustomer } from "../shared/customers/customer.ts";
import { type HttpDeps, httpHandler } from "../shared/deps.ts";
import {
  AddOutcomeUnknownError,
  type AnyAppError,
  ForbiddenError,
  InvalidRequestError,
  isAppError,
  type UpstreamFacts,
} from "../shared/errors.ts";
import { ADD } from "../shared/functions.js";
import { assertScope } from "../shared/http/api-keys.ts";
import { askUpstream, runCheck } from "../shared/http/check.ts";
import {
  createHttpHandler,
  type HttpCall,
  type KeyedCall,
  withApiKey,
} from "../shared/http/http-handler.ts";
import { type HttpResponse, jsonResponse } from "../shared/http/http-response.ts";
import {
  createIdempotency,
  type Idempotency,
  readIdempotencyKey,
  type StoredResponse,
} from "../shared/http/idempotency.ts";
import type { HttpRequest } from "../shared/http/platform-event.ts";
import { PROBLEM_TYPE, toProblem } from "../shared/http/problem.ts";
import { readJsonBody } from "../shared/http/read-json.ts";
import { describeError, maskNumber } from "../shared/log.ts";
import {
  type AddRequest,
  type AddResponse,
  addRequestSchema,
  normaliseAdd,
} from "../shared/schemas/add.ts";
import { toIssues } from "../shared/schemas/issues.ts";
import { ADD_NUMBER } from "../shared/signing/operations.ts";
import type { NumbersUpstream } from "../shared/signing/upstream.ts";
import type { Store } from "../shared/store/store.ts";

/** For all calls of one add. The function's timeout is 35 s. */
const ADD_DEADLINE_MS = 28_000;
/** Kept back from it for the Query after an unclear Add: one whole try of a read. */
const QUERY_RESERVE_MS = 8_000;

export type AddDeps = Pick<
  HttpDeps,
  "now" | "monotonic" | "newId" | "log" | "openStore" | "upstreamFor" | "apiKeys"
>;

/** Adds a number to a customer. The customer is watched from before the number exists. */
export function createAdd(deps: AddDeps) {
  const { apiKeys, log, now, newId } = deps;
  const route = withApiKey(apiKeys, (request, call) => add(request, call, deps));
  const methods = { [ADD.method]: route };
  const check = (context: unknown) =>
    runCheck({
      store: () => deps.openStore(context).then(() => ({})),
      upstream: () => askUpstream(deps.upstreamFor(context), deps.monotonic()),
    });
  const { paths } = ADD;
  return createHttpHandler({ paths, methods, check, isAudited: true, log, now, newId });
}

/** One add with all that it needs. */
type AddContext = {
  readonly request: AddRequest;
  readonly warnings: AddResponse["warnings"];
  readonly deadlineAt: number;
  /** Wall clock, ms. */
  readonly begunAt: number;
  readonly upstream: NumbersUpstream;
  readonly store: Store;
  /** Undefined without an Idempotency-Key. */
  readonly idempotency: Idempotency | undefined;
  readonly call: HttpCall;
  readonly deps: AddDeps;
};

async function add(http: HttpRequest, call: KeyedCall, deps: AddDeps): Promise<HttpResponse> {
  const deadlineAt = deps.monotonic() + ADD_DEADLINE_MS;
  const begunAt = deps.now();
  const { request, warnings } = readRequest(http);
  call.note({
    custSpaceId: request.custSpaceId,
    number: maskNumber(request.phoneNumber),
  });
  assertScope(call.key, request.custSpaceId);
  // The upstream does not say that the id belongs to this customer.
  if (request.preValidateId !== undefined && call.key.scope !== "*") throw new ForbiddenError();
  const key = readIdempotencyKey(http);
  const upstream = deps.upstreamFor(call.context);
  const store = await deps.openStore(call.context);
  const body = JSON.stringify(request);
  const idempotency =
    key === undefined
      ? undefined
      : createIdempotency(store, call.key.name, key, body, deps.now, request.custSpaceId);
  const parts = { request, warnings, deadlineAt, begunAt, upstream };
  return answer({ ...parts, store, idempotency, call, deps });
}

async function answer(context: AddContext): Promise<HttpResponse> {
  const reservation = await context.idempotency?.reserve();
  switch (reservation?.kind) {
    case "done":
      return replay(reservation.response);
    case "abandoned":
      return resolveAbandoned({ ...context, begunAt: reservation.startedAt });
    default:
      return addNumber(context);
  }
}

async function addNumber(context: AddContext): Promise<HttpResponse> {
  const { request, warnings, upstream, deadlineAt } = context;
  let intent: AddIntent | undefined;
  try {
    intent = await recordIntent(context);
    if (intent.isErased) await context.idempotency?.erase();
    const reply = await upstream.add(request, { deadlineAt: deadlineAt - QUERY_RESERVE_MS });
    return await accept(context, {
      phoneNumber: request.cc + withoutTrunkPrefix(request.cc, request.phoneNumber),
      custSpaceId: request.custSpaceId,
      requestId: reply.requestId,
      success: reply.success,
      outcome: "accepted",
      warnings,
    });
  } catch (error) {
    if (!isAppError(error)) throw error;
    const unclear = factsOfUnclear(error);
    if (unclear) return resolveUnknown(context, { facts: unclear, before: intent?.listedBefore });
    await takeBack(context, intent, error);
    throw error;
  }
}

function recordIntent({ request, store, deps, begunAt }: AddContext): Promise<AddIntent> {
  const number = { cc: request.cc, national: request.phoneNumber };
  return recordAddIntent(store, request.custSpaceId, number, deps.newId(), deps.now(), begunAt);
}

/** The facts of an error after which the number may have been added, undefined for any other. */
function factsOfUnclear(error: AnyAppError): UpstreamFacts | undefined {
  switch (error.code) {
    case "ERR_UPSTREAM_TIMEOUT":
    case "ERR_UPSTREAM_CONTRACT":
      return error.facts;
    case "ERR_UPSTREAM_UNAVAILABLE":
      return error.neverSent ? undefined : error.facts;
    default:
      return undefined;
  }
}

/** The upstream has certainly not added the number: undoes what was stored for it. */
async function takeBack(
  { call, idempotency }: AddContext,
  intent: AddIntent | undefined,
  error: AnyAppError,
): Promise<void> {
  await logFailure(call, "refused add could not be taken back", () => intent?.undo());
  await logFailure(call, "idempotency row could not be written", () => {
    if (error.code !== "ERR_UPSTREAM_REJECTED") return idempotency?.forget();
    const { status, body } = toProblem(error, call.requestId);
    return idempotency?.finish({ status, body });
  });
}

/** Finds out what an earlier try with this Idempotency-Key did, which died or never learnt it. */
async function resolveAbandoned(context: AddContext): Promise<HttpResponse> {
  const stored = await loadCustomer(context.store, context.request.custSpaceId);
  return resolveUnknown(context, {
    facts: { action: ADD_NUMBER.action },
    // poll may have stored the number since the first try.
    before: listedNumbersAt(stored?.value, context.begunAt, context.deps.now()),
    // The first try may have died before it stored its intent, so store it now.
    onFound: () => recordIntent(context),
  });
}

type Unclear = {
  readonly facts: UpstreamFacts;
  /** What the upstream listed before the Add, in digits; undefined if unknown. */
  readonly before: readonly string[] | undefined;
  /** Runs before the number is reported as added, and its failure becomes the response. */
  readonly onFound?: () => Promise<unknown>;
};

/** Finds out by one Query whether an unclear add happened. The Add itself is never sent twice. */
async function resolveUnknown(
  context: AddContext,
  { facts, before, onFound }: Unclear,
): Promise<HttpResponse> {
  const { call, request, idempotency } = context;
  const found = await lookUp(context, before ?? []);
  if (!found) {
    const leave = () => idempotency?.leaveUnknown();
    await logFailure(call, "idempotency row could not be written", leave);
    throw new AddOutcomeUnknownError(facts);
  }
  await onFound?.();
  call.note({ outcome: "confirmed", matched: found.rule });
  return accept(context, {
    phoneNumber: found.phoneNumber,
    custSpaceId: request.custSpaceId,
    requestId: found.requestId,
    outcome: "confirmed",
    warnings: context.warnings,
  });
}

/** No new number has one of these. */
const NO_PROOF = /^\s*(DELETED|MIGRATED|BANNED)\s*$/i;

/** A listed row of the same line proves the Add, unless it has left or was listed `before`. */
async function lookUp(
  { request, upstream, deadlineAt, call }: AddContext,
  before: readonly string[],
) {
  const { custSpaceId, cc, phoneNumber } = request;
  try {
    const { requestId, items = [] } = await upstream.query({ custSpaceId }, { deadlineAt });
    const listed = items
      .filter(({ Status }) => typeof Status !== "string" || !NO_PROOF.test(Status))
      .map(({ PhoneNumber }) => toDigits(PhoneNumber));
    const known = pairLines(before, listed);
    const added = listed.filter((digits) => !before.includes(known.get(digits) ?? digits));
    const found = findNumber(cc, phoneNumber, added);
    return found && { ...found, requestId };
  } catch (error) {
    call.log.warn("query after unclear add failed", describeError(error));
    return undefined;
  }
}

async function accept(
  { call, idempotency }: AddContext,
  response: AddResponse,
): Promise<HttpResponse> {
  // The number is added even if this fails: a repeat then finds it by a Query.
  await logFailure(call, "idempotency row could not be written", () =>
    idempotency?.finish({ status: 201, body: JSON.stringify(response) }),
  );
  return jsonResponse(201, response);
}

function replay({ status, body }: StoredResponse): HttpResponse {
  const type = status >= 400 ? { "content-type": PROBLEM_TYPE } : undefined;
  return jsonResponse(status, JSON.parse(body), { "idempotency-replayed": "true", ...type });
}

/** Runs what must not change the response: a failure is only logged. */
async function logFailure(
  call: HttpCall,
  message: string,
  work: () => Promise<void> | undefined,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    call.log.error(message, describeError(error));
  }
}

function readRequest(http: HttpRequest): Pick<AddContext, "request" | "warnings"> {
  const body = readJsonBody(http);
  const parsed = addRequestSchema.safeParse(body);
  if (!parsed.success) throw new InvalidRequestError(toIssues(parsed.error, body));
  const normalised = normaliseAdd(parsed.data);
  if ("issue" in normalised) throw new InvalidRequestError([normalised.issue]);
  const { request } = normalised;
  const path = "phoneNumber";
  const impossible = impossibleNumber(request.cc, request.phoneNumber);
  if (impossible) throw new InvalidRequestError([{ path, message: impossible }]);
  const doubts = doubtsAbout(request.cc, request.phoneNumber);
  const warnings = [...normalised.warnings, ...doubts.map((message) => ({ path, message }))];
  return { request, warnings: warnings.length > 0 ? warnings : undefined };
}

/** What Function Compute calls as `add.handler`. Every event gets an HTTP response. */
export const handler = httpHandler(process.env, ADD, loadHttpConfig, createAdd);
