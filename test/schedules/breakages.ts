import { createHash } from "node:crypto";
import { decide } from "../../shared/changes/decide.ts";
import {
  CUSTOMER_PREFIX,
  type CustomerRow,
  customerRowSchema,
  type PendingEvent,
} from "../../shared/schemas/customer-row.ts";
import type { NumberEvent } from "../../shared/schemas/event.ts";
import { DEAD_PREFIX, DUE_PREFIX, dueKey } from "../../shared/schemas/outbox-rows.ts";
import type { QueryReply } from "../../shared/signing/upstream.ts";
import { decodeRow } from "../../shared/store/rows.ts";
import type { Store } from "../../shared/store/store.ts";
import type { Breakage, Calls } from "./breakage.ts";
import {
  firstHistoryLost,
  firstMarkerLost,
  futureIsTrue,
  oneSampleCondemns,
  readsWithoutStore,
  retryAfterStopsAll,
  throttleIsOutage,
} from "./judgement-breakages.ts";

function isCustomer(key: string): boolean {
  return key.startsWith(CUSTOMER_PREFIX);
}

async function rowAt(store: Store, key: string): Promise<CustomerRow | undefined> {
  const row = await store.get(key);
  return row && decodeRow(key, row, customerRowSchema);
}

function withStore(calls: Calls, change: Partial<Store>): Calls {
  return { ...calls, store: { ...calls.store, ...change } };
}

/** Rule 3: deliver only after the write. */
const deliverBeforeWrite: Breakage = (calls, { direct }) =>
  withStore(calls, {
    async put(key, value, expected, version) {
      if (isCustomer(key)) {
        const known = new Set((await rowAt(direct, key))?.pending.map(({ id }) => id));
        const next = JSON.parse(value) as CustomerRow;
        const fresh = next.pending.filter(({ id }) => !known.has(id));
        // A removal also writes pending events that another has removed meanwhile: not fresh ones.
        if (next.seq > ((await rowAt(direct, key))?.seq ?? 0)) {
          for (const event of fresh) await calls.send(event, { deadlineAt: 0 });
        }
      }
      return calls.store.put(key, value, expected, version);
    },
  });

/** Rule 4: the sequence is part of the id. */
const idWithoutSequence: Breakage = (calls) =>
  withStore(calls, {
    put(key, value, expected, version) {
      if (!isCustomer(key)) return calls.store.put(key, value, expected, version);
      const row = JSON.parse(value) as CustomerRow;
      for (const event of row.pending) {
        const { subject, data } = JSON.parse(event.body) as { subject: string; data: object };
        const content = JSON.stringify([subject, (data as { changes: unknown }).changes]);
        const id = `evt_${createHash("sha256").update(content).digest("hex").slice(0, 22)}`;
        event.body = event.body.replace(event.id, id);
        event.id = id;
      }
      return calls.store.put(key, JSON.stringify(row), expected);
    },
  });

/** Rule 3: remove by id. This removes the first event, whichever it then is. */
const clearByShift: Breakage = (calls, { direct, owner, scheduler }) => ({
  ...calls,
  async send(event, options) {
    const result = await calls.send(event, options);
    const { partitionkey } = JSON.parse(event.body) as { partitionkey?: string };
    if (result.kind !== "delivered" || partitionkey === undefined) return result;
    await scheduler.step(owner);
    const key = `${CUSTOMER_PREFIX}${partitionkey}`;
    const stored = await direct.get(key);
    if (!stored) return result;
    const row = decodeRow(key, stored, customerRowSchema);
    await direct.put(
      key,
      JSON.stringify({ ...row, pending: row.pending.slice(1) }),
      stored.version,
    );
    return result;
  },
});

