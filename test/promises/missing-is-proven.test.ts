import { expect, it } from "vitest";
import { NUMBER, OTHER } from "../support/watch-builders.ts";
import { watched } from "./watched.ts";

const MINUTE = 60_000;
const TEN_MINUTES = 600_000;

it("a number is missing after three complete reads without it, over ten minutes", async () => {
  const { upstream, clock, run, accepted, nextRun } = await watched({ acme: [NUMBER, OTHER] });
  upstream.control.removeNumber("acme", OTHER);
  await nextRun();
  await nextRun();
  await nextRun();
  expect(accepted()).toEqual([]);

  await clock.advance(TEN_MINUTES);
  await run();
  expect(accepted()).toEqual(["acme missing"]);
});

it("two reads without it are not enough, however far apart they are", async () => {
  const { upstream, clock, run, accepted } = await watched({ acme: [NUMBER, OTHER] });
  upstream.control.removeNumber("acme", OTHER);
  for (const wait of [MINUTE, TEN_MINUTES]) {
    await clock.advance(wait);
    await run();
  }
  expect(accepted()).toEqual([]);
});

it("a list with an item that is no number proves no absence", async () => {
  const { upstream, accepted, nextRun } = await watched({ acme: [NUMBER, OTHER] });
  upstream.control.fault({ kind: "malformed-row", count: 100 });
  for (let run = 0; run < 15; run += 1) await nextRun();
  expect(accepted()).toEqual([]);
});

it("a number that comes back in between starts the count again", async () => {
  const { upstream, accepted, nextRun } = await watched({ acme: [NUMBER, OTHER] });
  for (let round = 0; round < 4; round += 1) {
    upstream.control.removeNumber("acme", OTHER);
    await nextRun();
    await nextRun();
    upstream.control.setNumber("acme", OTHER, { Status: "CONNECTED" });
    await nextRun();
  }
  expect(accepted().filter((event) => event === "acme missing")).toEqual([]);
});
