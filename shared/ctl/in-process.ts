import { randomUUID } from "node:crypto";
import { createPoll } from "../../functions/poll.ts";
import { COMMANDS } from "../commands/table.ts";
import { type Config, loadConfig } from "../config.ts";
import { createDeps } from "../deps.ts";
import { isAppError } from "../errors.ts";
import { POLL } from "../functions.js";
import { createLog } from "../log.ts";
import type { Answer } from "./answer.ts";
import { type Connection, CtlError, type CtlIo } from "./io.ts";
import { describeStore } from "./running-file.ts";

/** poll in this process, on the store that the environment names. */
export function connectInProcess(io: CtlIo): Connection {
  const config = readConfig(io);
  io.err(`npm start is not running: the store ${describeStore(config.storeUrl.reveal())}`);
  // The answer or the error says it in words. What has changed leaves its audit line as well.
  const write = (line: string) => writeAudit(line, io);
  const log = createLog({ level: "error", now: io.now, write }, { user: io.user });
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

function writeAudit(line: string, io: CtlIo): void {
  const { audit } = JSON.parse(line) as Readonly<Record<string, unknown>>;
  if (audit && !isLookOnly(line)) io.err(line);
}

/** Whether a line of the log is about a command that changes nothing, such as status. */
export function isLookOnly(line: string): boolean {
  const { command } = JSON.parse(line) as Readonly<Record<string, unknown>>;
  return COMMANDS.some((entry) => entry.name === command && entry.reads);
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

const UNKNOWN_AUTHORITY =
  "no authority that this machine knows vouches for its certificate. Add sslrootcert=FILE with the authority's certificate";
const NO_RIGHT = "this user may not write there. Correct the right, or name another folder";

/** What a store's reason means: an SQLSTATE, or the code of a connection that failed. */
const STORE_REASONS: Readonly<Record<string, string>> = {
  "3D000": "the database does not exist. Create it, or correct its name",
  "28P01": "the password is wrong, or there is none",
  "28000": "this user may not log in",
  "42501": "this user lacks a right",
  ECONNREFUSED: "nothing listens at its address. Is the server running?",
  ENOTFOUND: "its host is unknown",
  EAI_AGAIN: "its host is unknown now",
  ETIMEDOUT: "it does not answer in time",
  ECONNRESET: "its server ends the connection",
  EHOSTUNREACH: "no way leads to its address from this machine",
  ENETUNREACH: "no way leads to its address from this machine",
  "53300": "it has no connection left. Raise its limit, or use a pooler",
  "57P03": "it is starting or stopping. Try again",
  NO_TLS:
    "its server offers no TLS. Turn TLS on there, or write sslmode=disable if you trust the network",
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  CERT_HAS_EXPIRED: "its certificate has expired. Renew it on the server",
  CERT_NOT_YET_VALID: "its certificate is not valid yet. Check this machine's clock",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host. Write the host that it names",
  EEXIST: "a file has the folder's name. Name a folder",
  ENOTDIR: "a part of the folder's path is a file. Name a folder",
  ENOENT: "a folder or file that it names does not exist",
  EACCES: NO_RIGHT,
  EPERM: NO_RIGHT,
  EROFS: "its folder can only be read. Name another folder",
  ENOSPC: "its disk is full",
};

function explain(error: unknown): unknown {
  if (!isAppError(error)) return error;
  if (error.code === "ERR_STORE") {
    const { reason = "" } = error as { readonly reason?: string };
    const text = STORE_REASONS[reason] ?? "the store cannot be reached";
    return new CtlError(`STORE_URL: ${text} (${reason || error.code}).`);
  }
  if (error.code !== "ERR_STORE_IN_USE") return new CtlError(`${error.message} (${error.code})`);
  const { ownerPid, lockFile } = error;
  return new CtlError(
    ownerPid === undefined
      ? `The lock file ${lockFile} is not one of this program. If no process uses the store, delete it.`
      : `Another process (process ${ownerPid}) has the store open: see ${lockFile}. If it is npm start on another port, give its --url. Otherwise stop it.`,
  );
}
