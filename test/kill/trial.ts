import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import {
  newApiKey,
  newWebhookSecret,
  SANDBOX_CREDENTIALS,
  sandboxEnvironment,
} from "../sandbox/environment.ts";
import { type SandboxReceiver, startReceiver } from "../sandbox/receiver.ts";
import { type SandboxUpstream, startUpstream } from "../sandbox/upstream.ts";
import { createRandom } from "../schedules/scheduler.ts";
import type { StoreName } from "./options.ts";
import type { OpenStore } from "./stores.ts";

const CUSTOMERS = ["cust-a", "cust-b", "cust-c"];
const NUMBERS = ["4915100000001", "4915100000002"];
const VALUES = {
  QualityRating: ["GREEN", "YELLOW", "RED"],
  Status: ["CONNECTED", "FLAGGED", "RESTRICTED"],
} as const;
const FIELDS = ["QualityRating", "Status"] as const;
const CHANGE_EVERY_MS = 40;
const SETTLE_LIMIT_MS = 60_000;

export type Result = {
  readonly store: StoreName;
  readonly kills: number;
  readonly events: number;
  readonly duplicates: number;
  readonly problems: readonly string[];
  readonly seconds: number;
  /** The longest time without a call while overlapping workers were killed; null if none were. */
  readonly silenceSeconds: number | null;
};

/** Workers with a common lease, which only one process at a time can have with PGlite. */
const OVERLAPPING = 3;
/** Two of every three kills, two at a time. */
const overlappingOf = (kills: number) => 2 * Math.floor(kills / 3);
/** The lease of a killed worker ends after 25 s. */
const MAX_SILENCE_SECONDS = 30;

type Trial = {
  readonly upstream: SandboxUpstream;
  readonly receiver: SandboxReceiver;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly spawn: (env?: Readonly<Record<string, string>>) => ChildProcess;
};

/** Kills workers on one store while numbers change, lets the last one settle, and compares. */
export async function runTrial(
  store: OpenStore,
  kills: number,
  seed: number,
  bundle: string,
): Promise<Result> {
  const began = performance.now();
  const trial = await startTrial(store.url, seed, bundle);
  const { upstream, receiver } = trial;
  const ending = new AbortController();
  const changes = changeNumbers(trial, ending.signal);
  try {
    const overlapping = store.name === "pglite" ? 0 : overlappingOf(kills);
    for (let kill = overlapping; kill < kills; kill += 1) await killOne(trial);
    const silenceSeconds = overlapping > 0 ? await killOverlapping(trial, overlapping) : null;
    ending.abort();
    await changes;
    receiver.behave("ok");
    const isSettled = await settle(trial.spawn());
    const received = receiver.received();
    return {
      store: store.name,
      kills,
      events: received.filter(({ duplicate }) => !duplicate).length,
      duplicates: received.filter(({ duplicate }) => duplicate).length,
      problems: [
        ...(isSettled ? [] : ["events are still pending, or differ, after a minute without kills"]),
        ...((silenceSeconds ?? 0) > MAX_SILENCE_SECONDS ? ["nobody read for too long"] : []),
        ...receiver.problems(),
        ...differences(trial),
      ],
      seconds: Math.round((performance.now() - began) / 1000),
      silenceSeconds,
    };
  } finally {
    ending.abort();
    await upstream.close();
    await receiver.close();
  }
}

async function startTrial(storeUrl: string, seed: number, bundle: string): Promise<Trial> {
  const random = createRandom(seed);
  const webhookSecret = newWebhookSecret();
  const upstream = await startUpstream({ credentials: [SANDBOX_CREDENTIALS], qps: 1_000 });
  const receiver = await startReceiver({ secrets: [webhookSecret] });
  for (const customer of CUSTOMERS) {
    upstream.control.addCustomer(customer);
    for (const number of NUMBERS) {
      const values = {
        QualityRating: pick(random, VALUES.QualityRating),
        Status: pick(random, VALUES.Status),
      };
      upstream.control.setNumber(customer, numberOf(customer, number), values);
    }
  }
  const env = {
    ...sandboxEnvironment({
      upstreamUrl: upstream.url,
      receiverUrl: receiver.url,
      webhookSecret,
      apiKey: newApiKey(),
      storeUrl,
      pollIntervalSeconds: 1,
    }),
    UPSTREAM_QPS: "10",
    WATCH_CUST_SPACES: CUSTOMERS.join(","),
    LOG_LEVEL: "error",
    PATH: process.env.PATH,
  };
  const spawn: Trial["spawn"] = (more = {}) =>
    fork(bundle, {
      env: { ...env, ...more },
      // The Tablestore SDK uses an old form of Buffer, which each worker would print.
      execArgv: ["--no-deprecation"],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
  return { upstream, receiver, random, spawn };
}

function pick<T>(random: () => number, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)] as T;
}