/** Rule 2: on conflict drop the answer. */
const rediffOldAnswer: Breakage = (calls, { direct, scheduler }) => {
  const answers = new Map<string, QueryReply>();
  return {
    ...calls,
    upstream: {
      ...calls.upstream,
      async query(params, options) {
        const reply = await calls.upstream.query(params, options);
        answers.set(params.custSpaceId ?? "", reply);
        return reply;
      },
    },
    store: {
      ...calls.store,
      async put(key, value, expected, version) {
        const outcome = await calls.store.put(key, value, expected, version);
        const customer = key.slice(CUSTOMER_PREFIX.length);
        const reply = isCustomer(key) && answers.get(customer);
        if (isCustomer(key)) answers.delete(customer);
        const stored = outcome === "conflict" && reply && (await direct.get(key));
        if (!stored) return outcome;
        const row = decodeRow(key, stored, customerRowSchema);
        const input = { customer, source: "urn:waba-numbers:schedules", row, reply };
        const decision = decide({ ...input, readAt: scheduler.now() });
        if (!decision.row) return outcome;
        await direct.put(dueKey(customer, decision.row.seq), '{"schema":1}', "absent");
        return direct.put(key, JSON.stringify(decision.row), stored.version);
      },
    },
  };
};

/** Rule 2: read the row before asking the upstream. */
const pollBeforeRead: Breakage = (calls) => {
  const answers = new Map<string, QueryReply>();
  return {
    ...calls,
    upstream: {
      ...calls.upstream,
      async query(params, options) {
        const early = answers.get(params.custSpaceId ?? "");
        return early ?? calls.upstream.query(params, options);
      },
    },
    store: {
      ...calls.store,
      async get(key) {
        if (isCustomer(key)) {
          const custSpaceId = key.slice(CUSTOMER_PREFIX.length);
          const early = calls.upstream.query(
            { custSpaceId },
            { deadlineAt: Number.POSITIVE_INFINITY },
          );
          const reply = await early.catch(() => undefined);
          if (reply) answers.set(custSpaceId, reply);
        }
        return calls.store.get(key);
      },
    },
  };
};

/** Rule 5: the marker before the row. */
const markerAfterRow: Breakage = (calls) => {
  const held = new Map<string, string>();
  return withStore(calls, {
    async put(key, value, expected, version) {
      if (key.startsWith(DUE_PREFIX)) {
        held.set(key.split("/")[1] ?? "", key);
        return "stored";
      }
      const outcome = await calls.store.put(key, value, expected, version);
      const marker = isCustomer(key) && held.get(key.slice(CUSTOMER_PREFIX.length));
      if (marker) await calls.store.put(marker, '{"schema":1}', "absent");
      return outcome;
    },
  });
};

/** Rule 1: the row changes only if it is still the one that was read. */
const unconditionalPut: Breakage = (calls, { direct, owner, scheduler }) =>
  withStore(calls, {
    async put(key, value, expected, version) {
      if (!isCustomer(key)) return calls.store.put(key, value, expected, version);
      await scheduler.step(owner);
      return direct.put(key, value, (await direct.get(key))?.version ?? "absent");
    },
  });

/** Rule 3: the dead letter before the removal. */
const deadLetterAfterRemoval: Breakage = (calls) => {
  let held: { key: string; value: string } | undefined;
  return withStore(calls, {
    async put(key, value, expected, version) {
      if (key.startsWith(DEAD_PREFIX)) {
        held = { key, value };
        return "stored";
      }
      const outcome = await calls.store.put(key, value, expected, version);
      if (isCustomer(key) && held && outcome === "stored") {
        await calls.store.put(held.key, held.value, "absent");
        held = undefined;
      }
      return outcome;
    },
  });
};

/** Drops new events before they are stored, while the snapshot advances as if they were there. */
function dropEvents(
  calls: Calls,
  direct: Store,
  drop: (row: CustomerRow, event: PendingEvent) => boolean,
): Calls {
  return withStore(calls, {
    async put(key, value, expected, version) {
      if (!isCustomer(key)) return calls.store.put(key, value, expected, version);
      const known = (await rowAt(direct, key))?.seq ?? 0;
      const row = JSON.parse(value) as CustomerRow;
      const pending = row.pending.filter((event) => event.seq <= known || !drop(row, event));
      return calls.store.put(key, JSON.stringify({ ...row, pending }), expected);
    },
  });
}

