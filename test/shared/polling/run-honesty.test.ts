import { describe, expect, it } from "vitest";
import { UpstreamAccountError, UpstreamTimeoutError } from "../../../shared/errors.ts";
import { NO_LIST } from "../../support/fake-upstream.ts";
import { item, NUMBER } from "../../support/watch-builders.ts";
import { createWatchWorld, customers, type WatchWorld } from "../../support/watch-world.ts";

async function minutes(world: WatchWorld, count: number) {
  let report = await world.run();
  for (let minute = 0; minute < count; minute += 1) {
    await world.minute();
    report = await world.run();
  }
  return report;
}

const sentEvents = (world: WatchWorld) =>
  world.sent.map(({ event }) => {
    const { type, subject, data } = JSON.parse(event.body);
    return [type, subject, data.code];
  });

describe("freshness", () => {
  it.each([
    ["the account is refused", 1, new UpstreamAccountError({ action: "Query" })],
    ["the account is refused", 15, new UpstreamAccountError({ action: "Query" })],
    ["the upstream is down", 15, new UpstreamTimeoutError({ action: "Query" })],
  ])("freshness does not improve while %s, with %i customers", async (_, count, error) => {
    const world = createWatchWorld();
    await world.watch(customers(count));
    await minutes(world, 2);
    for (const customer of [...customers(count), "self"]) world.answers.set(customer, error);

    const report = await minutes(world, 60);
    expect(report.read).toBe(0);
    expect(report.freshness.sweep).toBeGreaterThanOrEqual(3_540);
  });
});

describe("replies of which not all can be read", () => {
  it("an incomplete reply is reported once it lasts, while what can be read is still watched", async () => {
    const world = createWatchWorld();
    await world.watch(["acme"]);
    await world.run();
    const partly = (fields: object) => [42, item(undefined, { ...fields })];
    world.answers.set("acme", [item()]);
    await minutes(world, 5);
    world.sent.length = 0;
    world.answers.set("acme", partly({ Status: "BANNED" }));

    const report = await minutes(world, 40);
    expect(report).toMatchObject({ read: 1, partial: 1, failed: 0 });
    expect(sentEvents(world)).toEqual([
      ["whatsapp.phone_number.changed", NUMBER, undefined],
      ["whatsapp.watch.stale", "acme", "ERR_UPSTREAM_CONTRACT"],
    ]);

    world.answers.set("acme", [item(undefined, { Status: "BANNED" })]);
    await minutes(world, 2);
    expect(sentEvents(world).slice(2)).toEqual([
      ["whatsapp.watch.recovered", "acme", "ERR_UPSTREAM_CONTRACT"],
    ]);
  });

  it("a reply without a list is reported once it lasts", async () => {
    const world = createWatchWorld();
    await world.watch(["acme"]);
    await world.run();
    world.answers.set("acme", NO_LIST);

    await minutes(world, 40);
    expect(sentEvents(world)).toEqual([["whatsapp.watch.stale", "acme", "ERR_UPSTREAM_CONTRACT"]]);
  });
});

describe("empty lists that are ignored", () => {
  it("empty lists of nearly all customers make the watch stale, once, and no number missing", async () => {
    const world = createWatchWorld();
    await world.watch(customers(20));
    await world.run();
    for (const customer of customers(20)) world.answers.set(customer, []);

    await minutes(world, 60);
    expect(sentEvents(world)).toEqual([
      ["whatsapp.watch.stale", "~account", "ERR_UPSTREAM_CONTRACT"],
    ]);
  });
});
