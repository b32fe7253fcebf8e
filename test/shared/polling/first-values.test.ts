import { describe, expect, it } from "vitest";
import { silentFields } from "../../../shared/changes/first-values.ts";
import { gist, item, NUMBER } from "../../support/watch-builders.ts";
import { createWatchWorld, customers, type WatchWorld } from "../../support/watch-world.ts";

const MINUTE = 60_000;
const BAD = { Status: "BANNED", NameStatus: "APPROVED" };
const WITHOUT = { Status: undefined, NameStatus: undefined };

const sent = (world: WatchWorld) =>
  world.sent.map(({ event }) => gist({ ...event, seq: 0, type: JSON.parse(event.body).type }));

/** As many customers, whose first answers showed neither status nor name. */
async function sparse(count: number): Promise<WatchWorld> {
  const world = createWatchWorld();
  await world.watch(customers(count));
  for (const customer of customers(count)) world.answers.set(customer, [item(NUMBER, WITHOUT)]);
  await world.run();
  await world.clock.advance(MINUTE);
  return world;
}

describe("first values of a field", () => {
  it("are reported for one customer of many", async () => {
    const world = await sparse(20);
    const [one = ""] = customers(20);
    world.answers.set(one, [item(NUMBER, { Status: "BANNED", NameStatus: undefined })]);
    await world.run();
    expect(sent(world)).toEqual([`changed ${NUMBER} status:null>BANNED`]);
    expect(await world.text(`hot/${one}`)).toContain("worseUntil");
  });

  it("are reported for the only customer", async () => {
    const world = await sparse(1);
    const [one = ""] = customers(1);
    world.answers.set(one, [item(NUMBER, { Status: "CONNECTED", NameStatus: undefined })]);
    await world.run();
    expect(sent(world)).toEqual([`changed ${NUMBER} status:null>CONNECTED`]);
  });

  it.each([3, 10, 19])(
    "are reported for two customers of %i, as two are not many",
    async (count) => {
      const world = await sparse(count);
      for (const customer of ["c01", "c02"]) {
        world.answers.set(customer, [item(NUMBER, { NameStatus: undefined })]);
      }
      await world.run();
      expect(sent(world)).toEqual(Array(2).fill(`changed ${NUMBER} status:null>CONNECTED`));
    },
  );

  it.each([3, 20])("are reported where they are bad, for all of %i customers", async (count) => {
    const world = await sparse(count);
    for (const customer of customers(count)) {
      const well = { Status: "CONNECTED", NameStatus: "APPROVED" };
      world.answers.set(customer, [item(NUMBER, well)]);
    }
    for (const customer of ["c01", "c02"]) world.answers.set(customer, [item(NUMBER, BAD)]);
    await world.run();
    expect(sent(world)).toEqual(Array(2).fill(`changed ${NUMBER} status:null>BANNED`));
    expect(await world.row("c03")).toMatchObject({
      numbers: { [NUMBER]: { fields: { status: "CONNECTED", nameStatus: "APPROVED" } } },
    });
  });

  it("of a code's status are not bad on numbers in service", async () => {
    const world = createWatchWorld();
    await world.watch(customers(3));
    const bare = { CodeVerificationStatus: undefined };
    for (const customer of customers(3)) world.answers.set(customer, [item(NUMBER, bare)]);
    await world.run();
    await world.clock.advance(MINUTE);
    const expired = { CodeVerificationStatus: "EXPIRED" };
    for (const customer of customers(3)) world.answers.set(customer, [item(NUMBER, expired)]);
    await world.run();
    expect(sent(world)).toEqual([]);
  });

  it("are stored without events if many customers show the field in one run", async () => {
    const world = await sparse(20);
    for (const customer of customers(20)) {
      world.answers.set(customer, [item(NUMBER, { Status: "CONNECTED", QualityRating: "RED" })]);
    }
    await world.run();
    expect(new Set(sent(world))).toEqual(new Set([`changed ${NUMBER} qualityRating:GREEN>RED`]));
    expect(sent(world)).toHaveLength(20);

    const [one = ""] = customers(20);
    world.answers.set(one, [item(NUMBER, { Status: "BANNED", QualityRating: "RED" })]);
    await world.clock.advance(MINUTE);
    await world.run();
    expect(sent(world).at(-1)).toBe(`changed ${NUMBER} status:CONNECTED>BANNED`);
  });
});

describe("silentFields", () => {
  it("names the fields of more than two customers and more than a tenth of those read", () => {
    const status = ["status"] as const;
    expect([...silentFields([status, status], 2)]).toEqual([]);
    expect([...silentFields([status, status, status], 3)]).toEqual(["status"]);
    expect([...silentFields([status, status, status], 30)]).toEqual([]);
    expect([...silentFields([status, ["nameStatus", "status"], status], 20)]).toEqual(["status"]);
  });
});
