import { beforeEach, describe, expect, it } from "vitest";
import { expireEvents, type RetentionPlace } from "../../../shared/outbox/retention.ts";
import { deadKey, historyKey } from "../../../shared/schemas/outbox-rows.ts";
import type { Store } from "../../../shared/store/store.ts";
import { createTestStore } from "../../support/memory-store.ts";

const DAY_MS = 86_400_000;
const NOW = Date.parse("2026-06-01T00:00:00.000Z");
let store: Store;
beforeEach(() => {
  store = createTestStore();
});

const daysAgo = (days: number) => new Date(NOW - days * DAY_MS).toISOString();
const event = (seq: number) => ({ id: `evt_${seq}`, seq, type: "t", body: `{"n":${seq}}` });
const putDead = (customer: string, seq: number, days: number) =>
  put(deadKey(customer, seq), { schema: 1, event: event(seq), status: 422, diedAt: daysAgo(days) });
const putSent = (customer: string, number: number, ...days: number[]) =>
  put(historyKey(customer, number), {
    ...{ schema: 1, number },
    events: days.map((each, index) => ({ ...event(index), deliveredAt: daysAgo(each) })),
  });

async function put(key: string, value: object): Promise<void> {
  await store.put(key, JSON.stringify(value), "absent");
}

async function keys(): Promise<string[]> {
  return (await store.scan("", "", 1_000)).map(({ key }) => key);
}

/** The last pass, which has announced what it saw. */
const YESTERDAY = { cursor: "", endedAt: NOW - DAY_MS, keptMs: 90 * DAY_MS };

const expire = (
  place: RetentionPlace | undefined = YESTERDAY,
  days = 90,
  hasTime = () => true,
  now = NOW,
) => expireEvents(store, place, { keptMs: days * DAY_MS, now, hasTime });

