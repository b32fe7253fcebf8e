import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import process from "node:process";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { parseCommandLine } from "./arguments.ts";
import { connect } from "./connect.ts";
import { CtlError, type CtlIo } from "./io.ts";
import { newKey } from "./new-key.ts";
import { describeAnswer, isDone } from "./print.ts";
import { printable, printableLines } from "./printable.ts";
import { runPlan } from "./run.ts";
import { findStart } from "./running-file.ts";
import { verdictOf } from "./status-lines.ts";
import { tailEvents } from "./tail.ts";

/** What monitoring plugins exit with. */
const CHECK_CODES: Readonly<Record<string, 0 | 1 | 2>> = { OK: 0, WARN: 1, CRIT: 2 };
const CANNOT_TELL = 3;

/**
 * Runs one command line.
 *
 * @returns the exit code: 0 done, 1 refused or failed, 2 wrong command line. With `--check`: 0 OK,
 * 1 WARN, 2 CRIT, 3 for everything else.
 */
export async function main(argv: readonly string[], given: CtlIo): Promise<0 | 1 | 2 | 3> {
  const io: CtlIo = {
    ...given,
    out: (text) => given.out(printableLines(text)),
    err: (text) => given.err(printableLines(text)),
  };
  const isCheck = argv.includes("--check");
  try {
    if (argv[0] === "--version") {
      io.out(io.environment.npm_package_version ?? "unknown");
      return 0;
    }
    const parsed = parseCommandLine(argv, io.now());
    if (parsed.kind === "key") {
      for (const line of newKey(parsed.words, randomBytes)) io.out(line);
      return 0;
    }
    if (parsed.kind === "help") {
      io.out(parsed.text);
      return 0;
    }
    const connection = await connect(parsed.where, io);
    try {
      if (parsed.plan.flags.includes("tail")) {
        return await tailEvents(parsed.plan, connection, io, parsed.json);
      }
      const answer = await runPlan(parsed.plan, connection, io);
      const lines = parsed.json
        ? JSON.stringify(answer, null, 2).split("\n")
        : describeAnswer(answer, io.now());
      io.out(lines.map(printable).join("\n"));
      if (isCheck) return CHECK_CODES[verdictOf(answer).status] ?? CANNOT_TELL;
      return isDone(answer) ? 0 : 1;
    } finally {
      await connection.close();
    }
  } catch (error) {
    if (!(error instanceof CtlError) && !isCheck) throw error;
    const message = error instanceof Error ? error.message : String(error);
    if (!isCheck) {
      if (argv.includes("--json")) io.out(JSON.stringify({ error: { message } }));
      io.err(message);
      return error instanceof CtlError ? error.exitCode : 1;
    }
    const reason = inOneLine(message);
    const verdict = { status: "UNKNOWN", reasons: [reason] };
    const asJson = argv.includes("--json");
    io.out(asJson ? JSON.stringify({ error: { message }, verdict }) : `UNKNOWN: ${reason}`);
    return CANNOT_TELL;
  }
}

/** A container may run under a number that has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.()}`;
  }
}

/** A message of several lines as a monitoring plugin prints it. Behind `|` it would read figures. */
function inOneLine(message: string): string {
  const [first = "", ...rest] = message.split("\n").map((line) => line.trim());
  return [first, rest.join("; ")].join(" ").trim().replaceAll("|", "/");
}

const isProgram = pathToFileURL(process.argv[1] ?? "").href === import.meta.url;
if (isProgram) {
  // The reader of a pipe, such as head, may end first.
  process.stdout.on("error", (error: { readonly code?: string }) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
  process.exitCode = await main(process.argv.slice(2), {
    out: (line) => console.log(line),
    err: (line) => console.error(line),
    redraw: process.stderr.isTTY ? (line) => process.stderr.write(`\r${line}`) : undefined,
    environment: process.env,
    user: userName(),
    now: Date.now,
    sleep: async (ms) => {
      await sleep(ms);
    },
    listFiles: (folder) => readdir(folder),
    readText: (path) => (path === "-" ? text(process.stdin) : readFile(path, "utf8")),
    findStart,
    // --no: a serverless that is not installed here is another program.
    serverless: ["npx", "--no", "serverless"],
  });
}
