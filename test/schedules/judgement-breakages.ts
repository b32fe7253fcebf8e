import { UpstreamUnavailableError } from "../../shared/errors.ts";
import { receiverKey } from "../../shared/outbox/receiver-state.ts";
import { LONGEST_PROBE_WAIT_MS } from "../../shared/outbox/schedule.ts";
import { CUSTOMER_PREFIX, type CustomerRow } from "../../shared/schemas/customer-row.ts";
import {
  DUE_PREFIX,
  HISTORY_PREFIX,
  type HistoryRow,
  parseEventKey,
  type ReceiverRow,
} from "../../shared/schemas/outbox-rows.ts";
import { LEASE_KEY, type LeaseRow } from "../../shared/schemas/watch-rows.ts";
import type { Upstream } from "../../shared/signing/upstream.ts";
import { refusalOf } from "../support/fake-upstream.ts";
import { RUN_SETTINGS } from "../support/run-deps.ts";
import type { Breakage, Calls } from "./breakage.ts";
import { START_MS } from "./scenario.ts";

const LEASE_MS = 25_000;
const RECEIVER_KEY = receiverKey(RUN_SETTINGS.receiverId);

function withQuery(calls: Calls, query: Upstream["query"]): Calls {
  return { ...calls, upstream: { ...calls.upstream, query } };
}

const codeOf = (error: unknown) => (error as { readonly code?: unknown }).code;

/** One refusal proves nothing about others. Here every later call of the run is refused as well. */
export const oneSampleCondemns: Breakage = (calls) => {
  let isCondemned = false;
  return withQuery(calls, async (...call) => {
    if (isCondemned) throw refusalOf({ action: "Query" }, "NoPermission");
    try {
      return await calls.upstream.query(...call);
    } catch (error) {
      const code = codeOf(error);
      isCondemned ||= code === "ERR_UPSTREAM_ACCOUNT" || code === "ERR_UPSTREAM_REJECTED";
      throw error;
    }
  });
};

/** A throttle proves that the upstream is well. Here it is a failure like another. */
export const throttleIsOutage: Breakage = (calls) =>
  withQuery(calls, async (...call) => {
    try {
      return await calls.upstream.query(...call);
    } catch (error) {
      if (codeOf(error) !== "ERR_UPSTREAM_THROTTLED") throw error;
      throw new UpstreamUnavailableError({ action: "Query" }, false);
    }
  });

/** Rule 9: a stored time in the future is a wrong clock. Here a wait lasts until that time comes. */
export const futureIsTrue: Breakage = (calls, { now }) => ({
  ...calls,
  store: {
    ...calls.store,
    async get(key) {
      const stored = await calls.store.get(key);
      if (!stored) return stored;
      // What is not too far away is believed, so a longer wait shows as the longest believable one.
      const believable = (at: number) => Math.min(at, now() + LONGEST_PROBE_WAIT_MS);
      if (key === LEASE_KEY) {
        const row = JSON.parse(stored.value) as LeaseRow;
        const until = Math.min(row.until, now() + LEASE_MS);
        return { ...stored, value: JSON.stringify({ ...row, until }) };
      }
      if (key === RECEIVER_KEY) {
        const row = JSON.parse(stored.value) as ReceiverRow;
        const value = JSON.stringify({ ...row, nextProbeAt: believable(row.nextProbeAt) });
        return { ...stored, value };
      }
      if (!key.startsWith(CUSTOMER_PREFIX)) return stored;
      const row = JSON.parse(stored.value) as CustomerRow;
      const pending = row.pending.map((event) =>
        event.refusals && event.refusals.count === 0
          ? { ...event, refusals: { ...event.refusals, nextAt: believable(event.refusals.nextAt) } }
          : event,
      );
      return { ...stored, value: JSON.stringify({ ...row, pending }) };
    },
  },
});

/** Rule 5, for what the first edition left: here its marker is taken as past. */
export const firstMarkerLost: Breakage = (calls, { direct }) => ({
  ...calls,
  store: {
    ...calls.store,
    async scan(prefix, after, limit) {
      const rows = await calls.store.scan(prefix, after, limit);
      const isEarlier = (key: string) =>
        key.startsWith(DUE_PREFIX) && parseEventKey(key).seq < START_MS;
      for (const { key, version } of rows) if (isEarlier(key)) await direct.delete(key, version);
      return rows.filter(({ key }) => !isEarlier(key));
    },
  },
});

const HELD_KEY = "test/held-until";

/** Rule 2: the row is read before the upstream is asked. Here an earlier sight of it is enough. */
export const readsWithoutStore: Breakage = (calls, { direct }) => ({
  ...calls,
  store: {
    ...calls.store,
    get: (key) => calls.store.get(key).catch(() => direct.get(key)),
    scan: (...page) => calls.store.scan(...page).catch(() => direct.scan(...page)),
  },
});

/** What the first edition kept in the customer's row gets a row of its own. Here it gets none. */
export const firstHistoryLost: Breakage = (calls) => ({
  ...calls,
  store: {
    ...calls.store,
    async put(key, value, expected, version) {
      const isEarlier = (row: HistoryRow) => row.events.some(({ seq }) => seq < START_MS);
      if (key.startsWith(HISTORY_PREFIX) && isEarlier(JSON.parse(value) as HistoryRow)) {
        return "stored";
      }
      return calls.store.put(key, value, expected, version);
    },
  },
});

/** One event's Retry-After is its own. Here nothing at all is sent before it is over. */
export const retryAfterStopsAll: Breakage = (calls, { direct, now }) => ({
  ...calls,
  async send(event, options) {
    const held = await direct.get(HELD_KEY);
    if (now() < Number(held?.value ?? 0)) return { kind: "failed", reason: "network" };
    const result = await calls.send(event, options);
    if (result.kind === "failed" && result.retryAfterMs !== undefined) {
      const until = String(now() + result.retryAfterMs);
      await direct.put(HELD_KEY, until, held?.version ?? "absent");
    }
    return result;
  },
});
