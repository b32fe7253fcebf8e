import { describe, expect, it } from "vitest";
import {
  type CustomerQueue,
  createCustomerQueue,
  placeAfter,
} from "../../../shared/outbox/customer-queue.ts";

/** Takes every ready customer. */
function takeAll(queue: CustomerQueue): string[] {
  const taken: string[] = [];
  for (let one = queue.take(); one !== undefined; one = queue.take()) taken.push(one);
  return taken;
}

describe("a customer queue", () => {
  it("gives ready customers in the order of their first add, each once", () => {
    const queue = createCustomerQueue();
    for (const customer of ["b", "a", "b", "c"]) queue.add(customer);

    expect(queue.readyCount()).toBe(3);
    expect(takeAll(queue)).toEqual(["b", "a", "c"]);
    expect(queue.readyCount()).toBe(0);
  });

  it("gives a customer in flight no second turn until it is released", () => {
    const queue = createCustomerQueue();
    queue.add("a");
    queue.take();
    queue.add("a");

    expect(queue.take()).toBeUndefined();
    queue.release("a", "none");
    expect(takeAll(queue)).toEqual(["a"]);
  });

  it("gives one more turn for several adds in flight, and none after it", () => {
    const queue = createCustomerQueue();
    queue.add("a");
    queue.take();
    queue.add("a");
    queue.add("a");
    queue.release("a", "ready");

    expect(takeAll(queue)).toEqual(["a"]);
    queue.release("a", "none");
    expect(queue.take()).toBeUndefined();
  });

  it("puts a released customer behind those that are ready", () => {
    const queue = createCustomerQueue();
    queue.add("a");
    queue.take();
    queue.add("b");
    queue.release("a", "ready");

    expect(takeAll(queue)).toEqual(["b", "a"]);
  });

  it("lets a customer wait until its time, added meanwhile or not", () => {
    const queue = createCustomerQueue();
    queue.add("a");
    queue.take();
    queue.add("a");
    queue.release("a", { waitsUntil: 2_000 });
    queue.add("a");

    queue.endWaits(1_999);
    expect(queue.take()).toBeUndefined();
    queue.endWaits(2_000);
    expect(takeAll(queue)).toEqual(["a"]);
    queue.release("a", "none");
    expect(queue.take()).toBeUndefined();
  });

  it("probes in key order from a place on, and with those without a turn first", () => {
    const queue = createCustomerQueue();
    queue.add("c", true);
    for (const customer of ["b", "b-x", "a"]) queue.add(customer);
    expect(queue.takeProbe("b-x")).toBe("b-x");
    queue.release("b-x", "ready", true);
    expect(queue.takeProbe(placeAfter("b-x"))).toBe("b");
    expect(queue.takeProbe(placeAfter("c"))).toBe("a");
    expect(queue.takeProbe(placeAfter("c"))).toBe("c");
    expect(queue.takeProbe(placeAfter("c"))).toBe("b-x");
    expect(queue.takeProbe(placeAfter("c"))).toBeUndefined();
  });

  it("probes with a critical customer first where no run has probed before", () => {
    const queue = createCustomerQueue();
    queue.add("a");
    queue.add("b", true);
    expect(queue.takeProbe("")).toBe("b");
  });

  it("says when the first wait ends, and nothing when nobody waits", () => {
    const queue = createCustomerQueue();
    expect(queue.firstWaitEnd()).toBeUndefined();
    for (const [customer, waitsUntil] of Object.entries({ a: 3_000, b: 2_000, c: 4_000 })) {
      queue.add(customer);
      queue.take();
      queue.release(customer, { waitsUntil });
    }

    expect(queue.firstWaitEnd()).toBe(2_000);
    queue.endWaits(3_000);
    expect(queue.firstWaitEnd()).toBe(4_000);
    expect(takeAll(queue)).toEqual(["a", "b"]);
  });
});
