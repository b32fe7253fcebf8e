import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { CustomerRow, PendingEvent } from "../../../shared/schemas/customer-row.ts";
import {
  decideOn,
  FIELDS,
  gist,
  iso,
  item,
  MINUTE,
  NUMBER,
  OTHER,
  parse,
  rowAfter,
  rowOf,
  stateOf,
  T0,
} from "../../support/watch-builders.ts";

const EARTH = "\u{1F310}";

function pendingOf(count: number, body = "{}"): PendingEvent[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `evt_${index}`,
    seq: 1 + index,
    type: "whatsapp.phone_number.changed",
    body,
  }));
}

/** Ten known numbers, 49100 to 49109. */
const TEN = Array.from({ length: 10 }, (_, index) => `4910${index}`);
const tenWith = (pending: PendingEvent[]) =>
  rowOf(Object.fromEntries(TEN.map((number) => [number, stateOf()])), { pending });
const allBanned = TEN.map((number) => item(number, { Status: "BANNED" }));

describe("decide, for a long value", () => {
  const named = (name: string) => [item(NUMBER, { VerifiedName: name })];
  const long = `${"n".repeat(1023)}${EARTH}first`;
  const known = () =>
    rowAfter(decideOn(named(long), { row: rowOf({ [NUMBER]: stateOf() }) }), rowOf({}));

  it("stores and sends it cut on a code point, with the hash of all of it", () => {
    const row = known();
    expect(row.numbers[NUMBER]).toEqual({
      fields: { ...FIELDS, verifiedName: "n".repeat(1023) },
      hashes: { verifiedName: createHash("sha256").update(long).digest("hex") },
      observedAt: iso(MINUTE),
    });
    const { data } = parse(row.pending[0]);
    expect(data.truncated).toEqual(["verifiedName"]);
    expect(data.current.verifiedName).toBe("n".repeat(1023));
    expect(data.changes[0]).toMatchObject({ from: "Acme", to: "n".repeat(1023) });
  });

  it("reports no change when it comes again", () => {
    expect(decideOn(named(long), { row: known() }).row).toBeUndefined();
  });

  it("reports a change in the part that is cut off", () => {
    const decision = decideOn(named(`${"n".repeat(1023)}${EARTH}other`), { row: known() });
    const { data } = parse(decision.events[0]);
    expect(data.changes).toMatchObject([
      { field: "verifiedName", from: "n".repeat(1023), to: "n".repeat(1023) },
    ]);
    expect(data.truncated).toEqual(["verifiedName"]);
  });

  it("reports a change to exactly the part that was stored", () => {
    const decision = decideOn(named("n".repeat(1023)), { row: known() });
    expect(decision.events).toHaveLength(1);
    expect(parse(decision.events[0]).data.truncated).toEqual(["verifiedName"]);
    expect(rowAfter(decision, known()).numbers[NUMBER]).not.toHaveProperty("hashes");
  });

  it("gives a body of at most 20,000 bytes when every field is long", () => {
    const values = (text: string) => ({
      VerifiedName: text,
      Status: text,
      QualityRating: text,
      CodeVerificationStatus: text,
      NameStatus: text,
      NewNameStatus: text,
      MessagingLimitTier: text,
    });
    let row = rowOf({ [NUMBER]: stateOf() });
    for (const text of ["\u0001", "\ud83c", EARTH, '"'].map((part) => part.repeat(5_000))) {
      const decision = decideOn([item(NUMBER, values(text))], { row });
      expect(decision.events).toHaveLength(1);
      row = rowAfter(decision, row);
    }
    for (const event of row.pending) {
      expect(Buffer.byteLength(event.body)).toBeLessThanOrEqual(20_000);
      expect(parse(event).data.truncated).toHaveLength(7);
    }
  });
});

describe("decide, for a customer with many pending events", () => {
  it("advances as many changed numbers as fit under 500 events", () => {
    const row = tenWith(pendingOf(497));
    const decision = decideOn(allBanned, { row });
    expect(decision.events.map(gist)).toEqual([
      "changed 49100 status:CONNECTED>BANNED",
      "changed 49101 status:CONNECTED>BANNED",
      "changed 49102 status:CONNECTED>BANNED",
    ]);
    expect(decision.heldBack).toBe(7);
    expect(decision.row?.pending).toHaveLength(500);
    expect(decision.row?.seq).toBe(T0 + MINUTE + 2);
    const statuses = Object.values(decision.row?.numbers ?? {}).map(({ fields }) => fields.status);
    expect(statuses).toEqual([...Array(3).fill("BANNED"), ...Array(7).fill("CONNECTED")]);
    expect(decision.row?.observedAt).toBe(iso(0));
    expect(decision.confirms).toBe(false);
  });

  it("writes nothing while no event fits", () => {
    const decision = decideOn(allBanned, { row: tenWith(pendingOf(500)) });
    expect(decision).toMatchObject({ row: undefined, events: [], heldBack: 10 });
  });

  it("still stores what needs no event", () => {
    const state = stateOf(FIELDS, { watch: 1 });
    const row = rowOf({ [NUMBER]: state }, { pending: pendingOf(500) });
    const decision = decideOn([item(NUMBER, { IsOfficial: "N" })], { row });
    expect(decision.row?.numbers[NUMBER]?.fields).toEqual({ ...FIELDS, isOfficial: "N" });
  });

  it("keeps the bodies of one customer under 512 KB", () => {
    const row = tenWith(pendingOf(1, "x".repeat(512 * 1024 - 3_000)));
    const decision = decideOn(allBanned, { row });
    const bodies = (decision.row?.pending ?? []).reduce((sum, { body }) => sum + body.length, 0);
    expect(decision.events.length).toBeGreaterThan(0);
    expect(decision.heldBack).toBe(10 - decision.events.length);
    expect(bodies).toBeLessThanOrEqual(512 * 1024);
    expect(bodies + 1_200).toBeGreaterThan(512 * 1024);
  });

  it("reports each change that was held back once, as the outbox empties", () => {
    let row: CustomerRow = tenWith(pendingOf(497));
    const said: string[] = [];
    for (let minute = 1; minute <= 6; minute += 1) {
      const decision = decideOn(allBanned, { row, readAt: T0 + minute * MINUTE });
      said.push(...decision.events.map(gist));
      row = rowAfter(decision, row);
      row = { ...row, pending: row.pending.slice(2) };
    }
    expect(said).toEqual(TEN.map((number) => `changed ${number} status:CONNECTED>BANNED`));
    expect(decideOn(allBanned, { row }).row).toBeUndefined();
  });

  it("holds back a missing and a discovered number as well", () => {
    const full = rowOf(
      {
        [NUMBER]: stateOf(FIELDS, { absent: { reads: 3, since: iso(0), lastSeenAt: iso(0) } }),
      },
      { pending: pendingOf(500) },
    );
    const given = { row: full, readAt: T0 + 20 * MINUTE };
    expect(decideOn([item(OTHER)], given)).toMatchObject({ row: undefined, heldBack: 2 });
    const free = { ...given, row: { ...full, pending: [] } };
    expect(decideOn([item(OTHER)], free).events.map(gist)).toEqual([
      `discovered ${OTHER}`,
      `missing ${NUMBER}`,
    ]);
  });
});
