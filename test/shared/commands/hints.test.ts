import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { aCustomer, createCommandRig } from "./command-rig.ts";

const SECRET = "hint-secret-that-is-new";
const command = { command: "hints-url", custSpaceIds: ["acme", "gone", "nobody"] };

describe("hints-url", () => {
  it("has the path of each watched customer by the newest secret, which no log line has", async () => {
    const rig = createCommandRig({ HINT_SECRET: `${SECRET} hint-secret-that-is-old` });
    await rig.put("c/acme", aCustomer());
    await rig.put("c/gone", aCustomer({ removedAt: "2026-01-01T00:00:00.000Z" }));
    const token = createHmac("sha256", SECRET).update("hint:acme").digest("base64url");
    expect(await rig.run(command)).toEqual({
      command: "hints-url",
      addresses: [{ custSpaceId: "acme", path: `/hint/acme/${token}` }],
      notWatched: ["gone", "nobody"],
      unreadable: [],
      processed: 3,
      more: false,
    });
    expect(rig.logLines.join()).not.toContain(token);
  });

  it("is refused without HINT_SECRET", async () => {
    expect(await createCommandRig().run(command)).toMatchObject({
      error: { issues: [{ path: "HINT_SECRET", message: "is not set" }] },
    });
  });
});

describe("erase", () => {
  it("removes the mark of a hint", async () => {
    const rig = createCommandRig();
    await rig.put("c/acme", aCustomer());
    await rig.put("hint/acme", { schema: 1, at: 1 });
    await rig.run({ command: "erase", custSpaceIds: ["acme"] });
    expect(await rig.keys("hint/")).toEqual([]);
  });
});
