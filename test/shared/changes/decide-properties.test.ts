import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  WATCHED_FIELD_NAMES,
  WATCHED_FIELDS,
  type WatchedField,
} from "../../../shared/changes/watched-fields.ts";
import type { CustomerRow } from "../../../shared/schemas/customer-row.ts";
import type { PhoneNumberItem } from "../../../shared/schemas/upstream.ts";
import { SEED } from "../../support/seed.ts";
import { decideOn, freshRow, MINUTE, parse, rowAfter, T0 } from "../../support/watch-builders.ts";

const RUNS = { seed: SEED, numRuns: 100 };

const value = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("CONNECTED", "BANNED", "GREEN", "RED", "TIER_1K", "") },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 12 }) },
);
/** In one field only: several would be cut further to keep the body small. */
const name = fc.oneof(
  value,
  fc
    .tuple(fc.constantFrom("a", "\u{1F310}"), fc.nat(3))
    .map(([unit, tail]) => `${unit.repeat(1_024)}${tail}`),
);
const optional = (arbitrary: typeof value) => fc.option(arbitrary, { freq: 6, nil: undefined });
const fields = fc.record(
  Object.fromEntries(
    WATCHED_FIELD_NAMES.map((field) => [
      WATCHED_FIELDS[field].upstream,
      optional(field === "verifiedName" ? name : value),
    ]),
  ),
);
const NUMBERS = ["49100", "49101", "49102", "49103"];

/** One good answer: some of the numbers, each with some of the fields. */
const answer = fc
  .tuple(...NUMBERS.map((number) => fc.tuple(fc.constant(number), fc.boolean(), fields)))
  .map((rows) =>
    rows.flatMap(([PhoneNumber, isListed, rest]): PhoneNumberItem[] =>
      isListed ? [{ ...rest, PhoneNumber }] : [],
    ),
  );
const answers = fc.array(answer, { minLength: 1, maxLength: 8 });

/** Five minutes lie between two reads. */
function readAll(history: readonly (readonly PhoneNumberItem[])[]): CustomerRow[] {
  const rows = [freshRow()];
  for (const [index, items] of history.entries()) {
    const row = rows.at(-1) ?? freshRow();
    const readAt = T0 + index * 5 * MINUTE;
    rows.push(rowAfter(decideOn(items, { row, readAt }), row));
  }
  return rows;
}

describe("decide, for any history of answers", () => {
  it("reports nothing when an answer comes again", () => {
    fc.assert(
      fc.property(answers, (history) => {
        const row = readAll(history).at(-1) ?? freshRow();
        const again = decideOn(history.at(-1), { row, readAt: T0 + 100 * MINUTE });
        const reported = again.events.filter(({ type }) => !type.endsWith(".missing"));
        expect(reported).toEqual([]);
      }),
      RUNS,
    );
  });

  it("reports changes that turn the old state into the new one", () => {
    fc.assert(
      fc.property(answers, (history) => {
        const rows = readAll(history);
        for (const [index, row] of rows.entries()) {
          const before = rows[index - 1];
          if (!before) continue;
          const applied = new Map<string, Record<string, string>>();
          const events = row.pending.slice(before.pending.length).map((event) => parse(event));
          for (const { type, data } of events) {
            const { phoneNumber, changes, previous, current } = data;
            const old = applied.get(phoneNumber) ?? { ...before.numbers[phoneNumber]?.fields };
            for (const { field: name, from, to } of changes) {
              expect(old[name] ?? null).toBe(from);
              expect(previous[name]).toBe(from);
              old[name] = to;
            }
            applied.set(phoneNumber, old);
            const state = row.numbers[phoneNumber]?.fields ?? {};
            const isBack = type.endsWith(".returned");
            expect(current).toEqual(isBack ? old : { ...old, ...firsts(state, old) });
            if (!isBack) expect(current).toEqual(state);
          }
        }
      }),
      RUNS,
    );
  });

  it("advances a state only together with an event", () => {
    fc.assert(
      fc.property(answers, (history) => {
        const rows = readAll(history);
        for (const [index, row] of rows.entries()) {
          const before = rows[index - 1];
          if (!before?.baselineAt) continue;
          const reported = new Set(
            row.pending.slice(before.pending.length).map((e) => subject(e.body)),
          );
          for (const [number, state] of Object.entries(row.numbers)) {
            const old = before.numbers[number];
            const isChanged =
              !old || Object.entries(old.fields).some(([name, v]) => state.fields[name] !== v);
            if (isChanged) expect(reported).toContain(number);
          }
        }
      }),
      RUNS,
    );
  });

  it("gives every event an id and a sequence of its own, also from A to B to A to B", () => {
    fc.assert(
      fc.property(answer, answer, fc.integer({ min: 2, max: 6 }), (a, b, turns) => {
        const history = Array.from({ length: turns }, () => [a, b]).flat();
        const { pending, seq } = readAll(history).at(-1) ?? freshRow();
        expect(new Set(pending.map(({ id }) => id)).size).toBe(pending.length);
        const seqs = pending.map((event) => event.seq);
        expect(seqs).toEqual([...new Set(seqs)].sort((one, other) => one - other));
        expect(seq).toBe(seqs.at(-1) ?? T0);
      }),
      RUNS,
    );
  });

  it("decides the same whatever the order of the upstream's list", () => {
    const orders = answer.chain((items) =>
      fc.tuple(fc.constant(items), fc.shuffledSubarray(items, { minLength: items.length })),
    );
    fc.assert(
      fc.property(answers, orders, (history, [items, shuffled]) => {
        const row = readAll(history).at(-1) ?? freshRow();
        const readAt = T0 + 100 * MINUTE;
        expect(decideOn(shuffled, { row, readAt })).toEqual(decideOn(items, { row, readAt }));
      }),
      RUNS,
    );
  });

  it("gives each change a previousObservedAt no later than the old value was last shown", () => {
    fc.assert(
      fc.property(answers, (history) => {
        for (const event of readAll(history).at(-1)?.pending ?? []) {
          const { phoneNumber, changes, observedAt, previousObservedAt } = parse(event).data;
          const until = (Date.parse(observedAt) - T0) / (5 * MINUTE);
          const since = (Date.parse(previousObservedAt ?? "") - T0) / (5 * MINUTE);
          for (const { field, from } of changes) {
            if (from === null) continue;
            const lastShown = history.slice(0, until).findLastIndex((items) => {
              const item = items.find((one) => one.PhoneNumber === phoneNumber);
              return item?.[WATCHED_FIELDS[field as WatchedField].upstream] !== undefined;
            });
            expect(since).toBeLessThanOrEqual(lastShown);
          }
        }
      }),
      RUNS,
    );
  });
});

/** Fields that were not known before: baselines, not changes. */
function firsts(state: Readonly<Record<string, string>>, old: Readonly<Record<string, string>>) {
  return Object.fromEntries(Object.entries(state).filter(([name]) => old[name] === undefined));
}

function subject(body: string): string {
  return (JSON.parse(body) as { subject: string }).subject;
}