/** Numbers of different customers differ. */
function numberOf(customer: string, number: string): string {
  return `${number}${CUSTOMERS.indexOf(customer)}`;
}

async function changeNumbers({ upstream, random }: Trial, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(CHANGE_EVERY_MS);
    const customer = pick(random, CUSTOMERS);
    const field = pick(random, FIELDS);
    const value = pick(random, VALUES[field]);
    const number = numberOf(customer, pick(random, NUMBERS));
    upstream.control.setNumber(customer, number, { [field]: value });
  }
}

/** Some workers die while they open the store, most while they work. */
async function killOne({ receiver, random, spawn }: Trial): Promise<void> {
  const worker = spawn();
  if (random() < 0.9) await once(worker, "message");
  await sleep(random() * 1_500);
  if (random() < 0.15) {
    receiver.behave({ kind: pick(random, ["reset", "ack-lost"] as const), times: 2 });
  }
  await kill(worker);
}

/** Kills two of three workers again and again, with a common lease, while a call is under way. */
async function killOverlapping(trial: Trial, kills: number): Promise<number> {
  const { upstream, random, spawn } = trial;
  const start = () => spawn({ COMMON_LEASE: "yes" });
  const workers = Array.from({ length: OVERLAPPING }, start);
  await Promise.all(workers.map((worker) => once(worker, "message")));
  // A slow upstream keeps the lease held nearly all the time, so that most kills hit a holder.
  upstream.control.fault({ kind: "slow", delayMs: 1_000, count: 1_000_000 });
  let calls = upstream.control.calls().length;
  let calledAt = performance.now();
  let silence = 0;
  const look = () => {
    const now = performance.now();
    silence = Math.max(silence, now - calledAt);
    const count = upstream.control.calls().length;
    if (count !== calls) calledAt = now;
    calls = count;
  };
  const watching = setInterval(look, 100);
  for (let done = 0; done < kills; done += 2) {
    await sleep(2_000 + random() * 8_000);
    const before = upstream.control.calls().length;
    while (upstream.control.calls().length === before) await sleep(20);
    const survivor = Math.floor(random() * OVERLAPPING);
    for (const [index, worker] of workers.entries()) {
      if (index === survivor) continue;
      await kill(worker);
      workers[index] = start();
    }
  }
  // Long enough for the lease of the last one that was killed to end.
  await sleep(MAX_SILENCE_SECONDS * 1_000);
  look();
  clearInterval(watching);
  upstream.control.clearFaults();
  for (const worker of workers) await kill(worker);
  return Math.round(silence / 100) / 10;
}

async function kill(worker: ChildProcess): Promise<void> {
  worker.kill("SIGKILL");
  await once(worker, "exit");
}

/** Whether the worker reports two runs in a row without changes and pending events. */
async function settle(worker: ChildProcess): Promise<boolean> {
  const deadline = performance.now() + SETTLE_LIMIT_MS;
  let quietRuns = 0;
  worker.on("message", (report) => {
    if (typeof report !== "object") return;
    const { read = 0, changed, pending } = report as Record<string, number>;
    if (read === 0) return;
    quietRuns = changed === 0 && pending === 0 ? quietRuns + 1 : 0;
  });
  while (quietRuns < 2 && performance.now() < deadline) await sleep(100);
  await kill(worker);
  return quietRuns >= 2;
}

/** Fields in which the receiver's last known value differs from the upstream's. */
function differences({ upstream, receiver }: Trial): string[] {
  const known = receiver.state();
  const numbers = CUSTOMERS.flatMap((customer) => upstream.control.numbers(customer));
  return numbers.flatMap((number) => {
    const fields = known.get(String(number.PhoneNumber)) ?? {};
    return FIELDS.flatMap((field) => {
      const value = fields[field.charAt(0).toLowerCase() + field.slice(1)];
      if (value === undefined || value === number[field]) return [];
      const { PhoneNumber } = number;
      return [`${PhoneNumber} ${field}: ${value} at the receiver, ${number[field]} upstream`];
    });
  });
}
