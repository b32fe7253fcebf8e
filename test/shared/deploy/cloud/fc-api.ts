import { crc64 } from "../../../../shared/bundle/bundle.ts";
import type { SandboxCredentials } from "../../../sandbox/rpc-signature.ts";
import { type CloudAnswer, type CloudCall, type CloudRequest, Refusal } from "./cloud-request.ts";
import type { CloudFunction, CloudState } from "./cloud-state.ts";
import { FC_REQUEST_ID, json } from "./fc-answer.ts";
import { checkSettings, readCode } from "./fc-rules.ts";
import { runTriggerCall } from "./fc-triggers.ts";
import { runFunction } from "./run-function.ts";

/** Fewer than the documented 100, so that reading has to go on by nextToken (ListFunctions). */
const MOST_A_PAGE = 2;

export type FcOptions = {
  readonly accountId: string;
  readonly verify: (request: CloudRequest) => void;
  readonly pendingReads: number;
  /** With whose credentials the deployed archives run, if they do. */
  readonly runAs: SandboxCredentials | undefined;
  /** Of the stand-in cloud, which gets what the functions send to other machines. */
  readonly port: () => number;
};

/**
 * Function Compute 2023-03-30, as far as a deployment needs it. Operations, paths and fields are those of
 * @alicloud/fc20230330 4.7.6 and of the reference (help/en/functioncompute/fc/developer-reference).
 * Codes of refusals are those of the page "Error codes", but for those that a comment calls a guess.
 */
export function createFcApi(state: CloudState, options: FcOptions) {
  return (request: CloudRequest): CloudCall => {
    const [, version, kind, encoded, part, item] = request.path.split("/");
    const name = encoded === undefined ? undefined : decodeURIComponent(encoded);
    const body = readBody(request, part);
    const about = name ?? body.functionName;
    const operation = operationOf(request.method, name, part, item);
    return {
      name: ["fc", operation, about, item ?? body.triggerName].filter(Boolean).join(" "),
      run: () => {
        options.verify(request);
        if (!request.host.startsWith(`${options.accountId}.`))
          throw new Refusal(403, "AccessDenied");
        // A fresh account, page "Service-linked role of Function Compute", 2 June 2026. The words are
        // those of a first-hand report; the code is a guess.
        if (!state.activated.has("fc")) {
          throw new Refusal(403, "AccessDenied", "FC service is not enabled for this account");
        }
        if (version !== "2023-03-30" || kind !== "functions")
          throw new Refusal(404, "PathNotFound");
        if (request.headers["x-acs-action"] !== operation) throw new Refusal(400, "WrongAction");
        if (name === undefined) {
          return request.method === "GET"
            ? listFunctions(state, request.query)
            : createFunction(state, body, options);
        }
        const found = state.functions.get(name);
        if (!found) throw new Refusal(404, "FunctionNotFound");
        if (part === "triggers") return runTriggerCall(name, found, { request, body, item });
        return runFunctionCall(state, name, found, { request, body, part, options });
      },
    };
  };
}

/** By method and part of the path, as the API's reference names them. */
const OPERATIONS: Readonly<Record<string, string>> = {
  "GET functions": "ListFunctions",
  "POST functions": "CreateFunction",
  "GET function": "GetFunction",
  "PUT function": "UpdateFunction",
  "DELETE function": "DeleteFunction",
  "GET concurrency": "GetConcurrencyConfig",
  "PUT concurrency": "PutConcurrencyConfig",
  "DELETE concurrency": "DeleteConcurrencyConfig",
  "GET async-invoke-config": "GetAsyncInvokeConfig",
  "PUT async-invoke-config": "PutAsyncInvokeConfig",
  "DELETE async-invoke-config": "DeleteAsyncInvokeConfig",
  "POST invocations": "InvokeFunction",
  "GET triggers": "ListTriggers",
  "POST triggers": "CreateTrigger",
  "GET trigger": "GetTrigger",
  "PUT trigger": "UpdateTrigger",
  "DELETE trigger": "DeleteTrigger",
};

function operationOf(
  method: string,
  name: string | undefined,
  part: string | undefined,
  item: string | undefined,
): string {
  const place =
    part === "triggers" && item ? "trigger" : (part ?? (name ? "function" : "functions"));
  return OPERATIONS[`${method} ${place}`] ?? `${method} ${place}`;
}

function readBody({ body }: CloudRequest, part: string | undefined): Record<string, unknown> {
  if (body.length === 0 || part === "invocations") return {};
  return JSON.parse(body.toString()) as Record<string, unknown>;
}

function listFunctions(state: CloudState, query: ReadonlyMap<string, string>): CloudAnswer {
  const from = Number(query.get("nextToken") ?? 0);
  const all = [...state.functions]
    .filter(([name]) => name.startsWith(query.get("prefix") ?? ""))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const page = all.slice(from, from + MOST_A_PAGE);
  const next = from + page.length;
  return json(200, {
    functions: page.map(([name, found]) => describe(state, name, found)),
    ...(next < all.length ? { nextToken: String(next) } : {}),
  });
}

