import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FunctionRig, startFunctionRig } from "../support/function-deps.ts";
import { ADD, addOnce, CONFIRMED, REFUSED, UNKNOWN } from "./add-outcomes.ts";

let rig: FunctionRig;
beforeEach(async () => {
  rig = await startFunctionRig();
});
afterEach(() => rig.close());

describe("add under a code that the upstream may say after acting", () => {
  // Which codes are unclear is a pure decision: see shared/signing/upstream-error.test.ts.
  it("SystemError, after acting, is confirmed", async () => {
    rig.upstream.control.fault({ kind: "code", code: "SystemError", action: ADD, acts: true });
    expect(await addOnce(rig)).toEqual(CONFIRMED);
  });

  it("SystemError with HTTP 200, without acting, is unknown", async () => {
    rig.upstream.control.fault({ kind: "code", code: "SystemError", status: 200, action: ADD });
    expect(await addOnce(rig)).toEqual({ ...UNKNOWN, upstreamCode: "SystemError" });
  });

  it("a code that nobody knows, without acting, is unknown", async () => {
    rig.upstream.control.fault({ kind: "code", code: "SomethingNew", action: ADD });
    expect(await addOnce(rig)).toEqual({ ...UNKNOWN, upstreamCode: "SomethingNew" });
  });

  it("MissingVerifiedName is a refusal, which needs no Query", async () => {
    const code = "MissingVerifiedName";
    rig.upstream.control.fault({ kind: "code", code, action: ADD });
    expect(await addOnce(rig)).toEqual({ ...REFUSED, upstreamCode: code });
  });
});
