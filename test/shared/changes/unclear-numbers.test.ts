import { describe, expect, it } from "vitest";
import { MAX_PENDING_EVENTS } from "../../../shared/changes/limits.ts";
import type { CustomerRow } from "../../../shared/schemas/customer-row.ts";
import type { PhoneNumberItem } from "../../../shared/schemas/upstream.ts";
import {
  decideOn,
  freshRow,
  gist,
  iso,
  item,
  MINUTE,
  NUMBER,
  OTHER,
  rowAfter,
  rowOf,
  stateOf,
  T0,
} from "../../support/watch-builders.ts";

const TWICE = [item(OTHER), item(OTHER, { Status: "BANNED", QualityRating: "RED" })];
const BOTH = [item(), ...TWICE];

/** Reads at these minutes, each with what the last one left and remembered. */
function readAt(
  before: CustomerRow,
  minutes: readonly number[],
  items: readonly PhoneNumberItem[],
) {
  let row = before;
  let writes = 0;
  let lastSeenAt: number | undefined;
  const events = minutes.flatMap((minute) => {
    const readAt = T0 + minute * MINUTE;
    const decision = decideOn(items, { row, readAt, lastSeenAt });
    if (decision.confirms) lastSeenAt = readAt;
    if (decision.row) writes += 1;
    row = rowAfter(decision, row);
    return decision.events.map((event) => ({ minute, event }));
  });
  const said = events.map(({ minute, event }) => {
    const { subject, data } = JSON.parse(event.body);
    return "changes" in data ? `${minute}: ${gist(event)}` : `${minute}: ${event.type} ${subject}`;
  });
  return { row, writes, said, bodies: events.map(({ event }) => JSON.parse(event.body)) };
}

