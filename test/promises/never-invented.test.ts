import { expect, it } from "vitest";
import type { Fault } from "../sandbox/cams-faults.ts";
import { NUMBER, OTHER } from "../support/watch-builders.ts";
import { watched } from "./watched.ts";

const code = (name: string): Fault => ({ kind: "code", code: name });

const FAULTS: readonly (readonly [string, Fault])[] = [
  ["throttling", { kind: "throttle" }],
  ["an HTML error page", { kind: "html-502" }],
  ["HTTP 500 with a good body", { kind: "http-500" }],
  ["a connection cut before the answer", { kind: "reset-after" }],
  ["half a body", { kind: "truncated" }],
  ["an empty body", { kind: "empty-body" }],
  ["a body that is a bare list", { kind: "array-body" }],
  ["a list with an item that is no number", { kind: "malformed-row" }],
  ["an empty list", { kind: "empty-list" }],
  ["another order", { kind: "reordered" }],
  ["fields that nobody knows", { kind: "unknown-fields" }],
  ["a refusal of the customer", code("Product.Unsubscript")],
  ["a refusal of the account", code("Forbidden.RAM")],
  ["a code that nobody knows", code("Moon.NotFull")],
];

it.each(FAULTS)("%s is no change", async (_, fault) => {
  const { upstream, receiver, accepted, nextRun } = await watched({ acme: [NUMBER, OTHER] });
  upstream.control.fault({ ...fault, count: 20 });
  await nextRun();
  await nextRun();
  upstream.control.clearFaults();
  for (let run = 0; run < 3; run += 1) await nextRun();
  expect(accepted()).toEqual([]);
  expect(receiver.attempts()).toEqual([]);
});

it("a field that is absent is no change", async () => {
  const { upstream, accepted, nextRun } = await watched({ acme: [NUMBER] });
  upstream.control.setNumber("acme", NUMBER, { QualityRating: undefined, Status: undefined });
  await nextRun();
  upstream.control.setNumber("acme", NUMBER, { QualityRating: "GREEN", Status: "CONNECTED" });
  await nextRun();
  expect(accepted()).toEqual([]);
});

it.each(["", "  ", "None", "null", "NULL", "N/A"])(
  "a field that the upstream writes as %j is no change",
  async (value) => {
    const { upstream, accepted, nextRun } = await watched({ acme: [NUMBER] });
    upstream.control.setNumber("acme", NUMBER, { QualityRating: value, Status: value });
    await nextRun();
    upstream.control.setNumber("acme", NUMBER, { QualityRating: " GREEN ", Status: "connected" });
    await nextRun();
    expect(accepted()).toEqual([]);
  },
);

it("the first read of a customer sends no event, whatever it shows", async () => {
  const { upstream, accepted, nextRun } = await watched(
    { acme: [NUMBER] },
    { WATCH_CUST_SPACES: "acme,beta" },
  );
  upstream.control.addCustomer("beta", [{ PhoneNumber: OTHER, Status: "BANNED" }]);
  await nextRun();
  expect(accepted()).toEqual([]);
});
