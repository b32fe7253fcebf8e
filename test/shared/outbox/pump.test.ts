import { afterEach, describe, expect, it } from "vitest";
import { createLog } from "../../../shared/log.ts";
import { commitRow } from "../../../shared/outbox/pending.ts";
import { type PumpOptions, startPump } from "../../../shared/outbox/pump.ts";
import {
  type CustomerRow,
  customerKey,
  customerRowSchema,
  newCustomerRow,
} from "../../../shared/schemas/customer-row.ts";
import { endpointRowSchema } from "../../../shared/schemas/outbox-rows.ts";
import { createMemoryStore } from "../../../shared/store/memory.ts";
import { encodeRow, readRow } from "../../../shared/store/rows.ts";
import type { AttemptResult, OutgoingEvent } from "../../../shared/webhook/attempt.ts";
import { createFakeClock, type FakeClock } from "../../support/fake-clock.ts";

const START = 1_800_000_000_000;
const DELIVERED: AttemptResult = { kind: "delivered", status: 204 };
const DOWN: AttemptResult = { kind: "failed", reason: "network" };

type Answer = (event: OutgoingEvent) => AttemptResult;

function createRig(clock: FakeClock = createFakeClock(START)) {
  let versions = 0;
  const newVersion = () => {
    versions += 1;
    return `v${versions}`;
  };
  const store = createMemoryStore({ newVersion });
  const sent: { id: string; at: number }[] = [];
  let mostAtOnce = 0;
  let atOnce = 0;
  let answer: Answer = () => DELIVERED;
  const lines: string[] = [];

  async function send(event: OutgoingEvent): Promise<AttemptResult> {
    sent.push({ id: event.id, at: clock.now() - START });
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    await clock.sleep(100);
    atOnce -= 1;
    return answer(event);
  }

  return {
    store,
    clock,
    sent,
    lines,
    mostAtOnce: () => mostAtOnce,
    answerWith(next: Answer) {
      answer = next;
    },

    /** A customer with events `<customer>-1`, `<customer>-2`, …, written as poll writes them. */
    async add(customer: string, events: number): Promise<void> {
      const key = customerKey(customer);
      const row = newCustomerRow(1_000);
      await store.put(key, encodeRow(row), "absent");
      const before = await readRow(store, key, customerRowSchema);
      const pending = Array.from({ length: events }, (_, index) => ({
        id: `${customer}-${index + 1}`,
        seq: 1_001 + index,
        type: "whatsapp.phone_number.changed",
        body: `{"of":"${customer}"}`,
      }));
      const next: CustomerRow = { ...row, seq: 1_000 + events, pending };
      if (before) await commitRow(store, customer, before, next);
    },

    async pending(customer: string): Promise<string[]> {
      const row = await readRow(store, customerKey(customer), customerRowSchema);
      return row?.value.pending.map(({ id }) => id) ?? [];
    },

    async markers(): Promise<string[]> {
      return (await store.scan("due/", "", 1_000)).map(({ key }) => key);
    },

    async endpoint() {
      return (await readRow(store, "ep/receiver", endpointRowSchema))?.value;
    },

    /** One tick's deliveries, with nothing else going on unless told. */
    async run(options: Partial<PumpOptions> = {}, reading: Promise<void> = Promise.resolve()) {
      const began = clock.monotonic();
      const pump = startPump(
        { endpoint: "receiver", stopAt: began + 50_000, deadlineAt: began + 58_000, ...options },
        {
          store,
          send,
          testEvent: () => ({ id: "test", body: "{}" }),
          now: clock.now,
          monotonic: clock.monotonic,
          sleep: clock.sleep,
          random: () => 0.5,
          log: createLog({ level: "warn", now: clock.now, write: (line) => lines.push(line) }),
        },
      );
      return clock.run(reading.then(() => pump.finish()));
    },
  };
}

