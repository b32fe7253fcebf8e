import "../support/replaced-packages.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { maskNumber } from "../../shared/log.ts";
import { guide } from "./guide.ts";
import type { SandboxReceiver } from "./receiver.ts";
import { startStack, usesRealUpstream } from "./stack.ts";

const HELP = `npm start -- [options]

Keeps the functions, a webhook receiver and a simulated upstream running on this machine, with
poll's timer and a page to watch and play with them. With ALIBABA_CLOUD_ACCESS_KEY_ID and
ALIBABA_CLOUD_ACCESS_KEY_SECRET in the environment the real upstream is used instead; WEBHOOK_URL
and WEBHOOK_SECRET send the events to a receiver of your own; STORE_URL keeps the state (default:
a folder that is deleted at the end in the sandbox, pglite:./.waba/store with the real upstream).

  --port N       the port of the page and the functions (default 8787; 0 takes a free one)
  --interval N   seconds between two runs of poll (default 5; 60 with the real upstream)
  --help         this text
`;

/** How often the events that have come are printed. */
const PRINT_MS = 500;
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
  const intervalSeconds = wholeNumber("--interval", interval, 1, 86_400);
  const port = wholeNumber("--port", values.port, 0, 65_535);
  const ending = endOnSignal();

  const folder = await mkdtemp(path.join(tmpdir(), "waba-numbers-"));
  try {
    console.log("Starting: the store is opened…");
    const writeLog = (line: string) => console.log(line);
    const stack = await startStack({ folder, port, intervalSeconds, given, writeLog });
    try {
      console.log(`\n${guide(stack, intervalSeconds)}\n\nStop with Ctrl-C.\n`);
      stack.timer.start();
      await printEvents(stack.receiver, usesRealUpstream(given), ending);
      console.log("\nStopping: a run of poll is waited for, and the store closed properly.");
    } finally {
      await stack.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Aborts at Ctrl-C and at SIGTERM. One Ctrl-C comes twice, from the terminal and from tsx, so only a
 * later one ends at once what takes too long to close.
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

async function printEvents(
  receiver: SandboxReceiver | undefined,
  isReal: boolean,
  signal: AbortSignal,
): Promise<void> {
  // The subject of an event about the watching is the customer, and a number is all digits.
  const show = (subject: string) =>
    isReal && /^\d+$/.test(subject) ? maskNumber(subject) : subject;
  let shown = 0;
  while (!signal.aborted) {
    for (const { event, type, subject } of receiver?.received().slice(shown) ?? []) {
      shown += 1;
      const data = event.data as { changes?: { field: string; from: string; to: string }[] };
      const changes = data.changes?.map((c) => `${c.field} ${c.from} -> ${c.to}`).join(", ");
      console.log(`event  ${type}  ${show(subject ?? "")}  ${changes ?? ""}`);
    }
    await sleep(PRINT_MS, undefined, { signal }).catch(() => undefined);
  }
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (/^\d{1,5}$/.test(text) && number >= least && number <= most) return number;
  throw new Error(`${name} must be a whole number from ${least} to ${most}`);
}

try {
  await start();
} catch (error) {
  const code = (error as { code?: unknown }).code;
  const taken =
    code === "EADDRINUSE" ? "The port is taken; choose another with --port." : undefined;
  console.error(taken ?? (error instanceof Error ? error.message : String(error)));
  process.exitCode = 1;
}