describe("expireEvents", () => {
  it("deletes what is 90 days old and keeps what is a moment younger", async () => {
    await putDead("acme", 1, 90);
    await putDead("acme", 2, 90 - 1e-6);
    await putSent("acme", 0, 90);
    await putSent("acme", 1, 90 - 1e-6);
    expect(await expire()).toEqual({
      ...{ deadLetters: 1, deliveredEvents: 1, soon: 1 },
      place: { cursor: "", endedAt: NOW, keptMs: 90 * DAY_MS },
    });
    expect(await keys()).toEqual([deadKey("acme", 2), historyKey("acme", 1)]);
  });

  it("deletes the old events of a row and notes until when some are gone", async () => {
    await putSent("acme", 0, 100, 95, 10);
    expect(await expire()).toMatchObject({ deliveredEvents: 2 });
    const row = JSON.parse((await store.get(historyKey("acme", 0)))?.value ?? "");
    expect(row).toMatchObject({ number: 0, cutAt: daysAgo(95) });
    expect(row.events.map(({ deliveredAt }: { deliveredAt: string }) => deliveredAt)).toEqual([
      daysAgo(10),
    ]);
  });

  it.each([
    [82.9, 0],
    [83, 1],
    [89.9, 1],
  ])("announces a dead letter of %d days, from a week before it goes: %d", async (days, soon) => {
    await putDead("acme", 1, days);
    expect((await expire()).soon).toBe(soon);
  });

  it.each([
    ["no pass was made", { cursor: "", endedAt: 0 }],
    ["an earlier version made the last pass", { cursor: "", endedAt: NOW - DAY_MS }],
    ["the last pass kept letters for longer", { ...YESTERDAY, keptMs: 108 * DAY_MS }],
    ["the last pass is too long ago", { ...YESTERDAY, endedAt: NOW - 18 * DAY_MS }],
    ["the last pass ended in the future", { ...YESTERDAY, endedAt: NOW + 400 * DAY_MS }],
  ])("announces an overdue dead letter a day before it goes where %s", async (_, last) => {
    await putDead("acme", 1, 100);
    const { place, ...counts } = await expire(last);
    expect(counts).toEqual({ deadLetters: 0, deliveredEvents: 0, soon: 1 });
    const next = await expire(place, 90, undefined, NOW + DAY_MS);
    expect(next).toMatchObject({ deadLetters: 1, soon: 0 });
    expect(await keys()).toEqual([]);
  });

  it("announces a dead letter that came after the last pass, although it is kept for a day", async () => {
    await putDead("acme", 1, 1);
    const last = { ...YESTERDAY, endedAt: NOW - 2 * DAY_MS, keptMs: DAY_MS };
    expect(await expire(last, 1)).toMatchObject({ deadLetters: 0, soon: 1 });
  });

  it("takes one pass a day, however often it is called", async () => {
    const { place } = await expire();
    await putDead("acme", 1, 100);
    expect(await expire(place, 90, undefined, NOW + DAY_MS - 1)).toMatchObject({ deadLetters: 0 });
    expect(await expire(place, 90, undefined, NOW + DAY_MS)).toMatchObject({ deadLetters: 1 });
  });

  it("begins a pass whose last one ended in the future", async () => {
    await putDead("acme", 1, 100);
    await putSent("acme", 0, 100);
    const place = { cursor: "", endedAt: NOW + 400 * DAY_MS };
    expect(await expire(place)).toMatchObject({ deliveredEvents: 1, soon: 1 });
  });

  it("continues over many calls where the time ended, and looks at each row once", async () => {
    for (let seq = 0; seq < 120; seq += 1) await putDead("acme", seq, seq % 2 ? 91 : 1);
    for (let n = 0; n < 20; n += 1) await putSent("acme", n, n % 2 ? 91 : 1);
    let place: RetentionPlace | undefined;
    const gone = { deadLetters: 0, deliveredEvents: 0 };
    let calls = 0;
    do {
      let pages = 1;
      const done = await expire(place, 90, () => pages-- > 0);
      place = done.place;
      gone.deadLetters += done.deadLetters;
      gone.deliveredEvents += done.deliveredEvents;
      calls += 1;
    } while (place.cursor !== "");
    expect([gone, calls]).toEqual([{ deadLetters: 60, deliveredEvents: 10 }, 5]);
    expect(await keys()).toHaveLength(70);
  });

  it("gives rows of a wrong clock today's time, so that they go in their turn", async () => {
    await putDead("acme", 1, -365);
    await putSent("acme", 0, -365, -1);
    expect(await expire()).toMatchObject({ deadLetters: 0, deliveredEvents: 0 });
    const later = NOW + 90 * DAY_MS;
    const last = { ...YESTERDAY, endedAt: later - DAY_MS };
    expect(await expire(last, 90, undefined, later)).toMatchObject({
      ...{ deadLetters: 1, deliveredEvents: 2 },
    });
    expect(await keys()).toEqual([]);
  });

  it("deletes the old history inside of a row that the first edition wrote", async () => {
    const inside = (...days: number[]) => ({
      ...{ schema: 1, seq: 9, numbers: {}, pending: [event(9)], baselineAt: daysAgo(400) },
      delivered: days.map((each, index) => ({ ...event(index), deliveredAt: daysAgo(each) })),
    });
    await put("c/acme", inside(100, 95, 10));
    await put("c/beta", inside(90));
    await put("c/new", inside(-365));
    await put("c/young", { ...inside(89), deliveredCutAt: daysAgo(200) });
    await put("c/~account", inside(91));
    expect(await expire()).toMatchObject({ deliveredEvents: 4 });
    const row = async (key: string) => JSON.parse((await store.get(key))?.value ?? "");
    expect(await row("c/acme")).toEqual({
      ...inside(),
      delivered: [{ ...event(2), deliveredAt: daysAgo(10) }],
      deliveredCutAt: daysAgo(95),
    });
    const { delivered: _none, ...bare } = inside();
    expect(await row("c/beta")).toEqual({ ...bare, deliveredCutAt: daysAgo(90) });
    expect(await row("c/~account")).toEqual({ ...bare, deliveredCutAt: daysAgo(91) });
    expect((await row("c/new")).delivered).toEqual([{ ...event(0), deliveredAt: daysAgo(0) }]);
    expect(await row("c/young")).toEqual({ ...inside(89), deliveredCutAt: daysAgo(200) });
  });

  it("looks at customers' rows over many calls, and writes none without such a history", async () => {
    for (let n = 0; n < 120; n += 1) {
      const delivered = n === 110 ? [{ ...event(1), deliveredAt: daysAgo(91) }] : undefined;
      await put(`c/${n}`, { schema: 1, seq: 9, numbers: {}, pending: [], delivered });
    }
    const versions = async () => (await store.scan("c/", "", 200)).map(({ version }) => version);
    const before = await versions();
    let place: RetentionPlace | undefined;
    let calls = 0;
    do {
      let pages = 1;
      ({ place } = await expire(place, 90, () => pages-- > 0));
      calls += 1;
    } while (place.cursor !== "");
    expect(calls).toBe(5);
    const after = await versions();
    expect(after.filter((version) => !before.includes(version))).toHaveLength(1);
  });

  it("leaves pending events, other rows and unreadable ones alone", async () => {
    await put("c/acme", { schema: 2, pending: [{ ...event(1), at: daysAgo(400) }] });
    await put("due/acme/0000000000000001", { schema: 1 });
    await put(deadKey("acme", 3), { schema: 99 });
    await put(historyKey("acme", 3), { schema: 99 });
    const before = await keys();
    expect(await expire()).toMatchObject({ deadLetters: 0, deliveredEvents: 0, soon: 0 });
    expect(await keys()).toEqual(before);
  });
});
