import { describe, expect, it } from "vitest";
import { ensureWatched } from "../../../shared/customers/watch-list.ts";
import { iso, T0 } from "../../support/watch-builders.ts";
import { createWatchWorld } from "../../support/watch-world.ts";

const now = () => T0;

describe("the environment's watch list", () => {
  it("gives each customer a row, once in a process", async () => {
    const world = createWatchWorld();
    const ensured = new Set<string>();
    await ensureWatched(world.store, ["self", "acme"], ensured, now);
    expect(await world.row("acme")).toEqual({ schema: 1, seq: T0, numbers: {}, pending: [] });
    world.forget();
    await ensureWatched(world.store, ["self", "acme"], ensured, now);
    expect(world.writes).toEqual([]);
    await ensureWatched(world.store, ["self", "acme"], new Set(), now);
    expect(await world.row("self")).toMatchObject({ seq: T0 });
  });

  it("changes nothing of a customer that is watched, or that an operator removed", async () => {
    const world = createWatchWorld();
    await world.watch(["acme"]);
    await world.watch(["gone"], { removedAt: iso(0) });
    const before = [await world.text("c/acme"), await world.text("c/gone")];
    await ensureWatched(world.store, ["acme", "gone"], new Set(), now);
    expect([await world.text("c/acme"), await world.text("c/gone")]).toEqual(before);
  });

  it("is tried again in the next run when the store failed", async () => {
    const world = createWatchWorld();
    const ensured = new Set<string>();
    world.onStore = () => {
      throw new Error("down");
    };
    await expect(ensureWatched(world.store, ["acme"], ensured, now)).rejects.toThrow("down");
    world.onStore = () => undefined;
    await ensureWatched(world.store, ["acme"], ensured, now);
    expect(await world.row("acme")).toMatchObject({ seq: T0 });
  });
});