function createFunction(
  state: CloudState,
  body: Record<string, unknown>,
  options: FcOptions,
): CloudAnswer {
  const { functionName, code, ...settings } = body;
  const name = String(functionName);
  if (!/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/.test(name)) throw new Refusal(400, "InvalidArgument");
  if (state.functions.has(name)) throw new Refusal(409, "FunctionAlreadyExists");
  checkSettings(state, settings);
  const made: CloudFunction = {
    settings,
    ...readCode(code, String(settings.handler)),
    triggers: new Map(),
    pendingReads: options.pendingReads,
  };
  state.functions.set(name, made);
  return json(201, describe(state, name, made));
}

type FunctionCall = {
  readonly request: CloudRequest;
  readonly body: Record<string, unknown>;
  readonly part: string | undefined;
  readonly options: FcOptions;
};

function runFunctionCall(
  state: CloudState,
  name: string,
  found: CloudFunction,
  { request, body, part, options }: FunctionCall,
): CloudAnswer | Promise<CloudAnswer> {
  const { method } = request;
  switch (`${method} ${part ?? ""}`.trim()) {
    case "GET": {
      const answer = json(200, describe(state, name, found));
      found.pendingReads = Math.max(0, found.pendingReads - 1);
      return answer;
    }
    case "PUT": {
      const { code, ...settings } = body;
      const merged = { ...found.settings, ...settings };
      checkSettings(state, merged);
      const updated = {
        ...found,
        settings: merged,
        ...(code ? readCode(code, String(merged.handler)) : {}),
        pendingReads: options.pendingReads,
      };
      state.functions.set(name, updated);
      return json(200, describe(state, name, updated));
    }
    case "DELETE":
      // A guess, strict: the reference does not say what becomes of triggers.
      if (found.triggers.size > 0) throw new Refusal(409, "TriggersNotEmpty");
      state.functions.delete(name);
      return { status: 204, body: "" };
    case "GET concurrency":
      if (found.concurrency === undefined) throw new Refusal(404, "ConcurrencyConfigNotFound");
      return json(200, { reservedConcurrency: found.concurrency });
    case "GET async-invoke-config":
      if (!found.asyncConfig) throw new Refusal(404, "AsyncConfigNotExists");
      return json(200, found.asyncConfig);
    case "PUT concurrency":
      // A guess, strict: a function that is being made may refuse changes.
      if (found.pendingReads > 0) throw new Refusal(409, "ConcurrentUpdateError");
      if (!(Number(body.reservedConcurrency) >= 1)) throw new Refusal(400, "InvalidArgument");
      found.concurrency = Number(body.reservedConcurrency);
      return json(200, { reservedConcurrency: found.concurrency });
    case "DELETE concurrency":
      if (found.concurrency === undefined) throw new Refusal(404, "ConcurrencyConfigNotFound");
      found.concurrency = undefined;
      return { status: 204, body: "" };
    case "PUT async-invoke-config": {
      const retries = Number(body.maxAsyncRetryAttempts);
      // PutAsyncInvokeConfig: 0 to 8.
      if (!(retries >= 0 && retries <= 8)) throw new Refusal(400, "InvalidArgument");
      found.asyncConfig = body;
      return json(200, body);
    }
    case "DELETE async-invoke-config":
      if (!found.asyncConfig) throw new Refusal(404, "AsyncConfigNotExists");
      found.asyncConfig = undefined;
      return { status: 204, body: "" };
    case "POST invocations": {
      state.invocations.push({ name, payload: request.body.toString() });
      return invoke(state, name, found, request.body.toString(), options);
    }
    default:
      throw new Refusal(405, "MethodNotAllowed");
  }
}

async function invoke(
  state: CloudState,
  name: string,
  found: CloudFunction,
  payload: string,
  { accountId, runAs, port }: FcOptions,
): Promise<CloudAnswer> {
  const given = state.answers.get(name);
  const run = () =>
    runAs
      ? runFunction(found, payload, { accountId, credentials: runAs, port: port() })
      : { body: '{"command":"check","ok":true}', failed: false };
  const { body, failed } = given ?? (await run());
  const headers: Record<string, string> = failed
    ? { "x-fc-error-type": "HandledInvocationError" }
    : {};
  return { status: 200, headers: { "x-fc-request-id": FC_REQUEST_ID, ...headers }, body };
}

function describe(
  state: CloudState,
  name: string,
  { settings, archive, pendingReads }: CloudFunction,
) {
  const failure = pendingReads > 0 ? undefined : state.failures.get(name);
  return {
    functionName: name,
    ...settings,
    // GetFunction: "the CRC-64 value of the function code package, computed by ECMA-182".
    codeSize: archive.length,
    codeChecksum: crc64(archive),
    state: pendingReads > 0 ? "Pending" : failure ? "Failed" : "Active",
    ...(failure ? { stateReasonCode: failure } : {}),
    lastUpdateStatus: "Successful",
  };
}

export function fcRefusal({ status, code, message }: Refusal): CloudAnswer {
  return json(status, { RequestId: FC_REQUEST_ID, Code: code, Message: message });
}
