import { randomUUID } from "node:crypto";
import { createPoll } from "../../functions/poll.ts";
import { type Config, loadConfig } from "../config.ts";
import { createDeps } from "../deps.ts";
import { isAppError } from "../errors.ts";
import { createLog } from "../log.ts";
import { connectDeployed } from "./deployed.ts";
import { type Answer, type Connection, CtlError, type CtlIo } from "./io.ts";

/** Where `npm start` listens. */
const LOCAL_URL = "http://127.0.0.1:8787";
const ANSWER_LIMIT_MS = 90_000;

export type Where = {
  readonly stage?: string | undefined;
  readonly url?: string | undefined;
  readonly key?: string | undefined;
};

/**
 * The deployed function with a stage; otherwise the running `npm start`, and where none runs, the
 * function itself in this process, on the store that the environment names.
 */
export function connect(where: Where, io: CtlIo): Connection {
  if (where.stage !== undefined) return connectDeployed(where.stage, io);
  const url = where.url ?? io.environment.WABA_CTL_URL ?? LOCAL_URL;
  const running = connectRunning(url, where.key ?? io.environment.WABA_CTL_KEY);
  if (where.url !== undefined) {
    return {
      ...running,
      async ask(payload) {
        const answer = await running.ask(payload);
        if (answer !== "absent") return answer;
        throw new CtlError("Nothing listens at the given --url; is npm start running?");
      },
    };
  }
  let own: Connection | undefined;
  return {
    async ask(payload) {
      const answer = own ? "absent" : await running.ask(payload);
      if (answer !== "absent") return answer;
      own ??= connectInProcess(io);
      return own.ask(payload);
    },
    close: async () => own?.close(),
  };
}

function connectRunning(url: string, key: string | undefined) {
  if (!URL.canParse("/poll", url)) throw new CtlError("The address of npm start is not a URL.", 2);
  return {
    async ask(payload: object): Promise<Answer | "busy" | "absent"> {
      const response = await fetch(new URL("/poll", url), {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        },
        body: JSON.stringify(payload),
        signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
      }).catch((error: unknown) => {
        if (causeOf(error) === "ECONNREFUSED") return undefined;
        throw new CtlError("npm start did not answer; look at what it prints.");
      });
      if (!response) return "absent";
      if (response.status === 429) return "busy";
      if (response.status === 401) {
        throw new CtlError("npm start wants its API key: give --key, or set WABA_CTL_KEY.");
      }
      const body: unknown = await response.json().catch(() => undefined);
      const answer = typeof body === "object" && body !== null ? (body as Answer) : undefined;
      if (answer && (response.ok || "errorType" in answer || "error" in answer)) return answer;
      if (typeof answer?.code === "string") {
        throw new CtlError(`npm start refused the command (${answer.code}).`);
      }
      throw new CtlError(
        `What listens there does not answer as npm start does (HTTP ${response.status}); give its --url.`,
      );
    },
    close: async () => {},
  };
}

function causeOf(error: unknown): unknown {
  const { cause } = error as { readonly cause?: { readonly code?: unknown } };
  return cause?.code;
}

function connectInProcess(io: CtlIo): Connection {
  const config = readConfig(io);
  const log = createLog({ level: "warn", now: io.now, write: io.err });
  const deps = createDeps(config, { log });
  const poll = createPoll({ ...deps, config });
  const context = { requestId: randomUUID(), credentials: {} };
  return {
    async ask(payload) {
      try {
        const answer = await poll(Buffer.from(JSON.stringify(payload)), context);
        return JSON.parse(JSON.stringify(answer)) as Answer;
      } catch (error) {
        throw explain(error);
      }
    },
    async close() {
      const store = await deps.openStore(context).catch(() => undefined);
      await store?.close();
    },
  };
}

function readConfig(io: CtlIo): Config {
  try {
    return loadConfig(io.environment, "poll");
  } catch (error) {
    if (!isAppError(error)) throw error;
    throw new CtlError(
      `npm start is not running, so the store is opened here, as the environment says. ${error.message}`,
    );
  }
}

function explain(error: unknown): unknown {
  if (!isAppError(error)) return error;
  if (error.code !== "ERR_STORE_IN_USE") return new CtlError(`${error.message} (${error.code})`);
  const owner = error.ownerPid === undefined ? "" : ` (process ${error.ownerPid})`;
  return new CtlError(
    `Another process${owner} has the store open. If that is npm start on another port, give its --url; otherwise stop it.`,
  );
}
