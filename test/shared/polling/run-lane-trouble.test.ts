import { describe, expect, it } from "vitest";
import { UpstreamRejectedError, UpstreamTimeoutError } from "../../../shared/errors.ts";
import { NO_LIST } from "../../support/fake-upstream.ts";
import { iso, item, NUMBER, T0 } from "../../support/watch-builders.ts";
import { createWatchWorld, customers, type WatchWorld } from "../../support/watch-world.ts";

const onboarding = (addedAt = iso(0)) =>
  JSON.stringify({ schema: 1, onboarding: { [NUMBER]: { cc: "49", addedAt } } });
const worse = (until: number) => JSON.stringify({ schema: 1, onboarding: {}, worseUntil: until });
const refusal = (upstreamCode: string, concerns: "customer" | "request") =>
  new UpstreamRejectedError({ action: "Query", upstreamCode }, concerns);

async function worldWith(count: number, laneRow: Readonly<Record<string, string>>) {
  const world = createWatchWorld();
  await world.watch(customers(count));
  for (const [customer, row] of Object.entries(laneRow)) {
    await world.store.put(`hot/${customer}`, row, "absent");
    world.answers.set(customer, [item(NUMBER, { Status: "PENDING" })]);
  }
  return world;
}

/** A read that gets no answer through all of its three tries. */
function hang(world: WatchWorld): () => Promise<never> {
  return async () => {
    await world.clock.sleep(24_000);
    throw new UpstreamTimeoutError({ action: "Query" });
  };
}

describe("failures in the priority lane", () => {
  it("lane customers that hang cost the sweep no more than their own slots", async () => {
    const world = await worldWith(999, { c01: onboarding(), c02: worse(T0 + 86_400_000) });
    const healthy = (await world.run()).read;
    world.answers.set("c01", hang(world));
    world.answers.set("c02", hang(world));
    await world.minute();
    const { read, failed } = await world.run();
    expect(failed).toBe(2);
    expect(read).toBeGreaterThan(healthy * 0.8);
  });

  it("an unknown refusal of lane customers keeps no other customer from being read", async () => {
    const lane = Object.fromEntries(customers(12).map((customer) => [customer, onboarding()]));
    const world = await worldWith(40, lane);
    for (const customer of customers(12)) {
      world.answers.set(customer, refusal("Waba.NotBound", "request"));
    }
    const report = await world.run();
    expect(report).toMatchObject({ read: 28, failed: 12, sweepDone: true });
    expect(report.stopped).toBeUndefined();
    expect(await world.text("c/~account")).toBeUndefined();
  });

  it("refusals of every customer are each one's own, and end no run", async () => {
    const lane = Object.fromEntries(customers(12).map((customer) => [customer, onboarding()]));
    const world = await worldWith(40, lane);
    for (const customer of customers(40)) {
      world.answers.set(customer, refusal("Waba.NotBound", "request"));
    }
    const report = await world.run();
    expect(report).toMatchObject({ read: 0, failed: 40, sweepDone: true });
    expect(report.stopped).toBeUndefined();
    expect(await world.row("c40")).toHaveProperty("failure");
  });

  it.each([
    ["that failed", refusal("Unknown.ResourceOwnerId", "customer")],
    ["that hold no list", NO_LIST],
  ] as const)(
    "lane customers leave when their time is over, also after reads %s",
    async (_, answer) => {
      const world = await worldWith(3, {
        c01: onboarding(iso(-7 * 86_400_000)),
        c02: worse(T0 - 1),
        c03: worse(T0 + 3_600_000),
      });
      for (const customer of customers(3)) world.answers.set(customer, answer);
      await world.run();
      expect(await world.text("hot/c01")).toBeUndefined();
      expect(await world.text("hot/c02")).toBeUndefined();
      expect(await world.text("hot/c03")).toBeDefined();
    },
  );

  it("a lane pass confirms nothing until the failures among its reads are stored", async () => {
    const world = await worldWith(300, { c01: onboarding() });
    world.answers.set("c01", refusal("Unknown.ResourceOwnerId", "customer"));
    const running = world.begin();
    const isOver = running.then(() => true);
    const lease = async () => JSON.parse((await world.text("lease/poll")) ?? "{}");
    await world.clock.advance(20_000);
    const { lane: pass, owner } = await lease();
    expect(owner).not.toBe("");
    expect(pass).toBeUndefined();
    expect(await world.row("c01")).not.toHaveProperty("failure");

    expect(await world.clock.run(isOver)).toBe(true);
    expect((await lease()).lane).toHaveProperty("startedAt");
    expect(await world.row("c01")).toHaveProperty("failure");
  });
});
