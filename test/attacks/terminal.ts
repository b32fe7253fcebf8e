import { COMMANDS, wordsOf } from "../../shared/commands/table.ts";
import { CtlError } from "../../shared/ctl/io.ts";
import { runCtl, startPollServer } from "../shared/ctl/test-world.ts";
import type { Line, Problem } from "./built.ts";

/** C0, DEL, C1 and bidirectional controls, all that a customer may write into its name. */
const CONTROLS =
  "\u001b[2J\u0007\b\r\nevent  BANNED\u007f\u0085\u009b31m\u061c\u200e\u202e\u2028\u2066";
export const HOSTILE = `Acme${CONTROLS}`;
const RAW = /(?!\n)[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;
const FORGED = /^event {2}BANNED/m;

export const rawIn = (output: string): Problem => {
  const at = output.search(RAW);
  if (at >= 0) return `raw: ${JSON.stringify(output.slice(Math.max(0, at - 60), at + 20))}`;
  return FORGED.test(output) ? "a forged line" : undefined;
};

const FIELDS = [
  ..."id custSpaceId seq type phoneNumber status diedAt deliveredAt severity failingSince since".split(
    " ",
  ),
  ..."code upstreamCode upstreamMessage accessDeniedDetail transportCode url path until".split(" "),
  ..."numbers pending deadLetters after removedAt changedAt firstReadAt".split(" "),
];
const item = Object.fromEntries(FIELDS.map((name) => [name, HOSTILE]));
const LISTS = [
  ..."customers deadLetters refused left events failures ahead leftOutOf addresses".split(" "),
];
const NAMES = "notWatched tombstones erased removed unreadable added revived".split(" ");
/** An answer of poll in which everything that can be a text is hostile. */
const ANSWER = {
  ...Object.fromEntries(LISTS.map((name) => [name, [item]])),
  ...Object.fromEntries(NAMES.map((name) => [name, [HOSTILE]])),
  ...{ more: false, leftOut: 1, notFound: HOSTILE, sequencesAhead: 1, alreadyWatched: HOSTILE },
  ...{ lastRunAt: HOSTILE, lastRunAgeSeconds: 1, oldestReadIs: HOSTILE, accepted: false },
  ...{ result: HOSTILE, eventId: HOSTILE, state: HOSTILE, didYouMean: { [HOSTILE]: HOSTILE } },
  stopped: { reason: HOSTILE, status: HOSTILE },
  verdict: { status: HOSTILE, reasons: [HOSTILE] },
  lease: { held: true, until: HOSTILE },
  freshness: { sweptAt: HOSTILE },
  account: item,
  receiver: { ...item, state: "open", reason: HOSTILE, nextProbeAt: HOSTILE },
};

/** What a command needs besides its words. */
const OPERANDS: Readonly<Record<string, readonly string[]>> = {
  "dead drop": ["--all"],
  "dead redeliver": ["--all"],
  redeliver: ["--since", "1h"],
};

const FAILURES = [
  { error: { code: HOSTILE, issues: [{ path: HOSTILE, message: HOSTILE }] } },
  { errorType: HOSTILE },
  { code: HOSTILE },
];

async function runCommand(argv: readonly string[], body: object, status = 200): Promise<Problem> {
  const server = await startPollServer(() => ({ status, body }));
  const lines: string[] = [];
  const keep = (line: string) => void lines.push(line);
  try {
    await runCtl([...argv, "--url", server.url], {
      out: keep,
      err: keep,
      readText: async () => "acme",
      sleep: () => Promise.reject(new CtlError("ends")),
    });
    const output = lines.join("\n");
    return rawIn(output) ?? (output.includes("Acme") ? undefined : `not reached: ${output}`);
  } finally {
    await server.close();
  }
}

function commandLine(entry: (typeof COMMANDS)[number]): string[] {
  const words = wordsOf(entry);
  const operands = { words: ["acme"], file: ["-"], none: [] }[entry.customers ?? "none"] ?? [];
  return [...words.split(" "), ...operands, ...(OPERANDS[words] ?? [])];
}

const commands: readonly Line[] = COMMANDS.flatMap((entry) => {
  const argv = commandLine(entry);
  const answer = { command: entry.name, ...ANSWER };
  return [[], ["--json"]].map((more) => ({
    name: `ctl ${[...argv, ...more].join(" ")}, in an answer that a customer wrote`,
    run: () => runCommand([...argv, ...more], answer),
  }));
});

const failures: readonly Line[] = FAILURES.flatMap((body) =>
  [[], ["--json"], ["--check"]].map((more) => ({
    name: `ctl status ${more.join("")} with the failure ${Object.keys(body)}`,
    run: () => runCommand(["status", ...more], body, "code" in body ? 403 : 200),
  })),
);

export const terminal: readonly Line[] = [...commands, ...failures];
