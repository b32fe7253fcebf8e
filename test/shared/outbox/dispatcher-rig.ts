import { onTestFinished } from "vitest";
import { commitRow } from "../../../shared/customers/customer.ts";
import { createLog } from "../../../shared/log.ts";
import { type DispatcherOptions, startDispatcher } from "../../../shared/outbox/dispatcher.ts";
import {
  type CustomerRow,
  customerKey,
  customerRowSchema,
  newCustomerRow,
} from "../../../shared/schemas/customer-row.ts";
import { receiverRowSchema } from "../../../shared/schemas/outbox-rows.ts";
import { encodeRow, readRow } from "../../../shared/store/rows.ts";
import type { AttemptResult, OutgoingEvent } from "../../../shared/webhook/attempt.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { createTestStore } from "../../support/memory-store.ts";

export const START = 1_800_000_000_000;
export const DELIVERED: AttemptResult = { kind: "delivered", status: 204 };
export const DOWN: AttemptResult = { kind: "failed", reason: "network" };

type Respond = (event: OutgoingEvent) => AttemptResult;

/** Runs of the dispatcher from a memory store to a receiver that the test controls. */
export function createDispatcherRig() {
  const clock = createFakeClock(START);
  const store = createTestStore();
  onTestFinished(() => store.close());
  const sent: { id: string; at: number }[] = [];
  let mostAtOnce = 0;
  let atOnce = 0;
  let respond: Respond = () => DELIVERED;
  const lines: string[] = [];

  async function send(event: OutgoingEvent): Promise<AttemptResult> {
    sent.push({ id: event.id, at: clock.now() - START });
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    await clock.sleep(100);
    atOnce -= 1;
    return respond(event);
  }

  return {
    store,
    clock,
    sent,
    lines,
    mostAtOnce: () => mostAtOnce,
    respondWith(next: Respond) {
      respond = next;
    },

    /** A customer with events `<customer>-1`, `<customer>-2`, …, written as poll writes them. */
    async add(customer: string, events: number, severity = "info", bytes = 0): Promise<void> {
      const key = customerKey(customer);
      const row = newCustomerRow(1_000);
      await store.put(key, encodeRow(row), "absent");
      const before = await readRow(store, key, customerRowSchema);
      const pending = Array.from({ length: events }, (_, index) => ({
        id: `${customer}-${index + 1}`,
        seq: 1_001 + index,
        type: "whatsapp.phone_number.changed",
        body: `{"of":"${customer}","severity":"${severity}"}`.padEnd(bytes),
      }));
      const next: CustomerRow = { ...row, seq: 1_000 + events, pending };
      if (before) await commitRow(store, customer, before, next);
    },

    /** Counts the store's calls from now on. */
    countCalls() {
      const calls = { gets: 0, puts: 0, deletes: 0, scans: 0, bytes: 0 };
      const { get, put, delete: remove, scan } = store;
      const count = (name: keyof typeof calls) => {
        calls[name] += 1;
      };
      store.get = (...args) => {
        count("gets");
        return get(...args);
      };
      store.put = (...args) => {
        count("puts");
        calls.bytes += Buffer.byteLength(args[1]);
        return put(...args);
      };
      store.delete = (...args) => {
        count("deletes");
        return remove(...args);
      };
      store.scan = (...args) => {
        count("scans");
        return scan(...args);
      };
      return calls;
    },

    async pending(customer: string): Promise<string[]> {
      const row = await readRow(store, customerKey(customer), customerRowSchema);
      return row?.value.pending.map(({ id }) => id) ?? [];
    },

    async markers(): Promise<string[]> {
      return (await store.scan("due/", "", 1_000)).map(({ key }) => key);
    },

    async receiverRow() {
      return (await readRow(store, "ep/receiver", receiverRowSchema))?.value;
    },

    /** One run. By default, finish is called at once, and its wall clock is right. */
    async run(
      {
        found,
        ...options
      }: Partial<DispatcherOptions> & {
        /** A read finds events of it. */
        found?: string;
      } = {},
      reading: Promise<void> = Promise.resolve(),
      now = clock.now,
    ) {
      const began = clock.monotonic();
      const dispatcher = startDispatcher(
        { receiverId: "receiver", stopAt: began + 50_000, deadlineAt: began + 58_000, ...options },
        {
          store,
          send,
          testEvent: () => ({ id: "test", body: "{}" }),
          now,
          monotonic: clock.monotonic,
          sleep: clock.sleep,
          random: () => 0.5,
          isClockConfirmed: () => true,
          log: createLog({ level: "warn", now, write: (line) => lines.push(line) }),
        },
      );
      if (found !== undefined) dispatcher.enqueue(found, false);
      return clock.run(reading.then(() => dispatcher.finish()));
    },
  };
}
