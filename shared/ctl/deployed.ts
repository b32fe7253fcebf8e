import { execFile } from "node:child_process";
import { isDeepStrictEqual, stripVTControlCharacters } from "node:util";
import { POLL } from "../functions.js";
import type { Answer } from "./answer.ts";
import { type Connection, CtlError, type CtlIo } from "./io.ts";

const LIMIT_MS = 120_000;
const NOTHING_SAID =
  "serverless printed nothing. It is a development dependency: to install it, run npm ci";
/** Lines of a failed call's output that are passed on. */
const MAX_QUOTED = 8;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** What serverless prints around each error. */
const BANNER = /^((Environment|Credentials|Docs|Support|Bugs): +\S.*|(✖ +)?Error:)$/;
/** Function Compute refuses an invocation over the concurrency limit with 429 ResourceExhausted. */
const BUSY = /\b429\b|ResourceExhausted|concurrency/i;

type Io = Pick<CtlIo, "serverless" | "environment">;

export function connectDeployed(stage: string, io: Io): Connection {
  return {
    send: (payload) => invokeDeployed(stage, payload, io),
    addressOf: (name) => findAddress(stage, name, io),
    close: async () => {},
  };
}

/** By `serverless info`, which prints a line with name, methods and address for each function. */
async function findAddress(stage: string, name: string, io: Io): Promise<string | undefined> {
  const [program, ...first] = io.serverless;
  const { output } = await run(program, [...first, "info", "--stage", stage], io.environment);
  const line = new RegExp(`^ *${name} +[A-Z, ]+ (https://\\S+?)/?(?:/${name})?$`, "m");
  return line.exec(stripVTControlCharacters(output))?.[1];
}

/**
 * Calls the deployed poll by `serverless invoke` and finds its JSON answer in the output.
 *
 * @returns `busy` if the platform's concurrency limit refused the call
 * @throws CtlError with the last lines of the output, without secrets
 */
async function invokeDeployed(stage: string, payload: object, io: Io): Promise<Answer | "busy"> {
  const [program, ...first] = io.serverless;
  const data = JSON.stringify(payload);
  const args = [...first, "invoke", "-f", POLL.name, "--stage", stage, "--data", data];
  const { output, problem } = await run(program, args, io.environment);
  const answer = findAnswer(output, payload);
  if (answer) return answer;
  if (BUSY.test(output.replaceAll(data, ""))) return "busy";
  const said = quote(output.replaceAll(data, ""), io.environment);
  throw new CtlError(
    [
      `The deployed function could not be called (${problem ?? "its answer was not printed"}).`,
      ...(said.length > 0 ? said : [NOTHING_SAID]).map((line) => `  ${line}`),
    ].join("\n"),
  );
}

/** The last lines of an output, without whatever may be a secret. */
function quote(output: string, environment: Io["environment"]): string[] {
  const secrets = Object.entries(environment).flatMap(([name, value = ""]) =>
    /KEY|SECRET|TOKEN|PASSWORD|STORE_URL/i.test(name) && value.length > 5 ? [value] : [],
  );
  let text = stripVTControlCharacters(output);
  for (const secret of secrets) text = text.replaceAll(secret, "[redacted]");
  text = text
    .replaceAll(
      /((?:key|secret|token|password|signature)\w*["']?\s*[=:]\s*["']?)[^\s"',;&]+/gi,
      "$1…",
    )
    .replaceAll(/\b(?:LTAI|STS\.|whsec_)[\w+/=.-]+/g, "[redacted]")
    .replaceAll(/:\/\/[^\s/@]+@/g, "://…@")
    .replaceAll(/\+?\d{7,}(?=\d{4})/g, "***");
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "" && !BANNER.test(line)).slice(-MAX_QUOTED);
}

type Run = { readonly output: string; readonly problem: string | undefined };

function run(program: string, args: string[], environment: Io["environment"]): Promise<Run> {
  // Without CI the Alibaba plugin posts analytics at each call.
  const env = { ...environment, CI: "1" };
  const options = { env, timeout: LIMIT_MS, maxBuffer: MAX_OUTPUT_BYTES };
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      const problem = error
        ? error.killed
          ? "it took more than two minutes"
          : `exit ${error.code ?? "by a signal"}`
        : undefined;
      resolve({ output: `${stderr}\n${stdout}`, problem });
    });
  });
}

/** The last JSON object in the output that can be poll's answer. The echoed payload is none. */
function findAnswer(output: string, payload: object): Answer | undefined {
  const command = (payload as { command?: unknown }).command;
  for (let start = output.lastIndexOf("{"); start >= 0; ) {
    const found = parseAt(output, start);
    if (found && !isDeepStrictEqual(found, payload)) {
      const isAnswer = found.command === command && "command" in found;
      const isFailure = typeof found.errorType === "string" || isError(found.error);
      if (isAnswer || isFailure) return found;
    }
    start = start === 0 ? -1 : output.lastIndexOf("{", start - 1);
  }
  return undefined;
}

function isError(value: unknown): boolean {
  return typeof value === "object" && value !== null && "code" in value;
}

/** The JSON object that begins at an index, whatever follows it. */
function parseAt(text: string, start: number): Record<string, unknown> | undefined {
  let depth = 0;
  let isInString = false;
  for (let at = start; at < text.length; at += 1) {
    const char = text[at];
    if (isInString) {
      if (char === "\\") at += 1;
      else if (char === '"') isInString = false;
    } else if (char === '"') isInString = true;
    else if (char === "{") depth += 1;
    else if (char === "}") {
      depth -= 1;
      if (depth === 0) return parse(text.slice(start, at + 1));
    }
  }
  return undefined;
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
