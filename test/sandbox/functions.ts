import { randomUUID } from "node:crypto";
import { createAdd } from "../../functions/add.ts";
import { createHint } from "../../functions/hint.ts";
import { createPoll } from "../../functions/poll.ts";
import { createQuery } from "../../functions/query.ts";
import type { status } from "../../shared/commands/status.ts";
import { tryDecode } from "../../shared/commands/try-decode.ts";
import { type Config, type Environment, loadConfig } from "../../shared/config.ts";
import { createDeps, type Deps } from "../../shared/deps.ts";
import { ForbiddenError } from "../../shared/errors.ts";
import { ADD, FUNCTIONS, POLL } from "../../shared/functions.js";
import { createHttpHandler, withApiKey } from "../../shared/http/http-handler.ts";
import { jsonResponse } from "../../shared/http/http-response.ts";
import { readJsonBody } from "../../shared/http/read-json.ts";
import { createLog } from "../../shared/log.ts";
import {
  CUSTOMER_PREFIX,
  type CustomerRow,
  customerRowSchema,
} from "../../shared/schemas/customer-row.ts";
import { scanAll } from "../../shared/store/rows.ts";
import type { AttemptResult, OutgoingEvent, Send } from "../../shared/webhook/attempt.ts";
import {
  type Platform,
  type PlatformFunction,
  type PlatformOptions,
  startPlatform,
} from "./platform.ts";

/** A request id whose lines are not written. */
const SILENT = "sandbox-page";
const RESEND_LIMIT_MS = 15_000;

type HttpDeps = Deps & Pick<Config, "apiKeys"> & { readonly config: Config };

/** How each HTTP function of the table is made. */
const CREATE: Readonly<Record<HttpRow["name"], (deps: HttpDeps) => PlatformFunction["handler"]>> = {
  add: createAdd,
  query: createQuery,
  hint: createHint,
};

type HttpRow = Extract<(typeof FUNCTIONS)[number], { readonly kind: "http" }>;

/** The HTTP functions that a deployment with this environment has. */
function isLocal(environment: Environment) {
  return (row: (typeof FUNCTIONS)[number]): row is HttpRow =>
    row.kind === "http" && (!("deployedWith" in row) || Boolean(environment[row.deployedWith]));
}

export type Status = Awaited<ReturnType<typeof status>>;

/** The functions in one process, behind a local platform, on one store. */
export type LocalFunctions = {
  readonly platform: Platform;
  /** Fires the timer once. A payload makes it a command. */
  poll(payload?: string): Promise<Readonly<Record<string, unknown>>>;
  /** poll's answer to the command `status`, without a line in the log: the page asks each second. */
  status(): Promise<Status>;
  /** The stored customers in the order of their ids, without rows that this version cannot read. */
  storedCustomers(limit: number): Promise<ReadonlyMap<string, CustomerRow>>;
  /** Sends one event once more, the same id and bytes with the mark of a redelivery. */
  resend(event: OutgoingEvent): Promise<AttemptResult>;
  /** Closes the store, as the end of the process would. */
  close(): Promise<void>;
};

export type LocalOptions = {
  readonly environment: Environment;
  readonly port?: number;
  readonly writeLog: (line: string) => void;
  readonly local?: PlatformOptions["local"];
  /** Called after each request to the receiver. */
  readonly onAttempt?: (event: OutgoingEvent, result: AttemptResult, sent: SentAs) => void;
};

export type SentAs = { readonly redelivery: boolean };

export async function startFunctions(options: LocalOptions): Promise<LocalFunctions> {
  const config = loadConfig(options.environment, POLL);
  loadConfig(options.environment, ADD);
  const write = (line: string) => {
    if (!line.includes(`"requestId":"${SILENT}"`)) options.writeLog(line);
  };
  const log = createLog({ level: config.logLevel, now: Date.now, write });
  const wired = createDeps(config, { log });
  const send: Send = async (event, settings) => {
    const result = await wired.send(event, settings);
    options.onAttempt?.(event, result, { redelivery: settings.redelivery === true });
    return result;
  };
  const deps = { ...wired, send };
  const withKeys = { ...deps, config, apiKeys: config.apiKeys };
  // The sandbox's timer fires every few seconds, so no run stays for the passes of a minute.
  const poll = createPoll({ ...deps, config: { ...config, timerMs: 0 } });
  const context = () => ({ requestId: randomUUID(), credentials: {} });
  // On the platform, operators invoke the function itself. Here they need a path.
  const operate = createHttpHandler({
    ...deps,
    paths: ["/poll"],
    // The command's own line has the same request id, and does not know who sent it.
    isAudited: true,
    methods: {
      POST: withApiKey(config.apiKeys, async (request, call) => {
        // A command may concern every customer.
        if (call.key.scope !== "*") throw new ForbiddenError();
        return jsonResponse(200, await poll(readJsonBody(request), call.context));
      }),
    },
  });
  const platform = await startPlatform({
    port: options.port,
    local: options.local,
    context,
    functions: {
      ...Object.fromEntries(
        FUNCTIONS.filter(isLocal(options.environment)).map(({ name, paths }) => [
          name,
          { handler: CREATE[name](withKeys), paths: paths.filter((path) => path.length > 2) },
        ]),
      ),
      operate: { handler: operate, paths: ["/poll"] },
    },
  });
  async function trigger(payload: string, over: object = {}): Promise<unknown> {
    const event = { triggerTime: new Date().toISOString(), triggerName: "local", payload };
    return poll(Buffer.from(JSON.stringify(event)), { ...context(), ...over });
  }
  return {
    platform,
    poll: async (payload = "") => (await trigger(payload)) as Readonly<Record<string, unknown>>,
    status: async () => (await trigger('{"command":"status"}', { requestId: SILENT })) as Status,
    async storedCustomers(limit) {
      const found = new Map<string, CustomerRow>();
      for await (const row of scanAll(await deps.openStore(context()), CUSTOMER_PREFIX)) {
        // The account's own row is no customer's and sorts behind them all.
        if (found.size === limit || row.key.startsWith(`${CUSTOMER_PREFIX}~`)) break;
        const customer = tryDecode(row, customerRowSchema);
        if (customer) found.set(row.key.slice(CUSTOMER_PREFIX.length), customer);
      }
      return found;
    },
    resend: (event) =>
      send(event, { deadlineAt: deps.monotonic() + RESEND_LIMIT_MS, redelivery: true }),
    async close() {
      await platform.close();
      await (await deps.openStore(context())).close();
    },
  };
}
