import { describe, expect, it } from "vitest";
import { afterFailedRead, afterGoodRead } from "../../../shared/changes/failure.ts";
import { UpstreamRejectedError, UpstreamTimeoutError } from "../../../shared/errors.ts";
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
    const step = afterFailedRead(at(row, minute), UNSUBSCRIBED, sweepMs);
    if (!step) continue;
    writes += 1;
    row = step.row;
    events.push(...step.events.map(({ body }) => body));
  }
  return { row, writes, events: events.map((body) => watchEventSchema.parse(JSON.parse(body))) };
}

const everyMinute = (until: number) => Array.from({ length: until }, (_, index) => index + 1);

describe("failed reads", () => {
  it("are noted with the code, the first time and the last good read", () => {
    expect(fail([1]).row.failure).toEqual({
      reads: 1,
      since: iso(MINUTE),
      lastGoodReadAt: iso(0),
      code: "ERR_UPSTREAM_REJECTED",
      upstreamCode: "Product.Unsubscript",
      upstreamRequestId: "REQ-1",
    });
  });

  it("name the last good read that the instance remembers when that is later", () => {
    const step = afterFailedRead(at(rowOf({}), 10, T0 + 9 * MINUTE), UNSUBSCRIBED, 0);
    expect(step?.row.failure?.lastGoodReadAt).toBe(iso(9 * MINUTE));
  });

  it("are told once, after 30 minutes, and cost three writes however many there are", () => {
    expect(fail(everyMinute(30)).events).toEqual([]);
    const { row, writes, events } = fail(everyMinute(120));
    expect(writes).toBe(3);
    expect(row.failure?.staleAt).toBe(iso(31 * MINUTE));
    expect(row.seq).toBe(1001);
    expect(row.pending.map(({ seq }) => seq)).toEqual([1001]);
    expect(events).toHaveLength(1);
    expect(events[0]).toEqual({
      specversion: "1.0",
      id: events[0]?.id,
      source: SOURCE,
      type: "whatsapp.watch.stale",
      subject: "acme",
      time: iso(31 * MINUTE),
      datacontenttype: "application/json",
      sequence: "0000000000001001",
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

  it("are told only after two sweeps where those take longer", () => {
    const hour = 60;
    expect(fail([1, 61, 120], hour * MINUTE).events).toEqual([]);
    expect(fail([1, 61, 121], hour * MINUTE).events).toHaveLength(1);
  });

  it("need two: one failure is never stale, however long ago", () => {
    expect(fail([1]).events).toEqual([]);
    expect(fail([1, 500]).events).toHaveLength(1);
  });

  it("name the newest failure's code", () => {
    const first = afterFailedRead(at(rowOf({}), 1), UNSUBSCRIBED, 0);
    const timeout = new UpstreamTimeoutError({ action: "Query" });
    const second = first && afterFailedRead(at(first.row, 2), timeout, 0);
    expect(second?.row.failure).toMatchObject({ reads: 2, code: "ERR_UPSTREAM_TIMEOUT" });
  });

  it("have an id of their own for each time", () => {
    const once = fail(everyMinute(40)).events[0]?.id;
    const later = fail(everyMinute(40).map((minute) => minute + 100)).events[0]?.id;
    expect(once).toMatch(/^evt_[\w-]{22}$/);
    expect(later).not.toBe(once);
  });
});

describe("a good read", () => {
  it("changes nothing when none had failed", () => {
    expect(afterGoodRead(at(rowOf({}), 1))).toBeUndefined();
  });

  it("ends a failure that was not told without a word", () => {
    const step = afterGoodRead(at(fail([1, 2]).row, 3));
    expect(step?.events).toEqual([]);
    expect(step?.row).not.toHaveProperty("failure");
  });

  it("tells the recovery of one that was", () => {
    const { row } = fail(everyMinute(31));
    const step = afterGoodRead(at(row, 40));
    expect(step?.row).not.toHaveProperty("failure");
    expect(step?.row.pending.map(({ type, seq }) => [type, seq])).toEqual([
      ["whatsapp.watch.stale", 1001],
      ["whatsapp.watch.recovered", 1002],
    ]);
    const event = watchEventSchema.parse(JSON.parse(step?.events[0]?.body ?? "{}"));
    expect(event.data).toMatchObject({ severity: "info", failingSince: iso(MINUTE) });
  });
});
