import { randomUUID } from "node:crypto";
import { createPoll } from "../../functions/poll.ts";
import { type Config, loadConfig } from "../config.ts";
import { createDeps } from "../deps.ts";
import { isAppError } from "../errors.ts";
import { POLL } from "../functions.js";
import { createLog } from "../log.ts";
import type { Answer } from "./answer.ts";
import { type Connection, CtlError, type CtlIo } from "./io.ts";

/** poll in this process, on the store that the environment names. */
export function connectInProcess(io: CtlIo): Connection {
  const config = readConfig(io);
  const log = createLog({ level: "warn", now: io.now, write: io.err });
  const deps = createDeps(config, { log });
  const poll = createPoll({ ...deps, config });
  const context = { requestId: randomUUID(), credentials: {} };
  return {
    async send(payload) {
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
    return loadConfig(io.environment, POLL);
  } catch (error) {
    if (!isAppError(error)) throw error;
    throw new CtlError(
      `npm start is not running, so ctl opens the store that the environment names. ${error.message}`,
    );
  }
}

function explain(error: unknown): unknown {
  if (!isAppError(error)) return error;
  if (error.code !== "ERR_STORE_IN_USE") return new CtlError(`${error.message} (${error.code})`);
  const { ownerPid, lockFile } = error;
  return new CtlError(
    ownerPid === undefined
      ? `The lock file ${lockFile} is not one of this program. If no process uses the store, delete it.`
      : `Another process (process ${ownerPid}) has the store open: see ${lockFile}. If it is npm start on another port, give its --url. Otherwise stop it.`,
  );
}
