import "../support/replaced-packages.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { readDuration } from "../../shared/commands/duration.ts";
import { SETTING_HELP } from "../../shared/contract/setting-help.ts";
import { isLookOnly } from "../../shared/ctl/in-process.ts";
import { printable, printableLines } from "../../shared/ctl/printable.ts";
import { announceStart } from "../../shared/ctl/running-file.ts";
import { maskNumber } from "../../shared/log.ts";
import { guide } from "./guide.ts";
import { describeResult } from "./page/overview.ts";
import type { SandboxReceiver } from "./receiver.ts";
import { startStack, usesRealUpstream } from "./stack.ts";

const HELP = `npm start -- [options]

Runs the functions, a webhook receiver and a simulated upstream on this machine, with poll's timer
and a page to watch and play with them. Environment variables replace parts:

  ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET   use the real upstream
  WEBHOOK_URL                                                    use your own receiver, on this machine
                                                                 by http as well
  WEBHOOK_SECRET                                                 sign with it. Without it, one is printed
  STORE_URL                                                      keep the state there

Without STORE_URL, the state is in a folder that is deleted at the end. With the real upstream it
stays in pglite:./.waba/store.

  --port N       port of the page and the functions (default 8787, 0 takes a free one)
  --interval T   between two runs of poll: 5, 30s, 15m (default 5 s, or 60 with the real upstream)
  --help         prints this text

Every setting of the functions is read from the environment:

${Object.entries(SETTING_HELP)
  .map(([name, help]) => `  ${name.padEnd(31)}  ${help.replaceAll("`", "")}`)
  .join("\n")}
`;

/** Between two looks for new events. */
const PRINT_MS = 500;
/** Signals closer together are one Ctrl-C. */
const SAME_SIGNAL_MS = 1_000;

async function start(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "8787" },
      interval: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const given = process.env;
  const interval = values.interval ?? (usesRealUpstream(given) ? "60" : "5");
  const intervalSeconds = wholeNumber("--interval", toSeconds(interval), 1, 86_400);
  const port = wholeNumber("--port", values.port, 0, 65_535);
  const ending = endOnSignal();

  const folder = await mkdtemp(path.join(tmpdir(), "waba-numbers-"));
  try {
    console.log("Starting: opening the store…");
    // events tail looks every two seconds.
    const writeLog = (line: string) => {
      if (!line.startsWith("{") || !isLookOnly(line)) console.log(printable(line));
    };
    const isReal = usesRealUpstream(given);
    const stack = await startStack({
      ...{ folder, port, intervalSeconds, given, writeLog },
      onAttempt: ({ body }, result) => {
        const { type, subject } = JSON.parse(body);
        const shown = hide(subject ?? "", isReal);
        console.log(printable(`event  ${type}  ${shown}  ${describeResult(result)}`));
      },
    });
    const { url, apiKey, store } = stack;
    const takeBack = await announceStart({ url, apiKey, store });
    try {
      console.log(`\n${guide(stack, intervalSeconds)}\n\nStop with Ctrl-C.\n`);
      stack.timer.start();
      await printEvents(stack.receiver, isReal, ending);
      console.log("\nStopping: waiting for the run of poll, then closing the store.");
    } finally {
      await takeBack();
      await stack.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Aborts at Ctrl-C and at SIGTERM. A second Ctrl-C ends the process at once. One Ctrl-C arrives
 * twice, from the terminal and from tsx, so the second must come later.
 */
function endOnSignal(): AbortSignal {
  const ending = new AbortController();
  let askedAt: number | undefined;
  const end = () => {
    const now = performance.now();
    if (askedAt !== undefined && now - askedAt > SAME_SIGNAL_MS) process.exit(130);
    askedAt ??= now;
    ending.abort();
  };
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
  return ending.signal;
}

/** The subject of an event about the watch is a customer. A number is all digits. */
function hide(subject: string, isReal: boolean): string {
  return isReal && /^\d+$/.test(subject) ? maskNumber(subject) : subject;
}

async function printEvents(
  receiver: SandboxReceiver | undefined,
  isReal: boolean,
  signal: AbortSignal,
): Promise<void> {
  let shown = 0;
  while (!signal.aborted) {
    for (const { event, type, subject } of receiver?.received().slice(shown) ?? []) {
      shown += 1;
      const data = event.data as { changes?: { field: string; from: string; to: string }[] };
      const changes = data.changes?.map((c) => `${c.field} ${c.from} -> ${c.to}`).join(", ");
      console.log(printable(`event  ${type}  ${hide(subject ?? "", isReal)}  ${changes ?? ""}`));
    }
    await sleep(PRINT_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** `90`, `90s` and `15m` as seconds. Other texts are left to be refused. */
function toSeconds(text: string): string {
  const ms = readDuration(text);
  return ms === undefined ? text : String(ms / 1_000);
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (/^\d{1,5}$/.test(text) && number >= least && number <= most) return number;
  throw new Error(`${name} must be a whole number from ${least} to ${most}`);
}

try {
  await start();
} catch (error) {
  const { code, port } = error as { readonly code?: unknown; readonly port?: unknown };
  const taken =
    code === "EADDRINUSE"
      ? `Port ${port} is taken, perhaps by another npm start. Take a free one: npm start -- --port 0`
      : undefined;
  console.error(printableLines(taken ?? (error instanceof Error ? error.message : String(error))));
  process.exitCode = 1;
}