/** Rule 1, and where it shows least: no field's first change is sent. */
const dropFirstChange: Breakage = (calls, { direct }) =>
  dropEvents(calls, direct, (row, { body }) => {
    const { subject, data } = JSON.parse(body) as NumberEvent;
    // Kept in the row, so that a reply that is dropped on a conflict leaves no trace.
    const changed = row as CustomerRow & { changedBefore?: string[] };
    const keys = data.changes.map(({ field }) => `${subject}.${field}`);
    const fresh = keys.filter((one) => !changed.changedBefore?.includes(one));
    changed.changedBefore = [...(changed.changedBefore ?? []), ...fresh];
    return fresh.length > 0;
  });

/** Rule 1, and where a dead letter might excuse it: changes behind a refused event are dropped. */
const dropBehindRefused: Breakage = (calls, { direct }) =>
  dropEvents(calls, direct, (row) => (row.pending[0]?.refusals?.count ?? 0) > 0);

/** Order per customer: the next event overtakes one on which the receiver fails. */
const overtakeFailing: Breakage = (calls) =>
  withStore(calls, {
    async get(key) {
      const stored = await calls.store.get(key);
      if (!stored || !isCustomer(key)) return stored;
      const row = decodeRow(key, stored, customerRowSchema);
      const [first, ...rest] = row.pending;
      if (!first?.refusals?.troubles || rest.length === 0) return stored;
      return { ...stored, value: JSON.stringify({ ...row, pending: [...rest, first] }) };
    },
  });

/** Rule 4: a sequence that knows no time, from the row alone. */
const sequenceFromRow: Breakage = (calls, { direct }) =>
  withStore(calls, {
    async put(key, value, expected, version) {
      if (!isCustomer(key)) return calls.store.put(key, value, expected, version);
      const known = (await rowAt(direct, key))?.seq ?? 0;
      const row = JSON.parse(value) as CustomerRow;
      let seq = known;
      for (const event of row.pending) {
        if (event.seq <= known) continue;
        seq += 1;
        const text = (one: number) => String(one).padStart(16, "0");
        const id = `evt_${createHash("sha256").update(`${seq}${event.body}`).digest("hex").slice(0, 22)}`;
        event.body = event.body.replace(text(event.seq), text(seq)).replaceAll(event.id, id);
        event.id = id;
        event.seq = seq;
      }
      const next = known > 0 && row.seq > known ? { ...row, seq: Math.max(seq, known) } : row;
      return calls.store.put(key, JSON.stringify(next), expected);
    },
  });

export const BREAKAGES: Readonly<Record<string, Breakage>> = {
  "deliver before write": deliverBeforeWrite,
  "id without sequence": idWithoutSequence,
  "clear by shift": clearByShift,
  "re-diff of an old answer": rediffOldAnswer,
  "poll before read": pollBeforeRead,
  "marker after row": markerAfterRow,
  "unconditional put": unconditionalPut,
  "dead letter after removal": deadLetterAfterRemoval,
  "first change dropped": dropFirstChange,
  "change dropped behind a refused event": dropBehindRefused,
  "event overtaken after a 500": overtakeFailing,
  "sequence from the row alone": sequenceFromRow,
  "one sample condemns the account": oneSampleCondemns,
  "throttle counts as outage": throttleIsOutage,
  "future time taken as true": futureIsTrue,
  "marker of the first edition lost": firstMarkerLost,
  "history of the first edition lost": firstHistoryLost,
  "one event's Retry-After stops all": retryAfterStopsAll,
  "reads go on without a store": readsWithoutStore,
};
