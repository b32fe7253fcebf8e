import { describe, expect, it } from "vitest";
import { type CustomerQueue, createCustomerQueue } from "../../../shared/outbox/customer-queue.ts";

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

  it("takes the named customer first, unless it had its turn or is not ready", () => {
    const queue = createCustomerQueue();
    queue.add("critical", true);
    queue.add("normal");
    queue.add("named");
    expect(queue.take("named")).toBe("named");
    queue.release("named", "ready");
    expect(queue.take("named")).toBe("critical");
    expect(queue.take("unknown")).toBe("normal");
    expect(queue.take("named")).toBe("named");
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
