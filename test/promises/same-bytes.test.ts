import { expect, it } from "vitest";
import { NUMBER } from "../support/watch-builders.ts";
import { watched } from "./watched.ts";

it("an event whose acknowledgement is lost comes again with the same id and bytes", async () => {
  const { upstream, receiver, nextRun } = await watched({ acme: [NUMBER] });
  upstream.control.setNumber("acme", NUMBER, { QualityRating: "RED" });
  receiver.behave({ kind: "ack-lost", times: 2 });
  await nextRun();
  await nextRun();
  const [first, ...again] = receiver.received().filter(({ type }) => type.endsWith(".changed"));
  expect(again.length).toBeGreaterThan(0);
  for (const { id, body } of again)
    expect({ id, body }).toEqual({ id: first?.id, body: first?.body });
});

it("an event keeps its id and bytes when newer changes come before it is delivered", async () => {
  const { upstream, receiver, store, nextRun } = await watched({ acme: [NUMBER] });
  receiver.behave({ status: 503 });
  upstream.control.setNumber("acme", NUMBER, { QualityRating: "RED" });
  await nextRun();
  const pending = JSON.parse((await store.get("c/acme"))?.value ?? "").pending[0];

  upstream.control.setNumber("acme", NUMBER, { QualityRating: "GREEN" });
  await nextRun();
  receiver.behave("ok");
  await nextRun();
  const [first] = receiver.received().filter(({ type }) => type.endsWith(".changed"));
  expect(first).toMatchObject({ id: pending.id, body: pending.body });
});

it("two events never share an id", async () => {
  const { upstream, receiver, nextRun } = await watched({ acme: [NUMBER] });
  for (const QualityRating of ["RED", "GREEN", "RED", "GREEN"]) {
    upstream.control.setNumber("acme", NUMBER, { QualityRating });
    await nextRun();
  }
  expect(new Set(receiver.received().map(({ id }) => id)).size).toBe(4);
});
