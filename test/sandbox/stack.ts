import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describeStore } from "../../shared/ctl/running-file.ts";
import {
  newApiKey,
  newWebhookSecret,
  SANDBOX_CREDENTIALS,
  sandboxEnvironment,
} from "./environment.ts";
import { type LocalFunctions, type LocalOptions, startFunctions } from "./functions.ts";
import { createPage } from "./page/page.ts";
import { createPollTimer, type PollTimer } from "./poll-timer.ts";
import { type SandboxReceiver, startReceiver } from "./receiver.ts";
import { type SandboxUpstream, startUpstream } from "./upstream.ts";

/** The customer that the simulated upstream has from the start. */
export const FIRST_CUSTOMER = "cust-space-1";
/** The sandbox reads no customer more often. It is short, so that "run now" has an effect. */
const READ_INTERVAL_SECONDS = 2;
/** A run with hints stays for its whole time, so it ends with the timer's next turn, or a little later. */
const HINTS_SECONDS = { least: 5, most: 57 };
/** `npm start` may run for days. */
const KEPT_CALLS = 1_000;

export type StackOptions = {
  /** For the store. It must exist. */
  readonly folder: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Between two runs of poll. */
  readonly intervalSeconds: number;
  /** What the user set. It wins over the sandbox's settings and chooses the real upstream. */
  readonly given: Readonly<Record<string, string | undefined>>;
  readonly writeLog: (line: string) => void;
  /** Called after each request to the user's own receiver. */
  readonly onAttempt?: LocalOptions["onAttempt"];
};

export type Stack = {
  /** The address of the functions and the page. */
  readonly url: string;
  readonly apiKey: string;
  /** Whether the key was made here. One of the user's own is never printed. */
  readonly isKeyMade: boolean;
  readonly isSecretMade: boolean;
  /** With HINT_SECRET. */
  readonly takesHints: boolean;
  /** Without a password. */
  readonly store: string;
  readonly webhookUrl: string;
  /** With which events are signed. */
  readonly webhookSecret: string;
  /** Undefined if it is the real one. */
  readonly upstream: SandboxUpstream | undefined;
  /** Undefined if it is the user's own. */
  readonly receiver: SandboxReceiver | undefined;
  readonly functions: LocalFunctions;
  /** Not started yet. */
  readonly timer: PollTimer;
  close(): Promise<void>;
};

export function usesRealUpstream(given: StackOptions["given"]): boolean {
  return Boolean(given.ALIBABA_CLOUD_ACCESS_KEY_ID);
}

/**
 * Starts the functions with the page and poll's timer, and simulates the upstream and the receiver
 * unless the user brings their own.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const closers: (() => unknown)[] = [];
  const close = async () => {
    for (const one of closers.splice(0).reverse()) await one();
  };
  try {
    return await assemble(options, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function assemble(
  options: StackOptions,
  closers: (() => unknown)[],
  close: () => Promise<void>,
): Promise<Stack> {
  const { given, intervalSeconds, writeLog } = options;
  const isReal = usesRealUpstream(given);
  const { watch, open } = createPage({ now: Date.now, isReal });
  const upstream = isReal
    ? undefined
    : await startUpstream({
        credentials: [SANDBOX_CREDENTIALS],
        keptCalls: KEPT_CALLS,
        ...watch.upstream,
      });
  if (upstream) closers.push(upstream.close);
  const secret = given.WEBHOOK_SECRET ?? newWebhookSecret();
  const receiver = given.WEBHOOK_URL
    ? undefined
    : await startReceiver({ secrets: secret.split(" ") });
  if (receiver) closers.push(receiver.close);

  // The page and ctl have a key of their own: one of the user's may be a digest, or of one customer.
  const apiKey = newApiKey();
  const environment = createEnvironment(options, secret, apiKey, upstream, receiver);
  const onError = (error: unknown) =>
    writeLog(`sandbox: ${error instanceof Error ? error.message : String(error)}`);

  let page: Awaited<ReturnType<typeof open>> | undefined;
  const functions = await startFunctions({
    environment,
    port: options.port,
    writeLog,
    local: (request, response) => page?.handle(request, response) ?? false,
    onAttempt(event, result, sent) {
      watch.delivery(event, result, sent);
      if (!receiver) options.onAttempt?.(event, result, sent);
    },
  });
  closers.push(functions.close);
  // Opens the store before the addresses are printed. If it fails, the next call tries again.
  await functions.storedCustomers(1).catch(onError);
  const timer = createPollTimer({
    poll: () => functions.poll(),
    intervalMs: intervalSeconds * 1000,
    readIntervalMs: Number(environment.POLL_INTERVAL_SECONDS) * 1000,
    now: Date.now,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
    onChange: () => page?.touch(),
  });
  closers.push(timer.stop);
  page = await open({
    ...{ upstream, receiver, functions, timer, intervalSeconds, apiKey, onError },
    webhook: { url: environment.WEBHOOK_URL ?? "", secret },
    isHealthWatched: /^(on|true)$/.test(environment.WATCH_HEALTH ?? ""),
    now: Date.now,
  });
  closers.push(page.close);
  upstream?.control.addCustomer(FIRST_CUSTOMER);
  return {
    url: functions.platform.url,
    isKeyMade: !given.API_KEYS,
    isSecretMade: !given.WEBHOOK_SECRET,
    takesHints: Boolean(given.HINT_SECRET),
    ...{ apiKey, upstream, receiver, functions, timer, close },
    store: describeStore(environment.STORE_URL ?? ""),
    webhookUrl: environment.WEBHOOK_URL ?? "",
    webhookSecret: secret,
  };
}

/** What the sandbox sets, unless the user set it. */
function createEnvironment(
  { given, folder, intervalSeconds }: StackOptions,
  webhookSecret: string,
  apiKey: string,
  upstream: SandboxUpstream | undefined,
  receiver: SandboxReceiver | undefined,
): Record<string, string | undefined> {
  const settings = sandboxEnvironment({
    upstreamUrl: upstream?.url,
    receiverUrl: receiver?.url ?? given.WEBHOOK_URL ?? "",
    webhookSecret,
    apiKey,
    storeUrl: upstream ? `pglite:${path.join(folder, "store")}` : "pglite:./.waba/store",
    pollIntervalSeconds: upstream
      ? Math.min(READ_INTERVAL_SECONDS, intervalSeconds)
      : intervalSeconds,
  });
  // The user's own receiver gets no exception from the rules for its address, except on loopback.
  const url = given.WEBHOOK_URL ?? "";
  const hostname = URL.canParse(url) ? new URL(url).hostname : "";
  const isLocal = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(hostname);
  const allowed =
    receiver || isLocal
      ? { WEBHOOK_ALLOW_CIDRS: "127.0.0.0/8,::1" }
      : { WEBHOOK_ALLOW_HTTP: "", WEBHOOK_ALLOW_CIDRS: "" };
  const keys = given.API_KEYS ? { API_KEYS: `${given.API_KEYS},npm-start:${apiKey}` } : {};
  const { least, most } = HINTS_SECONDS;
  const runSeconds = String(Math.min(most, Math.max(least, intervalSeconds)));
  const hints = given.HINT_SECRET ? { TICK_SECONDS: runSeconds } : {};
  // Of the real upstream nothing is asked that nobody wants.
  const health = upstream ? { WATCH_HEALTH: "on" } : {};
  return { ...settings, ...allowed, ...health, ...hints, LOG_LEVEL: "warn", ...given, ...keys };
}
