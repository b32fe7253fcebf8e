import { describe, expect, it } from "vitest";
import {
  UpstreamAccountError,
  UpstreamRejectedError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from "../../../shared/errors.ts";
import { createWatchWorld, customers, type WatchWorld } from "../../support/watch-world.ts";

const FACTS = { action: "Query", upstreamCode: "Product.Unsubscript" };
const GONE = new UpstreamRejectedError(FACTS, "customer");

const sentEvents = (world: WatchWorld) =>
  world.sent.map(({ event }) => {
    const { type, subject, data } = JSON.parse(event.body);
    return [type, subject, data.scope];
  });

async function minutes(world: WatchWorld, count: number): Promise<void> {
  for (let minute = 0; minute < count; minute += 1) {
    await world.minute();
    await world.run();
  }
}

describe("stale and recovered", () => {
  it("a customer's failure is reported once it lasts half an hour, and so is its end", async () => {
    const world = createWatchWorld();
    await world.watch(customers(3));
    await world.run();
    world.answers.set("c01", GONE);
    await minutes(world, 29);
    expect(sentEvents(world)).toEqual([]);
    await minutes(world, 90);
    expect(sentEvents(world)).toEqual([["whatsapp.watch.stale", "c01", "customer"]]);

    world.answers.delete("c01");
    await minutes(world, 2);
    expect(sentEvents(world).slice(1)).toEqual([["whatsapp.watch.recovered", "c01", "customer"]]);
    expect(await world.row("c01")).not.toHaveProperty("failure");
  });

  it.each([
    ["the account's", new UpstreamAccountError({ action: "Query", upstreamCode: "Forbidden.RAM" })],
    ["the upstream's", new UpstreamTimeoutError({ action: "Query" })],
  ])(
    "%s failure is reported once for all, in a row of its own, and so is its end",
    async (_, error) => {
      const world = createWatchWorld();
      const all = customers(30);
      await world.watch(all);
      await world.run();
      const before = await Promise.all(all.map((customer) => world.text(`c/${customer}`)));
      for (const customer of all) world.answers.set(customer, error);
      await minutes(world, 45);
      expect(sentEvents(world)).toEqual([["whatsapp.watch.stale", "~account", "account"]]);
      expect(JSON.parse(world.sent[0]?.event.body ?? "{}").data).toMatchObject({
        severity: "critical",
        code: error.code,
      });
      expect(await Promise.all(all.map((customer) => world.text(`c/${customer}`)))).toEqual(before);

      world.answers.clear();
      await minutes(world, 2);
      expect(sentEvents(world).slice(1)).toEqual([
        ["whatsapp.watch.recovered", "~account", "account"],
      ]);
      await minutes(world, 3);
      expect(world.sent).toHaveLength(2);
    },
  );

  it("a failure of every customer is the account's, however few there are", async () => {
    const world = createWatchWorld();
    await world.watch(customers(3));
    await world.run();
    const down = new UpstreamUnavailableError({ action: "Query" }, false);
    for (const customer of customers(3)) world.answers.set(customer, down);
    await minutes(world, 45);
    expect(sentEvents(world)).toEqual([["whatsapp.watch.stale", "~account", "account"]]);
  });

  it("no good read of anybody is the account's as well, even if each failure is a customer's own", async () => {
    const world = createWatchWorld();
    await world.watch(customers(2));
    await world.run();
    for (const customer of customers(2)) world.answers.set(customer, GONE);
    await minutes(world, 45);
    expect(sentEvents(world)).toEqual([
      ["whatsapp.watch.stale", "c01", "customer"],
      ["whatsapp.watch.stale", "c02", "customer"],
      ["whatsapp.watch.stale", "~account", "account"],
    ]);
  });

  it.each([
    ["a customer's", "c01", GONE],
    ["everyone's", "~account", new UpstreamAccountError({ action: "Query" })],
  ])(
    "%s failure is reported with the last good read, also after a restart",
    async (_, subject, error) => {
      const world = createWatchWorld();
      await world.watch(customers(2));
      await world.run();
      await minutes(world, 600);
      const lastRunAt = world.clock.now();
      world.restart();
      for (const customer of customers(subject === "c01" ? 1 : 2))
        world.answers.set(customer, error);
      await minutes(world, 40);
      const [event] = world.sent.map(({ event }) => JSON.parse(event.body));
      expect(event).toMatchObject({ type: "whatsapp.watch.stale", subject });
      const lastGoodReadAt = Date.parse(event.data.lastGoodReadAt);
      // A whole sweep is known to the minute, and no read of it was before it began.
      expect(lastGoodReadAt).toBeGreaterThan(lastRunAt - 120_000);
      expect(lastGoodReadAt).toBeLessThanOrEqual(lastRunAt);
    },
  );

  it("a failure that ends within half an hour is not reported", async () => {
    const world = createWatchWorld();
    await world.watch(customers(2));
    await world.run();
    world.answers.set("c01", GONE);
    await minutes(world, 20);
    world.answers.delete("c01");
    await minutes(world, 60);
    expect(sentEvents(world)).toEqual([]);
  });
});
