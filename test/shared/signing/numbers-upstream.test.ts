import { describe, expect, it } from "vitest";
import type { Client } from "../../../shared/signing/client.ts";
import { createNumbersUpstream } from "../../../shared/signing/numbers-upstream.ts";
import { ADD_NUMBER, OPERATIONS } from "../../../shared/signing/operations.ts";

const NUMBER = { custSpaceId: "acme", cc: "49", phoneNumber: "15112345678", verifiedName: "Acme" };

function answering(Success: unknown, RequestId: unknown = "R-1") {
  const write = async () => ADD_NUMBER.reply.parse({ Code: "OK", RequestId, Success });
  return createNumbersUpstream({ write } as unknown as Client, () => 0);
}

describe("createNumbersUpstream", () => {
  // Found by `npm run check:fuzz`: an object that has no text threw, after the number was added.
  it.each([
    [true, true],
    [" FALSE", false],
    ["", undefined],
    [1, undefined],
    [null, undefined],
    [{ toString: 1, valueOf: 1 }, undefined],
    [[{ toString: null }], undefined],
  ])("reads the flag Success %j of an accepted add", async (sent, success) => {
    const reply = await answering(sent).add(NUMBER, { deadlineAt: 1_000 });
    expect(reply).toEqual({ requestId: "R-1", success });
  });

  it.each([
    [null, undefined],
    ["None", undefined],
    ["", undefined],
    [12_345, "12345"],
    [{}, undefined],
  ])("takes good replies with the request id %j", async (sent, requestId) => {
    const reply = await answering(true, sent).add(NUMBER, { deadlineAt: 1_000 });
    expect(reply).toEqual({ requestId, success: true });

    for (const { operation } of OPERATIONS) {
      expect(operation.reply.safeParse({ Code: "OK", RequestId: sent }).success).toBe(true);
    }
  });
});
