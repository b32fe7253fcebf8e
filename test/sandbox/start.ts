import "../support/replaced-packages.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import {
  newApiKey,
  newWebhookSecret,
  SANDBOX_CREDENTIALS,
  sandboxEnvironment,
} from "./environment.ts";
import { type LocalFunctions, startFunctions } from "./functions.ts";
import { type SandboxReceiver, startReceiver } from "./receiver.ts";
import { type SandboxUpstream, startUpstream } from "./upstream.ts";

const HELP = `npm start -- [options]

Keeps the functions, a webhook receiver and a simulated upstream running on this machine, with
poll's timer. With ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET in the
environment the real upstream is used instead; WEBHOOK_URL and WEBHOOK_SECRET send the events to a
receiver of your own; STORE_URL keeps the state (default: a folder that is deleted at the end in
the sandbox, pglite:./.waba/store with the real upstream).

  --port N       the functions' port (default 8787)
  --interval N   seconds between two runs of poll (default 5; 60 with the real upstream)
  --help         this text
`;

const CUSTOMER = "cust-space-1";
const NUMBER = "4915112345678";

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
  const isReal = Boolean(given.ALIBABA_CLOUD_ACCESS_KEY_ID);
  const interval = positiveInteger("--interval", values.interval ?? (isReal ? "60" : "5"));
  const port = positiveInteger("--port", values.port);
  const closers: (() => Promise<unknown>)[] = [];
  try {
    const folder = await mkdtemp(path.join(tmpdir(), "waba-numbers-"));
    closers.push(() => rm(folder, { recursive: true, force: true }));
    await run({ folder, port, interval, isReal, given, closers });
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

type Run = {
  readonly folder: string;
  readonly port: number;
  readonly interval: number;
  readonly isReal: boolean;
  readonly given: NodeJS.ProcessEnv;
  /** What to close at the end, also when the start fails halfway. */
  readonly closers: (() => Promise<unknown>)[];
};

async function run({ folder, port, interval, isReal, given, closers }: Run): Promise<void> {
  const upstream = isReal ? undefined : await startUpstream({ credentials: [SANDBOX_CREDENTIALS] });
  if (upstream) closers.push(upstream.close);
  const secret = given.WEBHOOK_SECRET ?? newWebhookSecret();
  const receiver = given.WEBHOOK_URL ? undefined : await startReceiver({ secrets: [secret] });
  if (receiver) closers.push(receiver.close);
  const apiKey = newApiKey();
  const environment: Record<string, string | undefined> = {
    ...sandboxEnvironment({
      upstreamUrl: upstream?.url,
      receiverUrl: receiver?.url ?? given.WEBHOOK_URL ?? "",
      webhookSecret: secret,
      apiKey,
      storeUrl: isReal ? "pglite:./.waba/store" : `pglite:${path.join(folder, "store")}`,
      pollIntervalSeconds: interval,
    }),
    ...(receiver ? {} : { WEBHOOK_ALLOW_HTTP: "", WEBHOOK_ALLOW_CIDRS: "" }),
    LOG_LEVEL: "warn",
    ...given,
  };
  const functions = await startFunctions({
    environment,
    port,
    writeLog: (line) => console.log(line),
  });
  closers.push(functions.close);
  upstream?.control.addCustomer(CUSTOMER);
  const printedKey = environment.API_KEYS?.split(":")[1] ?? apiKey;
  printGuide(functions, upstream, receiver, printedKey, interval);

  const ending = new AbortController();
  process.once("SIGINT", () => ending.abort());
  process.once("SIGTERM", () => ending.abort());
  await runTimer(functions, receiver, interval, ending.signal);
  console.log("\nStopping: the store is closed properly.");
}

async function runTimer(
  functions: LocalFunctions,
  receiver: SandboxReceiver | undefined,
  interval: number,
  signal: AbortSignal,
): Promise<void> {
  let shown = 0;
  while (!signal.aborted) {
    const began = performance.now();
    // A failed run has been logged; the next one starts from what is stored.
    await functions.poll().catch(() => undefined);
    for (const { event, type, subject } of receiver?.received().slice(shown) ?? []) {
      shown += 1;
      const data = event.data as { changes?: { field: string; from: string; to: string }[] };
      const changes = data.changes?.map((c) => `${c.field} ${c.from} -> ${c.to}`).join(", ");
      console.log(`event  ${type}  ${subject ?? ""}  ${changes ?? ""}`);
    }
    const left = interval * 1000 - (performance.now() - began);
    await sleep(Math.max(0, left), undefined, { signal }).catch(() => undefined);
  }
}

function printGuide(
  functions: LocalFunctions,
  upstream: SandboxUpstream | undefined,
  receiver: SandboxReceiver | undefined,
  apiKey: string,
  interval: number,
): void {
  const { url } = functions.platform;
  const auth = `-H 'authorization: Bearer ${apiKey}'`;
  const json = "-H 'content-type: application/json'";
  const add = `{"custSpaceId":"${CUSTOMER}","cc":"49","phoneNumber":"15112345678","verifiedName":"Acme"}`;
  const lines = [
    `functions   ${url}/add  ${url}/query`,
    `upstream    ${upstream ? `${upstream.url} (simulated)` : "the real one"}`,
    `receiver    ${receiver ? `${receiver.url} (local, verifies each event)` : "WEBHOOK_URL"}`,
    `poll        every ${interval} s`,
    `API key     ${apiKey}`,
    "",
    "Add a number:",
    `  curl -X POST ${url}/add ${auth} ${json} -d '${add}'`,
    "Query it, live and from the state:",
    `  curl '${url}/query?custSpaceId=${CUSTOMER}' ${auth}`,
    `  curl '${url}/query?custSpaceId=${CUSTOMER}&source=stored' ${auth}`,
    "Run poll now, or give it a command:",
    `  curl -X POST ${url}/poll ${auth} ${json} -d '{"command":"watch","custSpaceIds":["${CUSTOMER}"]}'`,
  ];
  if (upstream) {
    const control = `${upstream.url}/~control`;
    const number = `"custSpaceId":"${CUSTOMER}","phoneNumber":"${NUMBER}"`;
    lines.push(
      "Let the number connect upstream, then lose quality, and watch the events arrive here:",
      `  curl ${control}/connect ${json} -d '{${number}}'`,
      `  curl ${control}/set-number ${json} -d '{${number},"fields":{"QualityRating":"RED"}}'`,
    );
  }
  console.log(`\n${lines.join("\n")}\n\nStop with Ctrl-C.\n`);
}

function positiveInteger(name: string, text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new Error(`${name} must be a whole number from 1 to 99999`);
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
