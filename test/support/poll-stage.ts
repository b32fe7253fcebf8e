import { randomUUID } from "node:crypto";
import { createPoll } from "../../functions/poll.ts";
import { loadConfig } from "../../shared/config.ts";
import { createDeps } from "../../shared/deps.ts";
import { POLL } from "../../shared/functions.js";
import { createLog } from "../../shared/log.ts";
import type { RunReport } from "../../shared/polling/report.ts";
import type { CallLimiter, CallOptions, Upstream } from "../../shared/signing/upstream.ts";
import { createMemoryStore } from "../../shared/store/memory.ts";
import type { Store } from "../../shared/store/store.ts";
import type { Send } from "../../shared/webhook/attempt.ts";
import { noteDelivery, noteEvent } from "../contract/document-guard.ts";
import {
  newWebhookSecret,
  SANDBOX_CREDENTIALS,
  sandboxEnvironment,
} from "../sandbox/environment.ts";
import { type SandboxReceiver, startReceiver } from "../sandbox/receiver.ts";
import { type SandboxUpstream, startUpstream } from "../sandbox/upstream.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";
import { timerEvent } from "./fc-events.ts";
import { T0 } from "./watch-builders.ts";

/** The fields of a connected number, as in `watch-builders`. */
export const CONNECTED = {
  VerifiedName: "Acme",
  Status: "CONNECTED",
  QualityRating: "GREEN",
  CodeVerificationStatus: "VERIFIED",
  NameStatus: "Approval",
  NewNameStatus: "NONE",
  MessagingLimitTier: "TIER_1K",
} as const;

export type PollStage = {
  readonly clock: FakeClock;
  readonly upstream: SandboxUpstream;
  readonly receiver: SandboxReceiver;
  readonly store: Store;
  readonly secret: string;
  readonly lines: string[];
  /** One event of the timer. Time passes only while nothing is on the wire. */
  run(payload?: string): Promise<RunReport>;
  /** Any event. Gives the response unchanged. */
  invoke(event: unknown): Promise<unknown>;
  /** From here on, each upstream call has this much time, in ms. */
  shorten(ms: number): void;
  close(): Promise<void>;
};

/** Stops the clock while a read is on the wire, from the limiter's permission to its release. */
function holdTime(
  clock: FakeClock,
  real: Upstream,
  deadlineMs: () => number | undefined,
): Upstream {
  const limiterOf = (limiter: CallLimiter): CallLimiter => {
    const releases: (() => void)[] = [];
    return {
      async acquire() {
        if (!(await limiter.acquire())) return false;
        releases.push(clock.hold());
        return true;
      },
      release(outcome) {
        releases.pop()?.();
        limiter.release(outcome);
      },
    };
  };
  const held =
    <P, R>(call: (params: P, options: CallOptions) => Promise<R>) =>
    (params: P, { limiter, deadlineAt, ...rest }: CallOptions): Promise<R> => {
      const ms = deadlineMs();
      return call(params, {
        ...rest,
        deadlineAt: ms === undefined ? deadlineAt : clock.monotonic() + ms,
        limiter: limiter && limiterOf(limiter),
      });
    };
  return {
    add: real.add,
    query: held(real.query),
    sync: held(real.sync),
    listInstances: held(real.listInstances),
    health: held(real.health),
  };
}

/**
 * The real poll with its real HTTP clients, and the sandbox upstream and receiver. The fake clock
 * moves only while no request is on the wire.
 */
export async function startPollStage(
  customers: Readonly<Record<string, readonly string[]>>,
  environment: Readonly<Record<string, string>> = {},
): Promise<PollStage> {
  const clock = createFakeClock(T0);
  const secret = newWebhookSecret();
  const upstream = await startUpstream({
    credentials: [SANDBOX_CREDENTIALS],
    qps: 1_000_000,
    date: clock.now,
  });
  const receiver = await startReceiver({ secrets: [secret], now: clock.now });
  for (const [customer, numbers] of Object.entries(customers)) {
    const items = numbers.map((PhoneNumber) => ({ PhoneNumber, ...CONNECTED }));
    upstream.control.addCustomer(customer, items);
  }

  const config = loadConfig(
    {
      ...sandboxEnvironment({
        upstreamUrl: upstream.url,
        receiverUrl: receiver.url,
        webhookSecret: secret,
        apiKey: "key-".repeat(6),
        storeUrl: "memory:",
        pollIntervalSeconds: 60,
      }),
      WATCH_CUST_SPACES: Object.keys(customers).join(","),
      ...environment,
    },
    POLL,
  );
  const store = createMemoryStore({ newVersion: randomUUID });
  const lines: string[] = [];
  const deps = createDeps(config, {
    now: clock.now,
    monotonic: clock.monotonic,
    sleep: clock.sleep,
    random: () => 0.5,
    openStore: async () => store,
    log: createLog({ level: "debug", now: clock.now, write: (line) => lines.push(line) }),
  });

  let shortened: number | undefined;
  const holdingSend: Send = (event, options) => {
    noteEvent(event.body);
    const release = clock.hold();
    return deps.send(event, options).finally(release);
  };
  const poll = createPoll({
    ...deps,
    config,
    send: holdingSend,
    upstreamFor: (context) => holdTime(clock, deps.upstreamFor(context), () => shortened),
  });
  let checked = 0;
  const checkReceived = () => {
    const received = receiver.received();
    for (const { headers, event } of received.slice(checked)) {
      noteDelivery(headers, JSON.stringify(event));
    }
    checked = received.length;
  };
  const invoke = (event: unknown) =>
    clock.run(poll(event, { requestId: "req-1", credentials: {} })).finally(checkReceived);

  return {
    clock,
    upstream,
    receiver,
    store,
    secret,
    lines,
    invoke,
    run: async (payload = "") => (await invoke(timerEvent(payload))) as RunReport,
    shorten(ms) {
      shortened = ms;
    },
    async close() {
      await Promise.all([upstream.close(), receiver.close()]);
    },
  };
}