const two = () => rowOf({ [NUMBER]: stateOf(), [OTHER]: stateOf() });
const everyMinute = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("a number in two rows that contradict each other", () => {
  it("is stale by itself after half an hour, with three writes, and its customer is not", () => {
    const { row, writes, said, bodies } = readAt(two(), everyMinute(1, 90), BOTH);
    expect(said).toEqual([`31: whatsapp.watch.stale ${OTHER}`]);
    expect(writes).toBe(3);
    expect(row.failure).toBeUndefined();
    expect(Object.keys(row.unclear ?? {})).toEqual([OTHER]);
    expect(bodies[0]).toMatchObject({ partitionkey: "acme", subject: OTHER });
    expect(bodies[0].data).toEqual({
      custSpaceId: "acme",
      phoneNumber: OTHER,
      scope: "number",
      severity: "warning",
      failingSince: iso(MINUTE),
      failedReads: 2,
      lastGoodReadAt: iso(0),
      observedAt: iso(31 * MINUTE),
      code: "ERR_UPSTREAM_CONTRACT",
    });
  });

  it("lets the others of its customer go on: changes, absence, discovery and recovery", () => {
    const failure = { reads: 2, since: iso(0), code: "ERR_UPSTREAM_TIMEOUT", staleAt: iso(MINUTE) };
    const { row } = readAt({ ...two(), failure }, everyMinute(1, 5), BOTH);
    expect(row.failure).toBeUndefined();
    const third = "4915100000003";
    const next = [item(NUMBER, { Status: "BANNED" }), item(third), ...TWICE];
    expect(readAt(row, [6], next).said).toEqual([
      `6: discovered ${third}`,
      `6: changed ${NUMBER} status:CONNECTED>BANNED`,
    ]);
    expect(readAt(row, [6, 12, 18], TWICE).said).toEqual([`18: missing ${NUMBER}`]);
  });

  it("recovers by itself, and the change of that time holds the last clear read", () => {
    const clear = readAt(two(), [3], [item(), item(OTHER)]).row;
    const { row } = readAt(clear, everyMinute(4, 60), BOTH);
    const { said, bodies, row: after } = readAt(row, [61], [item(), item(OTHER, { Status: "X" })]);
    expect(said).toEqual([
      `61: whatsapp.watch.recovered ${OTHER}`,
      `61: changed ${OTHER} status:CONNECTED>X`,
    ]);
    expect(bodies[0].data).toMatchObject({ scope: "number", phoneNumber: OTHER });
    expect(bodies[1].data.previousObservedAt).toBe(iso(0));
    expect(after.unclear).toBeUndefined();
  });

  it("recovers without an event before it is stale, and also when it is no longer listed", () => {
    const { row } = readAt(two(), [1, 2], BOTH);
    expect(readAt(row, [3], [item(), item(OTHER)])).toMatchObject({ said: [] });
    expect(readAt(row, [3], [item(), item(OTHER)]).row.unclear).toBeUndefined();
    const stale = readAt(two(), everyMinute(1, 40), BOTH).row;
    expect(readAt(stale, [41, 47, 53], [item()]).said).toEqual([
      `41: whatsapp.watch.recovered ${OTHER}`,
      `53: missing ${OTHER}`,
    ]);
  });

  it("is listed: it ends an absence that was being counted", () => {
    const { row } = readAt(two(), [1, 6], [item()]);
    expect(row.numbers[OTHER]?.absent?.reads).toBe(2);
    const seen = readAt(row, [8], BOTH).row;
    expect(seen.numbers[OTHER]).not.toHaveProperty("absent");
    expect(readAt(seen, [12], [item()]).said).toEqual([]);
  });

  it("is a baseline if the first read listed it so, and discovered if a later one did", () => {
    for (const first of [BOTH, TWICE]) {
      const { row } = readAt(freshRow(), [1, 2], first);
      expect(row.baselineAt).toBe(iso(MINUTE));
      expect(readAt(row, [3], [...first.slice(0, -2), item(OTHER)]).said).toEqual([]);
      const third = "4915100000003";
      expect(readAt(row, [3], [...first, item(third)]).said).toEqual([`3: discovered ${third}`]);
    }
    const { row } = readAt(rowOf({ [NUMBER]: stateOf() }), [1, 2], BOTH);
    expect(readAt(row, [3], [item(), item(OTHER)]).said).toEqual([`3: discovered ${OTHER}`]);
  });

  it("is one line in each spelling: silent if the first read listed it, stale once, discovered once", () => {
    const [first, later] = ["5215512345678", "525512345678"];
    const twice = (number: string) => [item(number), item(number, { Status: "BANNED" })];
    const { row } = readAt(freshRow(), [1, 2], [item(), ...twice(first)]);
    const silent = readAt(row, [3], [item(), item(later)]);
    expect(silent.said).toEqual([]);
    expect(Object.keys(silent.row.numbers)).toEqual([NUMBER, first]);
    expect(silent.row.numbers[first]?.listedAs).toBe(later);
    expect(silent.row.unclear).toBeUndefined();

    const half = readAt(row, everyMinute(3, 20), [item(), ...twice(later)]).row;
    const stale = readAt(half, everyMinute(21, 60), [item(), ...twice(first)]);
    expect(stale.said).toEqual([`31: whatsapp.watch.stale ${first}`]);

    const known = readAt(rowOf({ [NUMBER]: stateOf() }), [1], [item(), ...twice(first)]).row;
    expect(readAt(known, [2, 3], [item(), item(later)]).said).toEqual([`2: discovered ${first}`]);
  });

  it("is not stuck because it is not listed", () => {
    const row = rowOf({ [NUMBER]: stateOf() });
    const onboarding = { [OTHER]: { cc: "49", addedAt: iso(0) } };
    const readAt = T0 + 48 * 60 * MINUTE;
    expect(decideOn(BOTH, { row, readAt, onboarding }).events).toEqual([]);
    expect(decideOn([item()], { row, readAt, onboarding }).events.map(gist)).toEqual([
      `stuck ${OTHER}`,
    ]);
  });

  it("waits for room in the outbox before it is stale", () => {
    const { row } = readAt(two(), [1, 2], BOTH);
    const event = { id: "e", seq: 1, type: "t", body: "{}" };
    const pending = Array.from({ length: MAX_PENDING_EVENTS }, () => event);
    expect(readAt({ ...row, pending }, [60], BOTH)).toMatchObject({ said: [], writes: 0 });
    expect(readAt({ ...row, pending: pending.slice(1) }, [60], BOTH).said).toHaveLength(1);
  });
});
