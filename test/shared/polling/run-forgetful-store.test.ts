import { describe, expect, it } from "vitest";
import { item, NUMBER } from "../../support/watch-builders.ts";
import { createWatchWorld, type WatchWorld } from "../../support/watch-world.ts";

/** A customer whose number got worse, which the receiver knows and the store then forgot. */
async function forgottenWorld(): Promise<WatchWorld> {
  const world = createWatchWorld();
  await world.watch(["acme"]);
  world.answers.set("acme", [item(NUMBER, { QualityRating: "GREEN" })]);
  await world.run();
  const before = (await world.text("c/acme")) ?? "";
  for (const QualityRating of ["YELLOW", "RED"]) {
    world.answers.set("acme", [item(NUMBER, { QualityRating })]);
    await world.minute();
    await world.run();
  }
  const { version = "absent" } = (await world.store.get("c/acme")) ?? {};
  await world.store.put("c/acme", before, version);
  await world.minute();
  return world;
}

/** The values that a receiver holds which ignores sequences that are not above the last one. */
function knownTo(world: WatchWorld): unknown {
  let last = "";
  let known: unknown;
  for (const { event } of world.sent) {
    const { sequence, data } = JSON.parse(event.body);
    if (sequence <= last) continue;
    last = sequence;
    known = data.current;
  }
  return known;
}

describe("a store that forgot its last writes of a customer", () => {
  it.each(["warm", "cold"])(
    "a %s instance gets the next real change to the receiver",
    async (kind) => {
      const world = await forgottenWorld();
      if (kind === "cold") world.restart();
      world.answers.set("acme", [item(NUMBER, { QualityRating: "YELLOW" })]);
      await world.run();
      expect(knownTo(world)).toMatchObject({ qualityRating: "YELLOW" });
    },
  );

  it("a warm instance corrects the receiver although nothing changed since", async () => {
    const world = await forgottenWorld();
    world.answers.set("acme", [item(NUMBER, { QualityRating: "GREEN" })]);
    expect(knownTo(world)).toMatchObject({ qualityRating: "RED" });
    await world.run();
    expect(knownTo(world)).toMatchObject({ qualityRating: "GREEN" });
    expect(JSON.parse(world.sent.at(-1)?.event.body ?? "").type).toBe(
      "whatsapp.phone_number.state",
    );
    world.forget();
    await world.minute();
    await world.run();
    expect(world.sent).toEqual([]);
  });

  it("a warm instance sends a row of the first edition without its spellings of no value", async () => {
    const world = await forgottenWorld();
    const row = JSON.parse((await world.text("c/acme")) ?? "");
    row.schema = 1;
    row.numbers[NUMBER].fields = {
      status: " CONNECTED ",
      qualityRating: "None",
      verifiedName: "Acme",
    };
    const { version = "absent" } = (await world.store.get("c/acme")) ?? {};
    await world.store.put("c/acme", JSON.stringify(row), version);
    world.answers.set("acme", [{ PhoneNumber: NUMBER }]);
    await world.run();
    const { type, data } = JSON.parse(world.sent.at(-1)?.event.body ?? "");
    expect([type, data.current]).toEqual([
      "whatsapp.phone_number.state",
      { status: "CONNECTED", verifiedName: "Acme" },
    ]);
  });
});
