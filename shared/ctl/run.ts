import { customerIdSchema } from "../schemas/customer-row.ts";
import type { Answer } from "./answer.ts";
import type { Plan } from "./arguments.ts";
import { type Connection, CtlError, type CtlIo } from "./io.ts";
import { createProgress } from "./progress.ts";

/** Fits into a command line's limit of 128 KB, and shows progress in small steps. */
const BATCH = 200;
const BUSY_LIMIT_MS = 60_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 8_000;
const NO_PROGRESS = "The command makes no progress. Run it again later.";

/** Sends a command as often as it takes and joins the answers. */
export async function runPlan(
  { payload, customers }: Plan,
  connection: Connection,
  io: CtlIo,
): Promise<Answer> {
  if (!customers) return sendPages(payload, connection, io);
  const isImport = "file" in customers;
  const ids = [...new Set(isImport ? readIds(await readFile(customers.file, io)) : customers.ids)];
  checkIds(ids);
  const onProgress = isImport ? createProgress(ids.length, io) : () => {};
  return sendBatches(payload, ids, connection, io, onProgress);
}

async function readFile(path: string, io: CtlIo): Promise<string> {
  return io.readText(path).catch(() => {
    throw new CtlError("The file cannot be read.");
  });
}

function readIds(text: string): string[] {
  return text
    .replaceAll(/#.*/g, "")
    .split(/[\s,]+/)
    .filter((word) => word !== "");
}

function checkIds(ids: readonly string[]): void {
  if (ids.length === 0) throw new CtlError("There are no customers in the file.");
  const bad = ids.filter((id) => !customerIdSchema.safeParse(id).success);
  if (bad.length === 0) return;
  const named = bad.slice(0, 3).map((id) => JSON.stringify(id.slice(0, 40)));
  const more = bad.length > 3 ? `, and ${bad.length - 3} more` : "";
  throw new CtlError(
    `These are no CustSpaceIds, so nothing was sent: ${named.join(", ")}${more}. An id is self, or 1 to 128 letters, digits, _ or -.`,
  );
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
    throw new CtlError(`The function failed (${answer.errorType}). Its log says why.`);
  }
  const error = answer.error as { code?: unknown; issues?: unknown } | undefined;
  if (!error) return answer;
  const issues = Array.isArray(error.issues) ? (error.issues as Record<string, unknown>[]) : [];
  const lines = issues.map(({ path, message }) => `  ${path ? `${path} ` : ""}${message}`);
  throw new CtlError(
    [`The function refused the command (${error.code}).`, ...lines].join("\n"),
    error.code === "ERR_INVALID_REQUEST" ? 2 : 1,
  );
}
