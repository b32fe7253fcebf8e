import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FunctionRig, startFunctionRig } from "../support/function-deps.ts";
import { ADD, addOnce, CONFIRMED, REFUSED, UNKNOWN } from "./add-outcomes.ts";

let rig: FunctionRig;
beforeEach(async () => {
  rig = await startFunctionRig();
});
afterEach(() => rig.close());

describe("add under a code that the upstream may say after acting", () => {
  const codes = [
    "SystemError",
    "System.Error",
    "UnknownError",
    "Internal.Error",
    "Timeout",
    "RequestTimeout",
    "Service.Timeout",
    "ServiceTimeout",
    "BackendTimeout",
    "isp.SYSTEM_ERROR",
    "ServiceUnavailable",
    "SomethingNew",
  ];
  const cases = codes.flatMap((code) => [200, 400].map((status) => ({ code, status })));

  it.each(cases)("$code with HTTP $status, after acting, is confirmed", async (answer) => {
    rig.upstream.control.fault({ kind: "code", ...answer, action: ADD, acts: true });
    expect(await addOnce(rig)).toEqual(CONFIRMED);
  });

  it.each(cases)("$code with HTTP $status, without acting, is unknown", async (answer) => {
    rig.upstream.control.fault({ kind: "code", ...answer, action: ADD });
    expect(await addOnce(rig)).toEqual({ ...UNKNOWN, upstreamCode: answer.code });
  });

  it.each(["MissingVerifiedName", "InvalidVerifiedName.Malformed", "InvalidParameter"])(
    "%s is a refusal, which needs no Query",
    async (code) => {
      rig.upstream.control.fault({ kind: "code", code, action: ADD });
      expect(await addOnce(rig)).toEqual({ ...REFUSED, upstreamCode: code });
    },
  );
});
