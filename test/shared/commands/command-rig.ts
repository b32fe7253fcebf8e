import { createPoll } from "../../../functions/poll.ts";
import { loadConfig } from "../../../shared/config.ts";
import { createDeps } from "../../../shared/deps.ts";
import { StoreUnavailableError } from "../../../shared/errors.ts";
import { POLL } from "../../../shared/functions.js";
import { createLog } from "../../../shared/log.ts";
import { receiverId, receiverKey } from "../../../shared/outbox/receiver-state.ts";
import type { CustomerRow, PendingEvent } from "../../../shared/schemas/customer-row.ts";
import type { Store } from "../../../shared/store/store.ts";
import type {
  AttemptOptions,
  AttemptResult,
  OutgoingEvent,
} from "../../../shared/webhook/attempt.ts";
import { noteEvent } from "../../contract/document-guard.ts";
import { createTestStore } from "../../support/memory-store.ts";

/** 2026-01-02T03:04:05.000Z */
export const START = 1_767_323_045_000;
const WEBHOOK_URL = "https://receiver.example/hook";
export const RECEIVER_KEY = receiverKey(receiverId(new URL(WEBHOOK_URL)));

type Sent = OutgoingEvent & Pick<AttemptOptions, "redelivery">;

export type CommandRig = {
  readonly store: Store;
  readonly sent: Sent[];
  readonly logLines: string[];
  now(): number;
  advance(ms: number): void;
  /** Queues the receiver's next responses. Without one it is 204. Each attempt takes `attemptMs`. */
  answer(...results: AttemptResult[]): void;
  attemptMs: number;
  /** How long each write, and each scan, takes. */
  writeMs: number;
  scanMs: number;
  /** Writes that still work. The next one fails, and with it the command. */
  writesLeft: number;
  run(payload: unknown, context?: object): Promise<Record<string, unknown>>;
  put(key: string, value: object): Promise<void>;
  /** The parsed row, or undefined. */
  row(key: string): Promise<Record<string, unknown> | undefined>;
  keys(prefix?: string): Promise<string[]>;
};

/** poll with a memory store, a clock that the test moves, and the responses that the test gives. */
export function createCommandRig(environment: Readonly<Record<string, string>> = {}): CommandRig {
  const config = loadConfig(
    {
      STORE_URL: "memory:",
      WEBHOOK_URL,
      WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 1).toString("base64")}`,
      ...environment,
    },
    POLL,
  );
  let elapsed = 0;
  let ids = 0;
  const results: AttemptResult[] = [];
  const store = createTestStore();
  const countWrite = () => {
    if (rig.writesLeft === 0) throw new StoreUnavailableError("put", "test");
    rig.writesLeft -= 1;
    rig.advance(rig.writeMs);
  };
  const counted: Store = {
    ...store,
    async put(...args) {
      countWrite();
      return store.put(...args);
    },
    async scan(...args) {
      rig.advance(rig.scanMs);
      return store.scan(...args);
    },
    async delete(...args) {
      countWrite();
      return store.delete(...args);
    },
  };
  const rig: CommandRig = {
    store,
    sent: [],
    logLines: [],
    attemptMs: 0,
    writeMs: 0,
    scanMs: 0,
    writesLeft: Number.POSITIVE_INFINITY,
    now: () => START + elapsed,
    advance(ms) {
      elapsed += ms;
    },
    answer(...next) {
      results.push(...next);
    },
    run: async (payload, context = {}) => (await poll(payload, context)) as Record<string, unknown>,
    async put(key, value) {
      const known = await store.get(key);
      await store.put(key, JSON.stringify(value), known?.version ?? "absent");
    },
    async row(key) {
      const found = await store.get(key);
      return found && JSON.parse(found.value);
    },
    keys: async (prefix = "") => (await store.scan(prefix, "", 10_000)).map(({ key }) => key),
  };
  const write = (line: string) => rig.logLines.push(line);
  const deps = createDeps(config, {
    now: rig.now,
    monotonic: () => elapsed,
    sleep: async (ms) => rig.advance(ms),
    random: () => 0.5,
    newId: () => `id${++ids}`,
    openStore: async () => counted,
    log: createLog({ level: "debug", now: rig.now, write }),
    async send({ id, body }, { redelivery }) {
      // `anEvent` makes only a part of an event. Those that poll makes are complete.
      if ("specversion" in JSON.parse(body)) noteEvent(body);
      rig.sent.push({ id, body, redelivery });
      rig.advance(rig.attemptMs);
      return results.shift() ?? { kind: "delivered", status: 204 };
    },
  });
  const poll = createPoll({ ...deps, config });
  return rig;
}

/** An event as the outbox holds it, about this number. */
export function anEvent(seq: number, phoneNumber = "4915112345678"): PendingEvent {
  const id = `evt_${seq}`;
  const type = "whatsapp.phone_number.changed";
  return { id, seq, type, body: JSON.stringify({ id, type, subject: phoneNumber }) };
}

export function aCustomer(overrides: Partial<CustomerRow> = {}): CustomerRow {
  return {
    schema: 1,
    seq: 1000,
    baselineAt: "2026-01-01T00:00:00.000Z",
    observedAt: "2026-01-01T00:00:00.000Z",
    numbers: {},
    pending: [],
    ...overrides,
  } as CustomerRow;
}

export function aNumber(fields: Readonly<Record<string, string>> = { status: "CONNECTED" }) {
  return { fields: { ...fields }, observedAt: "2026-01-01T00:00:00.000Z" };
}
