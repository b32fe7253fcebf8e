import { expect, it } from "vitest";
import { NUMBER, OTHER } from "../support/watch-builders.ts";
import { watched } from "./watched.ts";

const CHANGES = ["FLAGGED", "CONNECTED", "BANNED", "CONNECTED", "RESTRICTED"];

it("the events of one customer arrive in the order of its changes", async () => {
  const { upstream, accepted, nextRun } = await watched({ acme: [NUMBER] });
  for (const Status of CHANGES) {
    upstream.control.setNumber("acme", NUMBER, { Status });
    await nextRun();
  }
  expect(accepted()).toEqual([
    "acme changed status CONNECTED>FLAGGED",
    "acme changed status FLAGGED>CONNECTED",
    "acme changed status CONNECTED>BANNED",
    "acme changed status BANNED>CONNECTED",
    "acme changed status CONNECTED>RESTRICTED",
  ]);
});

it("they arrive in that order after an outage of the receiver", async () => {
  const { upstream, receiver, accepted, nextRun } = await watched({ acme: [NUMBER, OTHER] });
  receiver.behave({ status: 503 });
  for (const Status of CHANGES) {
    upstream.control.setNumber("acme", NUMBER, { Status });
    await nextRun();
  }
  expect(accepted()).toEqual([]);

  receiver.behave("ok");
  for (let run = 0; run < 5; run += 1) await nextRun();
  const changes = accepted().filter((event) => event.startsWith("acme changed"));
  expect(changes.map((event) => event.split(">").at(-1))).toEqual(CHANGES);
});

it("their sequence rises, and a refused event holds back those after it", async () => {
  const { upstream, receiver, accepted, nextRun } = await watched({
    acme: [NUMBER],
    beta: [OTHER],
  });
  receiver.behave({ status: 500, times: 1 });
  upstream.control.setNumber("acme", NUMBER, { QualityRating: "YELLOW" });
  await nextRun();
  upstream.control.setNumber("acme", NUMBER, { QualityRating: "RED" });
  for (let run = 0; run < 5; run += 1) await nextRun();

  expect(accepted().filter((event) => event.startsWith("acme"))).toEqual([
    "acme changed qualityRating GREEN>YELLOW",
    "acme changed qualityRating YELLOW>RED",
  ]);
  const sequences = receiver.received().flatMap(({ sequence }) => sequence ?? []);
  expect(sequences).toEqual(sequences.toSorted());
  expect(new Set(sequences).size).toBe(sequences.length);
});
