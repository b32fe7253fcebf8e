import type { Plan } from "./commands.ts";
import { type Answer, type Connection, CtlError, type CtlIo } from "./io.ts";

/** Small enough for a command line's limit of 128 KB, and for a bar that moves. */
const BATCH = 200;
const BUSY_LIMIT_MS = 60_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 8_000;
const CUSTOMER_ID = /^[A-Za-z0-9_-]{1,128}$/;
const BAR_WIDTH = 30;

/** Asks as often as it takes and gives one answer for all. */
export async function runPlan(plan: Plan, connection: Connection, io: CtlIo): Promise<Answer> {
  if (plan.kind === "pages") return askPages(plan.payload, connection, io);
  const isImport = plan.file !== undefined;
  const ids = isImport ? readIds(await readFile(plan.file, io)) : plan.ids;
  checkIds(ids);
  return askBatches(plan.payload, [...new Set(ids)], connection, io, isImport);
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
  const bad = ids.filter((id) => !CUSTOMER_ID.test(id));
  if (bad.length === 0) return;
  const named = bad.slice(0, 3).map((id) => JSON.stringify(id.slice(0, 40)));
  const more = bad.length > 3 ? `, and ${bad.length - 3} more` : "";
  throw new CtlError(
    `Not customers' ids, so nothing was sent: ${named.join(", ")}${more}. An id is self, or 1 to 128 letters, digits, _ or -.`,
  );
}

async function askPages(
  payload: { readonly command: string },
  connection: Connection,
  io: CtlIo,
): Promise<Answer> {
  let answer = await ask(payload, connection, io);
  let last: unknown;
  while (answer.more === true && answer.stopped === undefined) {
    const { after } = answer;
    if (after === last) throw new CtlError("The command gets no further; try again later.");
    last = after;
    answer = join(answer, await ask({ ...payload, after }, connection, io));
  }
  return answer;
}

async function askBatches(
  payload: { readonly command: string },
  ids: readonly string[],
  connection: Connection,
  io: CtlIo,
  showsProgress: boolean,
): Promise<Answer> {
  const progress = createProgress(ids.length, showsProgress ? io : undefined);
  let answer: Answer | undefined;
  for (let done = 0; done < ids.length; ) {
    const custSpaceIds = ids.slice(done, done + BATCH);
    const next = await ask({ ...payload, custSpaceIds }, connection, io);
    const processed = Number(next.processed ?? custSpaceIds.length);
    if (processed === 0) throw new CtlError("The command gets no further; try again later.");
    answer = answer ? join(answer, next) : next;
    done += processed;
    progress(done);
  }
  return { ...answer, more: false };
}

/** Lists and counts of several answers belong together; of the rest the last one holds. */
function join(first: Answer, second: Answer): Answer {
  const entries = Object.entries(second).map(([name, value]) => {
    const before = first[name];
    if (Array.isArray(value) && Array.isArray(before)) return [name, [...before, ...value]];
    if (typeof value === "number" && typeof before === "number") return [name, before + value];
    return [name, value];
  });
  return Object.fromEntries(entries);
}

/** A refusal by the platform's concurrency limit is no answer: a run or two are in the way. */
async function ask(payload: object, connection: Connection, io: CtlIo): Promise<Answer> {
  const beganAt = io.now();
  let wait = FIRST_WAIT_MS;
  for (;;) {
    const answer = await connection.ask(payload);
    if (answer !== "busy") return checked(answer);
    const left = beganAt + BUSY_LIMIT_MS - io.now();
    if (left <= 0) {
      throw new CtlError("The function was at its concurrency limit for a minute; try again.");
    }
    io.err("the function is at its concurrency limit; trying again");
    await io.sleep(Math.min(wait, left));
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

function checked(answer: Answer): Answer {
  if (typeof answer.errorType === "string") {
    throw new CtlError(`The function failed (${answer.errorType}); its log says why.`);
  }
  const error = answer.error as { code?: unknown; issues?: unknown } | undefined;
  if (!error) return answer;
  const issues = Array.isArray(error.issues) ? (error.issues as Record<string, unknown>[]) : [];
  const lines = issues.map(({ path, message }) => `  ${path ? `${path} ` : ""}${message}`);
  const exitCode = error.code === "ERR_INVALID_REQUEST" ? 2 : 1;
  throw new CtlError(
    [`The function refused the command (${error.code}).`, ...lines].join("\n"),
    exitCode,
  );
}

function createProgress(total: number, io: CtlIo | undefined): (done: number) => void {
  let tenths = 0;
  return (done) => {
    if (!io) return;
    if (io.redraw) {
      const filled = Math.round((done / total) * BAR_WIDTH);
      const bar = "#".repeat(filled).padEnd(BAR_WIDTH, "-");
      io.redraw(`[${bar}] ${done}/${total}${done === total ? "\n" : ""}`);
      return;
    }
    const now = Math.floor((done / total) * 10);
    if (now > tenths) io.err(`${done}/${total}`);
    tenths = now;
  };
}
