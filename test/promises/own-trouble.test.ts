import { expect, it } from "vitest";
import { NUMBER, OTHER } from "../support/watch-builders.ts";
import { watched } from "./watched.ts";

const CUSTOMERS = { acme: [NUMBER], beta: [OTHER], gamma: ["4915100000003"] };

it.each(["Product.Unsubscript", "Unknown.ResourceOwnerId", "Moon.NotFull"])(
  "a customer that the upstream refuses with %s holds up no other",
  async (code) => {
    const { upstream, accepted, nextRun } = await watched(CUSTOMERS);
    upstream.control.refuse("beta", code);
    upstream.control.setNumber("acme", NUMBER, { Status: "BANNED" });
    upstream.control.setNumber("gamma", "4915100000003", { QualityRating: "RED" });
    expect(await nextRun()).toMatchObject({ read: 2, failed: 1 });
    expect(accepted().toSorted()).toEqual([
      "acme changed status CONNECTED>BANNED",
      "gamma changed qualityRating GREEN>RED",
    ]);
  },
);

it("a customer whose row cannot be read holds up no other", async () => {
  const { store, upstream, accepted, nextRun } = await watched(CUSTOMERS);
  const beta = await store.get("c/beta");
  await store.put("c/beta", '{"schema":99}', beta?.version ?? "absent");
  upstream.control.setNumber("gamma", "4915100000003", { Status: "BANNED" });
  await nextRun();
  expect(accepted()).toContain("gamma changed status CONNECTED>BANNED");
});

it("an event that the receiver refuses holds up its own customer alone", async () => {
  const { upstream, receiver, accepted, nextRun } = await watched(CUSTOMERS);
  receiver.behave({ status: 422, times: 1 });
  for (const [name, [number = ""]] of Object.entries(CUSTOMERS)) {
    upstream.control.setNumber(name, number, { QualityRating: "RED" });
  }
  await nextRun();
  expect(accepted().filter((event) => event.endsWith("GREEN>RED")).length).toBeGreaterThanOrEqual(
    2,
  );
});

it("status counts who fails, and blames neither the others nor the account", async () => {
  const { upstream, invoke, nextRun } = await watched(CUSTOMERS);
  upstream.control.refuse("beta", "Product.Unsubscript");
  await nextRun();
  expect(await invoke({ command: "status" })).toMatchObject({
    watched: 3,
    failing: 1,
    account: null,
  });
});
