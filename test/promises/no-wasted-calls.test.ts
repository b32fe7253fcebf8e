import { expect, it } from "vitest";
import { NUMBER, OTHER } from "../support/watch-builders.ts";
import { watched } from "./watched.ts";

const TEN = Object.fromEntries(
  Array.from({ length: 10 }, (_, index) => [`c${index}`, [`491510000000${index}`]]),
);

it("ten customers cost ten calls a minute", async () => {
  const { upstream, nextRun } = await watched(TEN);
  upstream.control.clearCalls();
  for (let minute = 0; minute < 5; minute += 1) await nextRun();
  expect(upstream.control.calls()).toHaveLength(50);
});

it("a customer without a change costs no write", async () => {
  const { store, nextRun } = await watched({ acme: [NUMBER], beta: [OTHER] });
  const versions = async () => (await store.scan("c/", "", 10)).map(({ version }) => version);
  const before = await versions();
  for (let minute = 0; minute < 5; minute += 1) await nextRun();
  expect(await versions()).toEqual(before);
});

it("a refused request costs one call: it is not tried again in its run", async () => {
  const { upstream, nextRun } = await watched({ acme: [NUMBER] });
  upstream.control.refuse("acme", "Product.Unsubscript");
  upstream.control.clearCalls();
  await nextRun();
  expect(upstream.control.calls()).toHaveLength(1);
});

it("a receiver in trouble gets a probe at a time, not every event", async () => {
  const { upstream, receiver, nextRun } = await watched(TEN);
  receiver.behave({ status: 503 });
  for (const [name, [number = ""]] of Object.entries(TEN)) {
    upstream.control.setNumber(name, number, { Status: "BANNED" });
  }
  await nextRun();
  const tries = receiver.attempts().length;
  for (let minute = 0; minute < 10; minute += 1) await nextRun();
  expect(receiver.attempts().length - tries).toBeLessThanOrEqual(10);
});
