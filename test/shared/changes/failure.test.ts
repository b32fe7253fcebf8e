import { describe, expect, it } from "vitest";
import {
  afterFailedRead,
  afterGoodRead,
  type FailureUpdate,
} from "../../../shared/changes/failure.ts";
import {
  UpstreamAccountError,
  UpstreamRejectedError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from "../../../shared/errors.ts";
import type { CustomerRow } from "../../../shared/schemas/customer-row.ts";
import { watchEventSchema } from "../../../shared/schemas/event.ts";
import { iso, MINUTE, NUMBER, rowOf, SOURCE, stateOf, T0 } from "../../support/watch-builders.ts";

const UNSUBSCRIBED = new UpstreamRejectedError(
  { action: "Query", upstreamCode: "Product.Unsubscript", upstreamRequestId: "REQ-1" },
  "customer",
);

const at = (row: CustomerRow, minutes: number, lastSeenAt?: number) => ({
  customer: "acme",
  source: SOURCE,
  row,
  now: T0 + minutes * MINUTE,
  lastSeenAt,
});

/** The row after failed reads at these minutes, and the events that came of them. */
function fail(minutes: readonly number[], sweepMs = 0) {
  let row = rowOf({ [NUMBER]: stateOf() });
  const events: string[] = [];
  let writes = 0;
  for (const minute of minutes) {
    const update = afterFailedRead(at(row, minute), UNSUBSCRIBED, sweepMs);
    if (!update) continue;
    writes += 1;
    row = update.row;
    events.push(...update.events.map(({ body }) => body));
  }
  return { row, writes, events: events.map((body) => watchEventSchema.parse(JSON.parse(body))) };
}

/** The row as a store gives it back. */
const stored = (update: FailureUpdate | undefined) => JSON.parse(JSON.stringify(update?.row));

const everyMinute = (until: number) => Array.from({ length: until }, (_, index) => index + 1);

describe("afterFailedRead", () => {
  it("stores the code, the first failure and the last good read", () => {
    expect(fail([1]).row.failure).toEqual({
      reads: 1,
      since: iso(MINUTE),
      lastGoodReadAt: iso(0),
      code: "ERR_UPSTREAM_REJECTED",
      upstreamCode: "Product.Unsubscript",
      upstreamRequestId: "REQ-1",
    });
  });

  it("reports the upstream's words and what broke the connection, of the last failure", () => {
    const facts = { action: "Query", upstreamCode: "Forbidden.RiskControl" };
    const words = { upstreamMessage: "Under risk control.", accessDeniedDetail: "Policy: none" };
    const refused = new UpstreamRejectedError({ ...facts, ...words }, "customer");
    const first = afterFailedRead(at(rowOf({}), 1), refused, 0);
    expect(first?.row.failure).toMatchObject({ upstreamCode: "Forbidden.RiskControl", ...words });

    const down = { action: "Query", transportCode: "ENOTFOUND" };
    const unreachable = new UpstreamUnavailableError(down, true);
    const stale = afterFailedRead(at(stored(first), 40), unreachable, 0);
    const { data } = JSON.parse(stale?.events[0]?.body ?? "");
    expect(data).toMatchObject({ code: "ERR_UPSTREAM_UNAVAILABLE", transportCode: "ENOTFOUND" });
    for (const name of ["upstreamCode", ...Object.keys(words)]) {
      expect(data).not.toHaveProperty(name);
    }
    const refusedAgain = afterFailedRead(at(stored(first), 40), refused, 0);
    expect(JSON.parse(refusedAgain?.events[0]?.body ?? "").data).toMatchObject(words);
  });

  it("keeps the words about one customer out of the account's row, which outlives it", () => {
    const words = { upstreamMessage: "Acme GmbH is suspended.", accessDeniedDetail: "Acme" };
    const refused = new UpstreamRejectedError({ action: "Query", ...words }, "customer");
    const account = { ...at(rowOf({}), 40), customer: "~account" };
    const own = { since: iso(0), reads: 1, code: "ERR_UPSTREAM_ACCOUNT", upstreamMessage: "No." };
    const stale = afterFailedRead({ ...account, row: rowOf({}, { failure: own }) }, refused, 0);
    expect(stale?.events).toHaveLength(1);
    expect(stale?.row.failure).toMatchObject({ code: "ERR_UPSTREAM_REJECTED" });
    expect(JSON.stringify(stale)).not.toMatch(/Acme|No\./);
    const denied = new UpstreamAccountError({ action: "Query", upstreamMessage: "Not allowed." });
    expect(afterFailedRead(account, denied, 0)?.row.failure).toMatchObject({
      upstreamMessage: "Not allowed.",
    });
  });

  it("stores the last good read that the instance remembers when that is later", () => {
    const update = afterFailedRead(at(rowOf({}), 10, T0 + 9 * MINUTE), UNSUBSCRIBED, 0);
    expect(update?.row.failure?.lastGoodReadAt).toBe(iso(9 * MINUTE));
  });

  it("reports a stale customer once, after 30 minutes, with three writes in all", () => {
    expect(fail(everyMinute(30)).events).toEqual([]);
    const { row, writes, events } = fail(everyMinute(120));
    expect(writes).toBe(3);
    expect(row.failure?.staleAt).toBe(iso(31 * MINUTE));
    expect(row.seq).toBe(T0 + 31 * MINUTE);
    expect(row.pending.map(({ seq }) => seq)).toEqual([T0 + 31 * MINUTE]);
    expect(events).toHaveLength(1);
    expect(events[0]).toEqual({
      specversion: "1.0",
      id: events[0]?.id,
      source: SOURCE,
      type: "whatsapp.watch.stale",
      subject: "acme",
      time: iso(31 * MINUTE),
      datacontenttype: "application/json",
      sequence: "0001767227460000",
      partitionkey: "acme",
      data: {
        custSpaceId: "acme",
        scope: "customer",
        severity: "warning",
        failingSince: iso(MINUTE),
        failedReads: 2,
        lastGoodReadAt: iso(0),
        observedAt: iso(31 * MINUTE),
        code: "ERR_UPSTREAM_REJECTED",
        upstreamCode: "Product.Unsubscript",
        upstreamRequestId: "REQ-1",
      },
    });
  });

  it("reports a stale customer only after two sweeps when those take longer", () => {
    const hour = 60;
    expect(fail([1, 61, 120], hour * MINUTE).events).toEqual([]);
    expect(fail([1, 61, 121], hour * MINUTE).events).toHaveLength(1);
  });

  it("never reports one failure alone, however long ago", () => {
    expect(fail([1]).events).toEqual([]);
    expect(fail([1, 500]).events).toHaveLength(1);
  });

  it("stores the code of the newest failure", () => {
    const first = afterFailedRead(at(rowOf({}), 1), UNSUBSCRIBED, 0);
    const timeout = new UpstreamTimeoutError({ action: "Query" });
    const second = first && afterFailedRead(at(first.row, 2), timeout, 0);
    expect(second?.row.failure).toMatchObject({ reads: 2, code: "ERR_UPSTREAM_TIMEOUT" });
  });

  it("gives each stale event an id of its own", () => {
    const once = fail(everyMinute(40)).events[0]?.id;
    const later = fail(everyMinute(40).map((minute) => minute + 100)).events[0]?.id;
    expect(once).toMatch(/^evt_[\w-]{22}$/);
    expect(later).not.toBe(once);
  });
});

describe("afterGoodRead", () => {
  it("changes nothing when no read had failed", () => {
    expect(afterGoodRead(at(rowOf({}), 1))).toBeUndefined();
  });

  it("sends no recovery if no stale event was sent", () => {
    const { row } = fail([1, 2]);
    const update = afterGoodRead(at(row, 3));
    expect(update?.events).toEqual([]);
    expect(stored(update)).not.toHaveProperty("failure");
  });

  it("reports the recovery of a customer that was reported stale", () => {
    const { row } = fail(everyMinute(31));
    const update = afterGoodRead(at(row, 40));
    expect(stored(update)).not.toHaveProperty("failure");
    expect(update?.row.pending.map(({ type, seq }) => [type, seq])).toEqual([
      ["whatsapp.watch.stale", T0 + 31 * MINUTE],
      ["whatsapp.watch.recovered", T0 + 40 * MINUTE],
    ]);
    const event = watchEventSchema.parse(JSON.parse(update?.events[0]?.body ?? "{}"));
    expect(event.data).toMatchObject({ severity: "info", failingSince: iso(MINUTE) });
  });
});
