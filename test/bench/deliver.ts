import { randomBytes } from "node:crypto";
import { setTimeout as sleepReal } from "node:timers/promises";
import { parseArgs } from "node:util";
import { updateCustomer } from "../../shared/customers/customer.ts";
import { startDispatcher } from "../../shared/outbox/dispatcher.ts";
import { newCustomerRow } from "../../shared/schemas/customer-row.ts";
import { openStore } from "../../shared/store/open-store.ts";
import type { Store } from "../../shared/store/store.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { createRunDeps } from "../support/run-deps.ts";
import { describeMachine, formatTable, machineLine } from "./table.ts";

const HELP = `npm run bench:deliver -- [options]

How fast a backlog is delivered, to a receiver that answers at once by default, and what an event costs the
store. Events have bodies of 800 bytes. The same number of events is spread over many customers, or
pending for few.

  --stores LIST   STORE_URLs of empty stores, separated by commas (default memory:)
  --events N      in each backlog (default 400)
  --answer MS     how long the receiver takes for each (default 0)
  --help          this text
`;

/** Events pending for each customer. */
const PENDING = [1, 50, 200, 400];
const BODY = "x".repeat(800);
const newVersion = () => randomBytes(12).toString("base64url");

type Cost = { reads: number; writes: number; deletes: number; bytes: number };

function countCosts(store: Store): { readonly store: Store; readonly cost: Cost } {
  const cost: Cost = { reads: 0, writes: 0, deletes: 0, bytes: 0 };
  const counted: Store = {
    ...store,
    get: (key) => {
      cost.reads += 1;
      return store.get(key);
    },
    scan: (...page) => {
      cost.reads += 1;
      return store.scan(...page);
    },
    put: (key, value, expected, version) => {
      cost.writes += 1;
      cost.bytes += Buffer.byteLength(value);
      return store.put(key, value, expected, version);
    },
    delete: (...row) => {
      cost.deletes += 1;
      return store.delete(...row);
    },
  };
  return { store: counted, cost };
}

async function fill(store: Store, customers: number, pending: number): Promise<void> {
  const prefix = newVersion();
  for (let index = 0; index < customers; index += 1) {
    const customer = `${prefix}${index}`;
    await updateCustomer(store, customer, () => {
      const row = newCustomerRow(Date.now());
      const events = Array.from({ length: pending }, (_, n) => {
        const seq = row.seq + n + 1;
        return { id: `${customer}-${n}`, seq, type: "bench", body: BODY };
      });
      return { put: { ...row, seq: row.seq + pending, pending: events } };
    });
  }
}

async function measure(url: string, events: number, pending: number, answerMs: number) {
  const opened = await openStore(url, { newVersion, now: Date.now, connections: 10 });
  const customers = Math.max(1, Math.round(events / pending));
  await fill(opened, customers, pending);
  const { store, cost } = countCosts(opened);
  const began = performance.now();
  const deps = createRunDeps({
    store,
    upstream: createFakeUpstream({}),
    now: Date.now,
    monotonic: () => performance.now(),
    sleep: async (ms, signal) => void (await sleepReal(ms, undefined, { signal }).catch(() => {})),
    random: Math.random,
    async send() {
      if (answerMs > 0) await sleepReal(answerMs);
      return { kind: "delivered", status: 204 };
    },
  });
  const stopAt = began + 600_000;
  const options = { receiverId: "bench", stopAt, deadlineAt: stopAt };
  const { delivered } = await startDispatcher(options, {
    ...deps,
    isClockConfirmed: () => true,
  }).finish();
  const seconds = (performance.now() - began) / 1000;
  await opened.close();
  const each = (count: number) => (count / delivered).toFixed(2);
  const { reads, writes, deletes, bytes } = cost;
  return [
    url.slice(0, url.indexOf(":")),
    `${customers} x ${pending}`,
    `${Math.round(delivered / seconds)}`,
    each(reads),
    each(writes),
    each(deletes),
    `${Math.round(bytes / delivered / 100) / 10}`,
  ];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      stores: { type: "string", default: "memory:" },
      events: { type: "string", default: "400" },
      answer: { type: "string", default: "0" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const rows: string[][] = [];
  for (const url of values.stores.split(",")) {
    for (const pending of PENDING) {
      rows.push(await measure(url, Number(values.events), pending, Number(values.answer)));
    }
  }
  console.log(machineLine(describeMachine()));
  const head = ["store", "customers", "events/s", "reads", "writes", "deletes", "KB written"];
  console.log(formatTable(head, rows));
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.stack : String(error));
  process.exitCode = 2;
});
