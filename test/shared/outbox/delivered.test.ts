import { describe, expect, it } from "vitest";
import { keepDelivered } from "../../../shared/outbox/delivered.ts";
import type { CustomerRow } from "../../../shared/schemas/customer-row.ts";

const NOW = Date.parse("2026-01-02T00:00:00.000Z");
const BEFORE = "2026-01-01T00:00:00.000Z";
const EARLIER = "2025-12-31T00:00:00.000Z";

const eventOf = (seq: number, bytes = 2) => ({
  id: `evt_${seq}`,
  seq,
  type: "t",
  body: "x".repeat(bytes),
});

/** A row with this history, the oldest first. */
function rowOf(delivered: readonly ReturnType<typeof eventOf>[], deliveredCutAt?: string) {
  return {
    schema: 1,
    seq: 100,
    numbers: {},
    pending: [],
    delivered: delivered.map((event) => ({ ...event, deliveredAt: BEFORE })),
    deliveredCutAt,
  } satisfies CustomerRow;
}

const seqs = (row: Pick<CustomerRow, "delivered">) => row.delivered?.map(({ seq }) => seq);

describe("keepDelivered", () => {
  it("adds an event with its time behind the earlier ones", () => {
    expect(keepDelivered(rowOf([eventOf(1)]), [eventOf(2)], NOW)).toEqual({
      delivered: [
        { ...eventOf(1), deliveredAt: BEFORE },
        { ...eventOf(2), deliveredAt: "2026-01-02T00:00:00.000Z" },
      ],
    });
  });

  it("drops the oldest of 21 events and stores when that was accepted", () => {
    const history = Array.from({ length: 20 }, (_, index) => eventOf(index + 1));
    const kept = keepDelivered(rowOf(history, EARLIER), [eventOf(21)], NOW);
    expect(seqs(kept)).toEqual(Array.from({ length: 20 }, (_, index) => index + 2));
    expect(kept.deliveredCutAt).toBe(BEFORE);
  });

  it("drops the oldest events beyond 64 KB of bodies", () => {
    const history = [eventOf(1, 40_000), eventOf(2, 30_000)];
    expect(seqs(keepDelivered(rowOf(history), [eventOf(3, 35_536)], NOW))).toEqual([2, 3]);
    expect(seqs(keepDelivered(rowOf(history), [eventOf(3, 35_537)], NOW))).toEqual([3]);
  });

  it("keeps the time of an earlier cut when it drops nothing", () => {
    const kept = keepDelivered(rowOf([eventOf(1)], EARLIER), [eventOf(2)], NOW);
    expect(kept.deliveredCutAt).toBe(EARLIER);
  });
});
