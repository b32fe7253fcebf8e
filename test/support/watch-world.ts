import { createLog } from "../../shared/log.ts";
import type { RunReport } from "../../shared/polling/report.ts";
import { runPoll } from "../../shared/polling/run-poll.ts";
import type { RunSettings } from "../../shared/polling/settings.ts";
import { newWarmState, type WarmState } from "../../shared/polling/warm-state.ts";
import { type CustomerRow, customerKey } from "../../shared/schemas/customer-row.ts";
import type { Store } from "../../shared/store/store.ts";
import type { AttemptResult, OutgoingEvent } from "../../shared/webhook/attempt.ts";
import { noteEvent } from "../contract/document-guard.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";
import { createFakeUpstream, type FakeCall, type FakeReply } from "./fake-upstream.ts";
import { createCounter, createTestStore } from "./memory-store.ts";
import { createRunDeps, RUN_SETTINGS, TEST_EVENT } from "./run-deps.ts";
import { item, T0 } from "./watch-builders.ts";

export type WatchWorld = {
  readonly clock: FakeClock;
  readonly store: Store;
  /** Keys of attempted writes, since the last `forget`. */
  readonly writes: string[];
  readonly calls: FakeCall[];
  readonly sent: { readonly event: OutgoingEvent; readonly at: number }[];
  readonly lines: string[];
  /** At which count of calls each run deleted expired rows. */
  readonly expiries: number[];
  /** What the upstream says of a customer. Of any other one it lists one connected number. */
  readonly answers: Map<string, FakeReply | (() => FakeReply | Promise<FakeReply>)>;
  /** What the upstream says of a number's health. Of any other one it says AVAILABLE. */
  readonly healths: Map<string, FakeReply | (() => FakeReply)>;
  /** How long the upstream takes, in ms. */
  latencyMs: number;
  /** How far the upstream's clock is ahead of the run's, in ms. */
  upstreamAheadMs: number;
  /** The receiver's response. */
  receive: (event: OutgoingEvent) => AttemptResult | Promise<AttemptResult>;
  /** Called before each operation of the store. May throw. */
  onStore: (operation: "get" | "put" | "delete" | "scan", key: string) => void | Promise<void>;
  /** One run, to its end, in no real time. */
  run(settings?: Partial<RunSettings>): Promise<RunReport>;
  /** A run for which the test moves the clock itself. */
  begin(settings?: Partial<RunSettings>, warm?: WarmState): Promise<RunReport>;
  /** Forgets what a warm instance remembers, as a new process does. */
  restart(): void;
  /** Lets a minute pass. */
  minute(): Promise<void>;
  forget(): void;
  watch(customers: readonly string[], row?: Partial<CustomerRow>): Promise<void>;
  row(customer: string): Promise<CustomerRow>;
  /** The row's exact text. */
  text(key: string): Promise<string | undefined>;
};

/** Runs of poll over a memory store, with a fake upstream and receiver, on a clock that jumps. */
export function createWatchWorld(): WatchWorld {
  const clock = createFakeClock(T0);
  const newId = createCounter("id-");
  const log = createLog({
    level: "debug",
    now: clock.now,
    write: (line) => world.lines.push(line),
  });
  const kept = createTestStore();
  let warm = newWarmState();

  const before = async (operation: "get" | "put" | "delete" | "scan", key: string) => {
    if (operation === "put" || operation === "delete") world.writes.push(key);
    await world.onStore(operation, key);
  };
  const store: Store = {
    async get(key) {
      await before("get", key);
      return kept.get(key);
    },
    async put(key, ...rest) {
      await before("put", key);
      return kept.put(key, ...rest);
    },
    async delete(key, expected) {
      await before("delete", key);
      return kept.delete(key, expected);
    },
    async scan(prefix, after, limit) {
      await before("scan", prefix);
      return kept.scan(prefix, after, limit);
    },
    close: () => kept.close(),
  };

  const upstream = createFakeUpstream(
    {
      async query({ customer }) {
        const given = world.answers.get(customer) ?? [item()];
        return typeof given === "function" ? given() : given;
      },
      health({ params }) {
        const given = world.healths.get(String(params.phoneNumber)) ?? healthOf("AVAILABLE");
        return typeof given === "function" ? given() : given;
      },
    },
    {
      clock,
      now: () => clock.now() + world.upstreamAheadMs,
      latencyMs: () => world.latencyMs,
      onCall: (call) => world.calls.push(call),
    },
  );

  const begin: WatchWorld["begin"] = (settings = {}, own = warm) =>
    runPoll(
      createRunDeps({
        ...clock,
        store,
        upstream,
        async send(event) {
          if (event.id !== TEST_EVENT.id) noteEvent(event.body);
          world.sent.push({ event, at: clock.monotonic() });
          return world.receive(event);
        },
        newId,
        log,
        async expire(place) {
          world.expiries.push(world.calls.length);
          return place;
        },
      }),
      { ...RUN_SETTINGS, ...settings },
      own,
    );

  const world: WatchWorld = {
    clock,
    store,
    writes: [],
    calls: [],
    sent: [],
    lines: [],
    expiries: [],
    answers: new Map(),
    healths: new Map(),
    latencyMs: 20,
    upstreamAheadMs: 0,
    receive: () => ({ kind: "delivered", status: 204 }),
    onStore: () => undefined,
    begin,
    run: (settings) => clock.run(begin(settings)),
    restart() {
      warm = newWarmState();
    },
    minute: () => clock.advance(60_000),
    forget() {
      for (const list of [world.writes, world.calls, world.sent, world.lines, world.expiries])
        list.length = 0;
    },
    async watch(customers, row = {}) {
      for (const customer of customers) {
        const fresh = { schema: 1, seq: 1_000, numbers: {}, pending: [], ...row };
        await kept.put(customerKey(customer), JSON.stringify(fresh), "absent");
      }
    },
    async row(customer) {
      return JSON.parse((await kept.get(customerKey(customer)))?.value ?? "null") as CustomerRow;
    },
    async text(key) {
      return (await kept.get(key))?.value;
    },
  };
  return world;
}

/** A reply about a number's health, blocked or not by its WABA. */
export function healthOf(canSend: string | undefined, ...Errors: object[]): FakeReply {
  return {
    Data: { CanSendMessage: canSend, Entities: [{ EntityType: "WABA", Errors }] },
  };
}

/** `c01`, `c02`, … */
export function customers(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `c${String(index + 1).padStart(2, "0")}`);
}
