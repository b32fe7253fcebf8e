import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addOf, type FunctionRig, GOOD_ADD, startFunctionRig } from "../support/function-deps.ts";
import { ADD } from "./add-outcomes.ts";

let rig: FunctionRig;
beforeEach(async () => {
  rig = await startFunctionRig();
});
afterEach(() => rig.close());

describe("the response of an add that failed", () => {
  it("names the upstream's request id and the next step after an unknown outcome", async () => {
    rig.upstream.control.fault({ kind: "code", code: "InternalError", action: ADD });
    const { body, headers } = await rig.add(addOf(GOOD_ADD));
    expect(body).toEqual({
      type: "urn:waba-numbers:problem:add-outcome-unknown",
      title: "Outcome unknown",
      status: 504,
      code: "ERR_ADD_OUTCOME_UNKNOWN",
      detail:
        "The upstream gave no clear response and does not list the number yet. It may still appear. Query the customer in a minute. Add the number again only if it is still absent.",
      requestId: "1-68f0c0de-15a3c0ffee00-0123456789ab",
      upstreamCode: "InternalError",
      upstreamRequestId: expect.stringMatching(/^[0-9A-F-]{36}$/),
      upstreamMessage: "The sandbox refuses this request with InternalError.",
      outcome: "unknown",
    });
    expect(headers["content-type"]).toBe("application/problem+json; charset=utf-8");
  });

  it.each([
    [undefined, "1"],
    [100, "1"],
    [2_500, "3"],
  ])(
    "has for a throttle with a hint of %s ms the Retry-After %s",
    async (retryAfterMs, seconds) => {
      const hint = retryAfterMs === undefined ? {} : { retryAfterMs };
      rig.upstream.control.fault({ kind: "throttle", count: 3, ...hint });
      expect((await rig.add(addOf(GOOD_ADD))).headers["retry-after"]).toBe(seconds);
    },
  );

  it("calls a wrong secret the account's problem, and nothing stays stored", async () => {
    const credentials = { accessKeyId: "STS.exampleAccessKeyId", accessKeySecret: "wrong" };
    const context = { credentials: { ...credentials, securityToken: "exampleSecurityToken" } };
    const { status, body } = await rig.add(addOf(GOOD_ADD), context);
    expect([status, body.upstreamCode]).toEqual([502, "SignatureDoesNotMatch"]);
    expect(await rig.rows()).toEqual({});
  });

  it("comes without a call and without a row if there are no credentials", async () => {
    const { status, body } = await rig.add(addOf(GOOD_ADD), { credentials: {} });
    expect([status, body.code]).toEqual([500, "ERR_CREDENTIALS"]);
    expect([rig.calls(), await rig.rows()]).toEqual([{ adds: 0, queries: 0 }, {}]);
  });
});
