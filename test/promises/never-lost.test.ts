import { expect, it } from "vitest";
import { recordAddIntent } from "../../shared/customers/add-intent.ts";
import { runSchedule } from "../schedules/schedule.ts";
import { NUMBER } from "../support/watch-builders.ts";
import { watched } from "./watched.ts";

it.each([302, 400, 404, 429, 500, 503])(
  "an event stays in the store while the receiver answers %i, for days if need be",
  async (status) => {
    const { upstream, receiver, clock, accepted, nextRun } = await watched({ acme: [NUMBER] });
    receiver.behave({ status });
    upstream.control.setNumber("acme", NUMBER, { Status: "BANNED" });
    for (let day = 0; day < 3; day += 1) {
      expect(await nextRun()).toMatchObject({ pending: 1 });
      await clock.advance(86_400_000);
    }
    expect(accepted()).toEqual([]);

    receiver.behave("ok");
    for (let run = 0; run < 3; run += 1) await nextRun();
    expect(accepted().filter((event) => !event.startsWith(" test"))).toEqual([
      "acme changed status CONNECTED>BANNED",
    ]);
    expect(await nextRun()).toMatchObject({ pending: 0 });
  },
);

it("an event stays in the store while the connection to the receiver breaks", async () => {
  const { upstream, receiver, accepted, nextRun } = await watched({ acme: [NUMBER] });
  receiver.behave({ kind: "reset", times: 2 });
  upstream.control.setNumber("acme", NUMBER, { Status: "BANNED" });
  for (let run = 0; run < 5; run += 1) await nextRun();
  expect(accepted()).toContain("acme changed status CONNECTED>BANNED");
});

it("a change and its event are stored in one write, so neither exists alone", async () => {
  const { upstream, receiver, store, nextRun } = await watched({ acme: [NUMBER] });
  receiver.behave({ status: 503 });
  upstream.control.setNumber("acme", NUMBER, { Status: "BANNED" });
  const before = (await store.get("c/acme"))?.version;
  await nextRun();
  const row = JSON.parse((await store.get("c/acme"))?.value ?? "");
  expect(row.numbers[NUMBER].fields.status).toBe("BANNED");
  expect(row.pending).toHaveLength(1);
  expect((await store.get("c/acme"))?.version).not.toBe(before);
});

it("processes may die at any step, and two runs may overlap, without a lost or invented event", async () => {
  let deaths = 0;
  let events = 0;
  for (let seed = 1; seed <= 50; seed += 1) {
    const verdict = await runSchedule(seed);
    expect(verdict.problems, `npm run check:schedules -- --seed ${seed}`).toEqual([]);
    deaths += verdict.deaths;
    events += verdict.events;
  }
  expect(deaths).toBeGreaterThan(50);
  expect(events).toBeGreaterThan(200);
});

it("a change is reported beside the milestone of the same read", async () => {
  const { upstream, store, clock, accepted, nextRun } = await watched({ acme: [NUMBER] });
  const number = { cc: NUMBER.slice(0, 2), national: NUMBER.slice(2) };
  await recordAddIntent(store, "acme", number, "add-1", clock.now());
  upstream.control.setNumber("acme", NUMBER, { QualityRating: "RED" });
  await nextRun();
  expect(accepted()).toEqual(["acme changed qualityRating GREEN>RED", "acme completed"]);
});
