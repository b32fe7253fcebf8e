import { describe, expect, it } from "vitest";
import { recordAddIntent } from "../../../shared/customers/add-intent.ts";
import { item, NUMBER } from "../../support/watch-builders.ts";
import { createWatchWorld, type WatchWorld } from "../../support/watch-world.ts";

const GERMAN = { cc: "49", national: "15112345678" };
const added = (fields: Readonly<Record<string, string>>) => [item(NUMBER, fields)];
const REGISTERING = {
  Status: "PENDING",
  CodeVerificationStatus: "NOT_VERIFIED",
  NameStatus: "Pending_Review",
};
const REVIEWED = { NameStatus: "Pending_Review" };

async function addTo(world: WatchWorld): Promise<void> {
  await recordAddIntent(world.store, "acme", GERMAN, "add-1", world.clock.now());
}

async function minutes(world: WatchWorld, count: number): Promise<void> {
  for (let minute = 0; minute < count; minute += 1) {
    await world.minute();
    await world.run();
  }
}

const sentTypes = (world: WatchWorld) =>
  world.sent.map(({ event }) => {
    const { type, data } = JSON.parse(event.body);
    return data.blockedBy ? `${type} ${data.blockedBy}` : type;
  });

/** A new customer whose added number the upstream shows as this. */
async function start(fields: Readonly<Record<string, string>>): Promise<WatchWorld> {
  const world = createWatchWorld();
  await world.watch(["acme"]);
  await addTo(world);
  world.answers.set("acme", added(fields));
  await world.run();
  return world;
}

describe("onboarding of an added number", () => {
  it("onboarding is completed when the name is decided, after the number is connected and verified", async () => {
    const world = await start(REGISTERING);
    world.answers.set("acme", added(REVIEWED));
    await minutes(world, 2);
    expect(sentTypes(world)).toEqual(["whatsapp.phone_number.changed"]);
    expect(await world.text("hot/acme")).toBeDefined();

    world.answers.set("acme", added({}));
    await minutes(world, 3);
    expect(sentTypes(world)).toEqual([
      "whatsapp.phone_number.changed",
      "whatsapp.phone_number.changed",
      "whatsapp.onboarding.completed",
    ]);
    expect(await world.text("hot/acme")).toBeUndefined();
  });

  it("onboarding is stuck when a name is undecided for a day, and may be completed later", async () => {
    const world = await start(REVIEWED);
    for (let hour = 0; hour < 27; hour += 1) {
      await world.clock.advance(3_600_000);
      await world.run();
    }
    expect(sentTypes(world)).toEqual(["whatsapp.onboarding.stuck nameStatus"]);
    world.answers.set("acme", added({}));
    await minutes(world, 2);
    expect(sentTypes(world).slice(1)).toEqual([
      "whatsapp.phone_number.changed",
      "whatsapp.onboarding.completed",
    ]);
  });

  it("onboarding is completed after the discovery of a number that is usable at first sight", async () => {
    const world = createWatchWorld();
    await world.watch(["acme"]);
    world.answers.set("acme", [item("4930123456")]);
    await world.run();
    await addTo(world);
    world.answers.set("acme", [item("4930123456"), ...added({})]);
    await minutes(world, 3);
    expect(sentTypes(world)).toEqual([
      "whatsapp.phone_number.discovered",
      "whatsapp.onboarding.completed",
    ]);
    expect(await world.text("hot/acme")).toBeUndefined();
  });

  it("onboarding of a new customer is completed when the first reply shows the number usable", async () => {
    const world = await start({});
    await minutes(world, 3);
    expect(sentTypes(world)).toEqual(["whatsapp.onboarding.completed"]);
    expect(await world.text("hot/acme")).toBeUndefined();
  });

  it("onboarding of one line that was added in two spellings is completed once", async () => {
    const world = createWatchWorld();
    await world.watch(["acme"]);
    world.answers.set("acme", [item("4930123456")]);
    await world.run();
    for (const [id, national] of Object.entries({ a: "07700900142", b: "7700900142" })) {
      const number = { cc: "44", national };
      await recordAddIntent(world.store, "acme", number, id, world.clock.now());
    }
    for (const Status of ["PENDING", "CONNECTED", "CONNECTED", "CONNECTED"]) {
      world.answers.set("acme", [item("4930123456"), item("447700900142", { Status })]);
      await minutes(world, 1);
    }
    expect(sentTypes(world)).toEqual([
      "whatsapp.phone_number.discovered",
      "whatsapp.phone_number.changed",
      "whatsapp.onboarding.completed",
    ]);
    expect(await world.text("hot/acme")).toBeUndefined();
  });

  it("onboarding is reported by the sweep when the lane's row is unreadable, or lost", async () => {
    for (const lane of ["not JSON", undefined]) {
      const world = await start(REGISTERING);
      const found = await world.store.get("hot/acme");
      if (lane) await world.store.put("hot/acme", lane, found?.version ?? "");
      else await world.store.delete("hot/acme", found?.version ?? "");
      world.answers.set("acme", added({}));
      await minutes(world, 2);
      expect(sentTypes(world)).toContain("whatsapp.onboarding.completed");
    }
  });

  it("onboarding that the first edition kept in the lane moves to the customer's row", async () => {
    const world = createWatchWorld();
    await world.watch(["acme"]);
    const addedAt = new Date(world.clock.now()).toISOString();
    const old = { schema: 1, onboarding: { [NUMBER]: { cc: "49", addedAt, adds: ["add-1"] } } };
    await world.store.put("hot/acme", JSON.stringify(old), "absent");
    world.answers.set("acme", added(REGISTERING));
    await world.run();
    expect((await world.row("acme")).onboarding).toEqual(old.onboarding);
    expect(JSON.parse((await world.text("hot/acme")) ?? "")).toEqual({
      schema: 1,
      addedAt: Date.parse(addedAt),
    });
    world.answers.set("acme", added({}));
    await minutes(world, 2);
    expect(sentTypes(world)).toContain("whatsapp.onboarding.completed");
    expect(await world.text("hot/acme")).toBeUndefined();
  });
});
