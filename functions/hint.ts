import { type HintConfig, loadHintConfig } from "../shared/config.ts";
import { createMarkHinted } from "../shared/customers/hints.ts";
import { type StoreDeps, storeHandler } from "../shared/deps.ts";
import {
  BodyTooLargeError,
  ForbiddenError,
  InvalidRequestError,
  NotFoundError,
} from "../shared/errors.ts";
import { HINT } from "../shared/functions.js";
import { assertScope, authenticate } from "../shared/http/api-keys.ts";
import { runCheck } from "../shared/http/check.ts";
import { isHintToken } from "../shared/http/hint-token.ts";
import { createHttpHandler, type HttpCall } from "../shared/http/http-handler.ts";
import { jsonResponse } from "../shared/http/http-response.ts";
import type { HttpRequest } from "../shared/http/platform-event.ts";
import { MAX_BODY_BYTES, readJsonBody } from "../shared/http/read-json.ts";
import { CUSTOMER_ID } from "../shared/schemas/customer-row.ts";
import { hintRequestSchema } from "../shared/schemas/hint.ts";
import { toIssues } from "../shared/schemas/issues.ts";

export type HintDeps = Pick<StoreDeps, "now" | "newId" | "log" | "openStore"> & {
  readonly config: Pick<HintConfig, "apiKeys" | "hintSecrets">;
};

/** `/<custSpaceId>/<token>`, behind the function's own path as well. */
const ADDRESS = /^(?:\/hint)?\/([^/]+)\/([^/]+)\/?$/;
const DOOR = /^\/(?:hint\/?)?$/;

/**
 * Takes a hint that a customer may have changed, and asks poll for a read. Whoever forges, repeats or
 * loses one causes or misses a read, never an event: nothing of the body is read at an address.
 */
export function createHint(deps: HintDeps) {
  const { config, log, now, newId } = deps;
  const mark = createMarkHinted(now);

  async function hint(request: HttpRequest, call: HttpCall) {
    const customers = DOOR.test(request.path)
      ? readKeyed(request, call, config)
      : [readAddress(request, config)];
    const [custSpaceId] = customers;
    call.note({ hints: customers.length, custSpaceId });
    const store = await deps.openStore(call.context);
    await Promise.all(customers.map((customer) => mark(store, customer)));
    return jsonResponse(200, { code: 0 });
  }

  const check = (context: unknown) =>
    runCheck({ store: () => deps.openStore(context).then(() => ({})) });
  const methods = { [HINT.method]: hint };
  return createHttpHandler({ paths: HINT.paths, methods, check, log, now, newId });
}

/** The customer of an address, whose token proves that it came from here. */
function readAddress({ path, body }: HttpRequest, { hintSecrets }: HintDeps["config"]): string {
  const [, customer, token] = ADDRESS.exec(path) ?? [];
  if (customer === undefined || token === undefined) throw new NotFoundError();
  const isRight = isHintToken(hintSecrets, customer, token);
  if (!isRight || !CUSTOMER_ID.test(customer)) throw new ForbiddenError();
  if (body.length > MAX_BODY_BYTES) throw new BodyTooLargeError(MAX_BODY_BYTES);
  return customer;
}

/** The customers that a caller with an API key names. */
function readKeyed(request: HttpRequest, call: HttpCall, { apiKeys }: HintDeps["config"]) {
  const key = authenticate(request.headers, apiKeys);
  call.note({ apiKey: key.name });
  const body = readJsonBody(request);
  const parsed = hintRequestSchema.safeParse(body);
  if (!parsed.success) throw new InvalidRequestError(toIssues(parsed.error, body));
  const customers = [...new Set(parsed.data.custSpaceIds)];
  for (const customer of customers) assertScope(key, customer);
  return customers;
}

/** What Function Compute calls as `hint.handler`. */
export const handler = storeHandler(process.env, HINT, loadHintConfig, createHint);