describe("the pump", () => {
  const rigs: ReturnType<typeof createRig>[] = [];
  const rig = () => {
    const made = createRig();
    rigs.push(made);
    return made;
  };
  afterEach(async () => {
    for (const made of rigs.splice(0)) await made.store.close();
  });

  it("delivers what earlier ticks left behind, each customer in order, and removes the markers", async () => {
    const { add, run, sent, pending, markers } = rig();
    await add("a", 3);
    await add("b", 2);

    expect(await run()).toMatchObject({ delivered: 5, failedAttempts: 0, endpoint: "closed" });
    expect(sent.map(({ id }) => id).filter((id) => id.startsWith("a"))).toEqual([
      "a-1",
      "a-2",
      "a-3",
    ]);
    expect(await pending("a")).toEqual([]);
    expect(await markers()).toEqual([]);
  });

  it("never sends two events of one customer at once, and at most twenty in all", async () => {
    const { add, run, mostAtOnce } = rig();
    for (let i = 0; i < 60; i += 1) await add(`c${i}`, 2);

    expect(await run()).toMatchObject({ delivered: 120 });
    expect(mostAtOnce()).toBe(20);
  });

  it("keeps an event that failed, tries it again after 5 s, and ends the tick after 6 s", async () => {
    const { add, run, answerWith, sent, pending, endpoint } = rig();
    await add("a", 2);
    answerWith(() => DOWN);

    expect(await run()).toMatchObject({ delivered: 0, failedAttempts: 2 });
    expect(sent).toEqual([
      { id: "a-1", at: 0 },
      { id: "a-1", at: 5_100 },
    ]);
    expect(await pending("a")).toEqual(["a-1", "a-2"]);
    expect(await endpoint()).toMatchObject({ state: "closed", failures: 2 });
  });

  it("opens the breaker over several ticks, then only probes, then delivers in order", async () => {
    const { add, run, answerWith, sent, clock, endpoint } = rig();
    await add("a", 2);
    answerWith(() => DOWN);
    for (let tick = 0; tick < 3; tick += 1) {
      await run();
      await clock.advance(50_000);
    }
    expect(await endpoint()).toMatchObject({ state: "open" });
    const before = sent.length;
    for (let tick = 0; tick < 60; tick += 1) {
      await run();
      await clock.advance(60_000);
    }
    expect(sent.length - before).toBeLessThanOrEqual(6);

    answerWith(() => DELIVERED);
    await clock.advance(3_600_000);
    expect(await run()).toMatchObject({ delivered: 2, endpoint: "closed" });
    expect(sent.slice(-2).map(({ id }) => id)).toEqual(["a-1", "a-2"]);
  });

  it("probes with one test event, not with one of each customer", async () => {
    const { add, run, answerWith, sent, clock, store } = rig();
    for (let i = 0; i < 30; i += 1) await add(`c${i}`, 1);
    const open = { schema: 1, state: "open", step: 4, nextProbeAt: START, since: "then" };
    await store.put("ep/receiver", JSON.stringify(open), "absent");
    answerWith(() => DOWN);

    expect(await run()).toMatchObject({ failedAttempts: 1, endpoint: "open" });
    expect(sent.map(({ id }) => id)).toEqual(["test"]);
    await clock.advance(60_000);
    await run();
    expect(sent).toHaveLength(1);
  });

  it("does not probe when there is nothing to deliver", async () => {
    const { run, sent, store } = rig();
    const open = { schema: 1, state: "open", step: 4, nextProbeAt: START, since: "then" };
    await store.put("ep/receiver", JSON.stringify(open), "absent");

    expect(await run()).toMatchObject({ failedAttempts: 0, endpoint: "open" });
    expect(sent).toEqual([]);
  });

  it("lets an event that always gets a 500 stop nobody else, whenever the others come", async () => {
    const { add, run, answerWith, clock, pending } = rig();
    await add("a", 2);
    answerWith(({ id }) =>
      id === "a-1" ? { kind: "failed", reason: "status", status: 500 } : DELIVERED,
    );
    let delivered = 0;
    for (let minute = 0; minute < 7 * 24 * 60; minute += 10) {
      if (minute === 180) for (let i = 0; i < 50; i += 1) await add(`m${i}`, 1);
      delivered += (await run()).delivered;
      await clock.advance(600_000);
    }

    expect(delivered).toBe(50);
    expect(await pending("a")).toEqual(["a-1", "a-2"]);

    answerWith(() => DELIVERED);
    await clock.advance(3_600_000);
    expect(await run()).toMatchObject({ delivered: 2, deadLettered: 0 });
  });

  it("is not stopped by such an event after an outage either", async () => {
    const { add, run, answerWith, clock, sent } = rig();
    await add("a", 1);
    for (let i = 0; i < 50; i += 1) await add(`m${i}`, 1);
    answerWith(() => DOWN);
    for (let minute = 0; minute < 180; minute += 1) {
      await run();
      await clock.advance(60_000);
    }
    answerWith(({ id }) =>
      id === "a-1" ? { kind: "failed", reason: "status", status: 500 } : DELIVERED,
    );
    let delivered = 0;
    for (let minute = 0; minute < 90; minute += 1) {
      delivered += (await run()).delivered;
      await clock.advance(60_000);
    }

    expect(delivered).toBe(50);
    expect(sent.filter(({ id }) => id === "a-1").length).toBeLessThan(40);
  });

  it("opens again when the receiver takes the test but nothing else", async () => {
    const { add, run, answerWith, clock, sent } = rig();
    for (let i = 0; i < 50; i += 1) await add(`m${i}`, 1);
    answerWith(({ id }) => (id === "test" ? DELIVERED : DOWN));
    for (let minute = 0; minute < 240; minute += 1) {
      await run();
      await clock.advance(60_000);
    }

    expect(sent.length).toBeLessThan(150);
  });

  it.each([50, 250, 450])(
    "is not held up by a customer with %i markers that waits",
    async (count) => {
      const { add, run, store, clock, pending } = rig();
      await add("b", 1);
      const events = Array.from({ length: count }, (_, i) => ({
        id: `a-${i}`,
        seq: 2_000 + i,
        type: "t",
        body: "{}",
        ...(i === 0 ? { refusals: { count: 3, nextAt: START + 72_000_000 } } : {}),
      }));
      const row = { ...newCustomerRow(1_000), seq: 2_000 + count, pending: events };
      await store.put(customerKey("a"), encodeRow(row), "absent");
      for (const { seq } of events) {
        await store.put(
          `due/a/${String(seq).padStart(16, "0")}`,
          encodeRow({ schema: 1 }),
          "absent",
        );
      }
      // Reads go on for the whole tick: nobody says that no more will come.
      await run({}, clock.sleep(40_000));

      expect(await pending("b")).toEqual([]);
    },
  );

  it("stops for good at 410 and says so in the log", async () => {
    const { add, run, answerWith, sent, lines, pending } = rig();
    await add("a", 2);
    answerWith(() => ({ kind: "gone", status: 410 }));

    expect(await run()).toMatchObject({ endpoint: "disabled" });
    expect(await run()).toMatchObject({ delivered: 0, endpoint: "disabled" });
    expect(sent).toHaveLength(1);
    expect(await pending("a")).toEqual(["a-1", "a-2"]);
    expect(lines.join()).toContain('"state":"disabled"');
  });

  it("waits as long as Retry-After says", async () => {
    const { add, run, answerWith, endpoint, clock } = rig();
    await add("a", 1);
    answerWith(() => ({ kind: "failed", reason: "status", status: 429, retryAfterMs: 600_000 }));
    await run();

    const row = await endpoint();
    expect(row?.state).toBe("open");
    expect((row?.nextProbeAt ?? 0) - clock.now()).toBeGreaterThan(590_000);
  });

  it("takes a 400 for trouble of the receiver while that refuses the test event as well", async () => {
    const { add, run, answerWith, pending, sent, store } = rig();
    await add("a", 1);
    answerWith(() => ({ kind: "refused", status: 400 }));

    expect(await run()).toMatchObject({ deadLettered: 0 });
    expect(sent.map(({ id }) => id)).toEqual(["a-1", "test", "a-1", "test"]);
    const row = await readRow(store, customerKey("a"), customerRowSchema);
    expect(row?.value.pending[0]?.refusals).toBeUndefined();
    expect(await pending("a")).toEqual(["a-1"]);
  });

  it("buries an event refused ten times by a receiver that takes others, and goes on behind it", async () => {
    const { add, run, answerWith, sent, clock, store, pending } = rig();
    await add("a", 2);
    answerWith(({ id }) => (id === "a-1" ? { kind: "refused", status: 422 } : DELIVERED));
    let deadLettered = 0;
    for (let hour = 0; hour < 90 && deadLettered === 0; hour += 1) {
      deadLettered += (await run()).deadLettered;
      await clock.advance(3_600_000);
    }
    await run();

    expect(deadLettered).toBe(1);
    expect(sent.filter(({ id }) => id === "a-1")).toHaveLength(10);
    const dead = await store.get("dead/a/0000000000001001");
    expect(JSON.parse(dead?.value ?? "{}")).toMatchObject({ status: 422, event: { id: "a-1" } });
    expect(await pending("a")).toEqual([]);
    expect(sent.at(-1)?.id).toBe("a-2");
  });

  it("starts nothing from its end on", async () => {
    const { add, run, sent } = rig();
    await add("a", 20);

    await run({ stopAt: 1_000 });
    expect(sent.every(({ at }) => at < 1_000)).toBe(true);
    expect(sent).toHaveLength(10);
  });

  it("keeps a marker of a change that is still being written", async () => {
    const { add, run, markers, store } = rig();
    await add("a", 1);
    await store.put("due/a/0000000000001002", encodeRow({ schema: 1 }), "absent");

    await run();
    expect(await markers()).toEqual(["due/a/0000000000001002"]);
  });

  it("deletes the markers of a customer that is gone", async () => {
    const { run, markers, store } = rig();
    await store.put("due/gone/0000000000001002", encodeRow({ schema: 1 }), "absent");

    await run();
    expect(await markers()).toEqual([]);
  });
});
