import { join as joinPath, parse as parsePath } from "node:path";
import { suggest } from "../commands/suggest.ts";
import { HINT } from "../functions.js";
import { customerIdSchema } from "../schemas/customer-row.ts";
import { type Answer, listOf } from "./answer.ts";
import type { Plan } from "./arguments.ts";
import { readImport } from "./import-ids.ts";
import { type Connection, CtlError, type CtlIo } from "./io.ts";
import { printable } from "./printable.ts";
import { createProgress } from "./progress.ts";

/** Fits into a command line's limit of 128 KB, and shows progress in small steps. */
const BATCH = 200;
const LIST_PAGE = 1_000;
const BUSY_LIMIT_MS = 60_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 8_000;
const NO_PROGRESS = "The command makes no progress. Run it again later.";

/** Sends a command as often as it takes and joins the answers. */
export async function runPlan(
  { payload, customers, flags }: Plan,
  connection: Connection,
  io: CtlIo,
): Promise<Answer> {
  if (!customers) return nameUnknown(await sendPages(payload, connection, io), connection, io);
  if ("file" in customers) {
    const ids = readImport(await readFile(customers.file, io));
    if (flags.includes("dryRun")) return planImport(ids, await listCustomers(connection, io));
    return sendBatches(payload, ids, connection, io, createProgress(ids.length, io));
  }
  const ids = [...new Set(customers.ids)];
  checkIds(ids);
  const answer = await sendBatches(payload, ids, connection, io, () => {});
  return nameUnknown(await withUrls(answer, connection), connection, io);
}

/** Adds to each path in an answer the address of the function that has it. */
async function withUrls(answer: Answer, connection: Connection): Promise<Answer> {
  const paths = listOf(answer.addresses);
  if (paths.length === 0) return answer;
  const base = (await connection.addressOf?.(HINT.name)) ?? "https://<the address of hint>";
  return { ...answer, addresses: paths.map((one) => ({ ...one, url: `${base}${one.path}` })) };
}

async function readFile(path: string, io: CtlIo): Promise<string> {
  try {
    return await io.readText(path);
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (code !== "ENOENT") throw new CtlError(`${path}: It cannot be read (${code}).`);
    const { dir, base } = parsePath(path);
    const near = suggest(base, await io.listFiles(dir || ".").catch(() => []));
    const hint = near === undefined ? "" : ` Did you mean ${joinPath(dir, near)}?`;
    throw new CtlError(`${path}: There is no such file.${hint}`);
  }
}

function checkIds(ids: readonly string[]): void {
  const bad = ids.filter((id) => !customerIdSchema.safeParse(id).success);
  if (bad.length === 0) return;
  const named = bad.map((id) => JSON.stringify(id.slice(0, 40))).join(", ");
  throw new CtlError(
    `These are no CustSpaceIds, so nothing was sent: ${named}. An id is self, or 1 to 128 letters, digits, _ or -.`,
  );
}

/** Every customer that has a row, with `removedAt` if it was removed. */
async function listCustomers(connection: Connection, io: CtlIo): Promise<readonly Answer[]> {
  const list = { command: "watch-list", limit: LIST_PAGE };
  return listOf((await sendPages(list, connection, io)).customers);
}

/** What an import would answer. Sends nothing that changes anything. */
function planImport(ids: readonly string[], customers: readonly Answer[]): Answer {
  const known = new Map(customers.map(({ custSpaceId, removedAt }) => [custSpaceId, removedAt]));
  const added = ids.filter((id) => !known.has(id));
  const revived = ids.filter((id) => known.get(id) !== undefined);
  const alreadyWatched = ids.length - added.length - revived.length;
  return { command: "watch", dryRun: true, added, revived, alreadyWatched };
}

/** Adds, for each customer that is not watched, the watched one that may have been meant. */
async function nameUnknown(answer: Answer, connection: Connection, io: CtlIo): Promise<Answer> {
  const unknown = listOf(answer.notWatched).map(String);
  if (unknown.length === 0) return answer;
  const customers = await listCustomers(connection, io);
  const watched = customers.filter(({ removedAt }) => removedAt === undefined);
  const ids = watched.map(({ custSpaceId }) => String(custSpaceId));
  const pairs = unknown.flatMap((id) => {
    const near = suggest(id, ids);
    return near === undefined || near === id ? [] : [[id, near]];
  });
  return { ...answer, didYouMean: pairs.length > 0 ? Object.fromEntries(pairs) : undefined };
}

/** Sends the payload with each answer's cursor until there is no more. */
async function sendPages(
  payload: Plan["payload"],
  connection: Connection,
  io: CtlIo,
): Promise<Answer> {
  let answer = await send(payload, connection, io);
  let last: unknown;
  while (answer.more === true && answer.stopped === undefined) {
    const { after } = answer;
    if (after === last) throw new CtlError(NO_PROGRESS);
    last = after;
    answer = join(answer, await send({ ...payload, after }, connection, io));
  }
  return answer;
}

async function sendBatches(
  payload: Plan["payload"],
  ids: readonly string[],
  connection: Connection,
  io: CtlIo,
  onProgress: (done: number) => void,
): Promise<Answer> {
  let answer: Answer = {};
  for (let done = 0; done < ids.length; ) {
    const custSpaceIds = ids.slice(done, done + BATCH);
    const next = await send({ ...payload, custSpaceIds }, connection, io);
    const processed = Number(next.processed ?? custSpaceIds.length);
    if (processed === 0) throw new CtlError(NO_PROGRESS);
    answer = join(answer, next);
    done += processed;
    onProgress(done);
  }
  return { ...answer, more: false };
}

/** Joins lists and adds counts. Of all else, the last answer holds. */
function join(first: Answer, second: Answer): Answer {
  const entries = Object.entries(second).map(([name, value]) => {
    const before = first[name];
    if (Array.isArray(value) && Array.isArray(before)) return [name, [...before, ...value]];
    if (typeof value === "number" && typeof before === "number") return [name, before + value];
    return [name, value];
  });
  return Object.fromEntries(entries);
}

/** Repeats a call that the platform's concurrency limit refused: a run or two are under way. */
async function send(payload: object, connection: Connection, io: CtlIo): Promise<Answer> {
  const beganAt = io.now();
  let wait = FIRST_WAIT_MS;
  for (;;) {
    const answer = await connection.send(payload);
    if (answer !== "busy") return checkAnswer(answer);
    const left = beganAt + BUSY_LIMIT_MS - io.now();
    if (left <= 0) {
      throw new CtlError("The function was at its concurrency limit for a minute. Run it again.");
    }
    io.err("the function is at its concurrency limit, trying again");
    await io.sleep(Math.min(wait, left));
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

/** @throws CtlError for an answer that reports a failure or a refusal */
function checkAnswer(answer: Answer): Answer {
  if (typeof answer.errorType === "string") {
    const errorType = printable(answer.errorType);
    throw new CtlError(`The function failed (${errorType}). Its log says why.`);
  }
  const error = answer.error as { code?: unknown; issues?: unknown } | undefined;
  if (!error) return answer;
  const issues = Array.isArray(error.issues) ? (error.issues as Record<string, unknown>[]) : [];
  const lines = issues.map(({ path, message }) => `  ${path ? `${path} ` : ""}${message}`);
  const refusal = `The function refused the command (${error.code}).`;
  throw new CtlError(
    [refusal, ...lines].map(printable).join("\n"),
    error.code === "ERR_INVALID_REQUEST" ? 2 : 1,
  );
}
