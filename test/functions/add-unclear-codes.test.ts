import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FunctionRig, startFunctionRig } from "../support/function-deps.ts";
import { ADD, addOnce, CONFIRMED, REFUSED, UNKNOWN } from "./add-outcomes.ts";

let rig: FunctionRig;
beforeEach(async () => {
  rig = await startFunctionRig();
});
afterEach(() => rig.close());

describe("add, if the upstream responds with a code that leaves open whether it acted", () => {
  // Which codes are unclear is a pure decision: see shared/signing/upstream-error.test.ts.
  it("confirms the number after SystemError if the upstream acted", async () => {
    rig.upstream.control.fault({ kind: "code", code: "SystemError", action: ADD, acts: true });
    expect(await addOnce(rig)).toEqual(CONFIRMED);
  });

  it("reports unknown after SystemError with HTTP 200 if it did not act", async () => {
    rig.upstream.control.fault({ kind: "code", code: "SystemError", status: 200, action: ADD });
    expect(await addOnce(rig)).toEqual({ ...UNKNOWN, upstreamCode: "SystemError" });
  });

  it("reports a 4xx with a new code and a request id as a refusal, without a Query", async () => {
    const code = "AddError.PhoneNumberExist";
    rig.upstream.control.fault({ kind: "code", code, action: ADD });
    expect(await addOnce(rig)).toEqual({ ...REFUSED, upstreamCode: code });
  });

  it("reports a new code with HTTP 200 and a request id as a refusal, without a Query", async () => {
    rig.upstream.control.fault({ kind: "code", code: "SomethingNew", status: 200, action: ADD });
    expect(await addOnce(rig)).toEqual({ ...REFUSED, upstreamCode: "SomethingNew" });
  });

  it("reports MissingVerifiedName as a refusal, without a Query", async () => {
    const code = "MissingVerifiedName";
    rig.upstream.control.fault({ kind: "code", code, action: ADD });
    expect(await addOnce(rig)).toEqual({ ...REFUSED, upstreamCode: code });
  });
});
