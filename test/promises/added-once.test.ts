import { beforeEach, expect, it, onTestFinished } from "vitest";
import type { Fault } from "../sandbox/cams-faults.ts";
import { addOf, type FunctionRig, GOOD_ADD, startFunctionRig } from "../support/function-deps.ts";

const ACTION = "AddChatappPhoneNumber";

let rig: FunctionRig;
beforeEach(async () => {
  rig = await startFunctionRig();
  onTestFinished(() => rig.close());
});

const add = (key?: string) =>
  rig.add(addOf(GOOD_ADD, { headers: key === undefined ? {} : { "idempotency-key": key } }));

it("the same request with the same Idempotency-Key is added once and answered the same", async () => {
  const first = await add("order-1");
  const second = await add("order-1");
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(second.text).toBe(first.text);
  expect(rig.calls().adds).toBe(1);
});

it("the same key is refused for another request", async () => {
  await add("order-1");
  const other = { ...GOOD_ADD, phoneNumber: "15112345679" };
  const { status, body } = await rig.add(
    addOf(other, { headers: { "idempotency-key": "order-1" } }),
  );
  expect([status, body.code]).toEqual([422, "ERR_IDEMPOTENCY_REUSED"]);
  expect(rig.calls().adds).toBe(1);
});

it("two requests with one key at the same time are added once", async () => {
  rig.upstream.control.fault({ kind: "slow", delayMs: 50, action: ACTION });
  const statuses = await Promise.all([add("order-1"), add("order-1")]);
  expect(statuses.map(({ status }) => status).toSorted()).toEqual([201, 409]);
  expect(rig.calls().adds).toBe(1);
});

const UNCLEAR: readonly (readonly [string, Fault])[] = [
  ["a connection cut after sending", { kind: "reset-after", action: ACTION }],
  ["an HTML error page", { kind: "html-502", action: ACTION, acts: true }],
  ["half a body", { kind: "truncated", action: ACTION }],
  ["HTTP 500", { kind: "http-500", action: ACTION }],
];

it.each(UNCLEAR)("an add that ends in %s is looked up, never sent again", async (_, fault) => {
  rig.upstream.control.fault(fault);
  const { status, body } = await add();
  expect([status, body.outcome]).toEqual([201, "confirmed"]);
  expect(rig.calls()).toEqual({ adds: 1, queries: 1 });
});

it("an add that nothing proves is answered as unknown, and not sent again under its key", async () => {
  rig.upstream.control.fault({ kind: "reset-before", action: ACTION });
  const first = await add("order-1");
  expect([first.status, first.body.outcome]).toEqual([504, "unknown"]);
  await add("order-1");
  expect(rig.calls().adds).toBe(1);
});
