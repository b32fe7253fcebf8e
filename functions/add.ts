import { findNumber } from "../shared/changes/phone-number.ts";
import { loadHttpConfig } from "../shared/config.ts";
import { type AddIntent, recordAddIntent } from "../shared/customers/add-intent.ts";
import type { Deps } from "../shared/deps.ts";
import { createCommonDeps } from "../shared/deps.ts";
import {
  AddOutcomeUnknownError,
  InvalidRequestError,
  isAppError,
  type UpstreamFacts,
} from "../shared/errors.ts";
import { ADD } from "../shared/functions.js";
import { type ApiKey, assertScope } from "../shared/http/api-keys.ts";
import { askUpstream, runCheck } from "../shared/http/check.ts";
import { createHttpHandler, type HttpCall, withApiKey } from "../shared/http/http-handler.ts";
import { type HttpResponse, jsonResponse } from "../shared/http/http-response.ts";
import {
  createIdempotency,
  type Idempotency,
  type StoredResponse,
} from "../shared/http/idempotency.ts";
import { lazyHttpHandler } from "../shared/http/lazy-handler.ts";
import type { HttpRequest } from "../shared/http/platform-event.ts";
import { PROBLEM_TYPE, toProblem } from "../shared/http/problem.ts";
import { readJsonBody } from "../shared/http/read-json.ts";
import { describeError, maskCustomer, maskNumber } from "../shared/log.ts";
import {
  type AddRequest,
  type AddResponse,
  addRequestSchema,
  normaliseAdd,
} from "../shared/schemas/add.ts";
import { toIssues } from "../shared/schemas/issues.ts";
import type { NumbersUpstream } from "../shared/signing/upstream.ts";
import type { Store } from "../shared/store/store.ts";

/** All calls of one add, the settling Query included; the function's timeout is 35 s. */
const ADD_DEADLINE_MS = 28_000;
/** Kept back from the Add for that Query: a whole try of a read. */
const SETTLING_MS = 8_000;

export type AddDeps = Pick<Deps, "now" | "monotonic" | "newId" | "log" | "openStore"> & {
  readonly upstreamFor: (context: unknown) => NumbersUpstream;
  readonly apiKeys: readonly ApiKey[];
};

/** `POST /`: adds a number to a customer and has it watched from before the moment it exists. */
export function createAdd(deps: AddDeps) {
  return createHttpHandler({
    paths: ADD.paths,
    methods: {
      [ADD.method]: withApiKey(deps.apiKeys, (request, call) => add(request, call, deps)),
    },
    check: (context) =>
      runCheck({
        store: () => deps.openStore(context).then(() => ({})),
        upstream: () => askUpstream(deps.upstreamFor(context), deps.monotonic()),
      }),
    log: deps.log,
    now: deps.now,
    newId: deps.newId,
  });
}

async function add(
  http: HttpRequest,
  call: HttpCall & { readonly key: ApiKey },
  deps: AddDeps,
): Promise<HttpResponse> {
  const deadlineAt = deps.monotonic() + ADD_DEADLINE_MS;
  const request = parseRequest(readJsonBody(http));
  call.note({
    custSpaceId: maskCustomer(request.custSpaceId),
    number: maskNumber(request.phoneNumber),
  });
  assertScope(call.key, request.custSpaceId);
  const idempotencyKey = parseIdempotencyKey(http.headers["idempotency-key"]);

  const upstream = deps.upstreamFor(call.context);
  const store = await deps.openStore(call.context);
  const run: AddContext = { request, store, upstream, deadlineAt, call, deps };
  if (idempotencyKey === undefined) return perform(run, undefined);

  const body = JSON.stringify(request);
  const idempotency = createIdempotency(store, call.key.name, idempotencyKey, body, deps.now);
  const reservation = await idempotency.reserve();
  switch (reservation.kind) {
    case "done":
      return replay(reservation.response);
    case "abandoned":
      // It may have died before it came to its intent, so what is found is put on watch now.
      return resolveUnknown(run, idempotency, undefined, () => recordIntent(run));
    case "first":
      return perform(run, idempotency);
  }
}

type AddContext = {
  readonly request: AddRequest;
  readonly store: Store;
  readonly upstream: NumbersUpstream;
  readonly deadlineAt: number;
  readonly call: HttpCall;
  readonly deps: AddDeps;
};

async function perform(
  run: AddContext,
  idempotency: Idempotency | undefined,
): Promise<HttpResponse> {
  const { request, upstream, deadlineAt, call } = run;
  let intent: AddIntent | undefined;
  try {
    intent = await recordIntent(run);
    const reply = await upstream.add(request, { deadlineAt: deadlineAt - SETTLING_MS });
    return await accept(run, idempotency, {
      phoneNumber: request.cc + request.phoneNumber,
      custSpaceId: request.custSpaceId,
      requestId: reply.requestId,
      success: reply.success,
      outcome: "accepted",
    });
  } catch (error) {
    if (!isAppError(error)) throw error;
    switch (error.code) {
      case "ERR_UPSTREAM_TIMEOUT":
      case "ERR_UPSTREAM_CONTRACT":
        return resolveUnknown(run, idempotency, error.facts);
      case "ERR_UPSTREAM_UNAVAILABLE":
        if (!error.neverSent) return resolveUnknown(run, idempotency, error.facts);
    }
    // The upstream has certainly not added the number: what was prepared for it goes again.
    await logFailure(call, "refused add could not be taken back", () => intent?.undo());
    await logFailure(call, "idempotency row could not be written", () =>
      error.code === "ERR_UPSTREAM_REJECTED"
        ? idempotency?.finish(problemAnswer(error, call.requestId))
        : idempotency?.forget(),
    );
    throw error;
  }
}

function recordIntent({ request, store, deps }: AddContext): Promise<AddIntent> {
  const number = { cc: request.cc, national: request.phoneNumber };
  return recordAddIntent(store, request.custSpaceId, number, deps.newId(), deps.now());
}

/**
 * Finds out by one Query what an add without a clear answer has done: adding is never tried again,
 * since it may have happened.
 *
 * @param facts what is known of the answer that left it open
 * @param onFound runs before the number is reported as added; its failure is the answer
 */
async function resolveUnknown(
  run: AddContext,
  idempotency: Idempotency | undefined,
  facts: UpstreamFacts = { action: "AddChatappPhoneNumber" },
  onFound?: () => Promise<unknown>,
): Promise<HttpResponse> {
  const found = await lookUp(run);
  if (!found) {
    const leave = () => idempotency?.leaveUnknown();
    await logFailure(run.call, "idempotency row could not be written", leave);
    throw new AddOutcomeUnknownError(facts);
  }
  await onFound?.();
  run.call.note({ outcome: "confirmed", matched: found.form });
  return accept(run, idempotency, {
    phoneNumber: found.phoneNumber,
    custSpaceId: run.request.custSpaceId,
    requestId: found.requestId,
    outcome: "confirmed",
  });
}

async function lookUp({ request, upstream, deadlineAt, call }: AddContext) {
  const { custSpaceId, cc, phoneNumber } = request;
  try {
    const { requestId, items = [] } = await upstream.query({ custSpaceId }, { deadlineAt });
    const listed = items.map((item) => item.PhoneNumber);
    const found = findNumber(cc, phoneNumber, listed);
    return found && { ...found, requestId };
  } catch (error) {
    call.log.warn("query after unclear add failed", describeError(error));
    return undefined;
  }
}

async function accept(
  run: AddContext,
  idempotency: Idempotency | undefined,
  answer: AddResponse,
): Promise<HttpResponse> {
  // The number is added whatever becomes of this row: without it a repeat is settled by Query.
  await logFailure(run.call, "idempotency row could not be written", () =>
    idempotency?.finish({ status: 201, body: JSON.stringify(answer) }),
  );
  return jsonResponse(201, answer);
}

function replay({ status, body }: StoredResponse): HttpResponse {
  return jsonResponse(status, JSON.parse(body), {
    "idempotency-replayed": "true",
    ...(status >= 400 ? { "content-type": PROBLEM_TYPE } : {}),
  });
}

function problemAnswer(error: unknown, requestId: string) {
  const { status, body } = toProblem(error, requestId);
  return { status, body };
}

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

function parseRequest(body: unknown): AddRequest {
  const parsed = addRequestSchema.safeParse(body);
  if (!parsed.success) throw new InvalidRequestError(toIssues(parsed.error, body));
  const normalised = normaliseAdd(parsed.data);
  if ("issue" in normalised) throw new InvalidRequestError([normalised.issue]);
  return normalised.request;
}

function parseIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (/^[\x21-\x7e]{1,255}$/.test(header)) return header;
  throw new InvalidRequestError([
    { path: "Idempotency-Key", message: "must be 1 to 255 printable characters without spaces" },
  ]);
}

/** The deployed function: reads the environment at its first invocation. */
export function createAddHandler(environment: NodeJS.ProcessEnv) {
  return lazyHttpHandler(
    () => {
      const config = loadHttpConfig(environment, ADD);
      return createAdd({ ...createCommonDeps(config), apiKeys: config.apiKeys });
    },
    { now: Date.now, write: (line) => process.stdout.write(`${line}\n`) },
  );
}

/** What Function Compute calls as `add.handler`: an HTTP event in, an HTTP answer out, always. */
export const handler = createAddHandler(process.env);
