import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../shared/config.ts";
import { createDeps } from "../../shared/deps.ts";
import { POLL } from "../../shared/functions.js";
import { newApiKey, newWebhookSecret, sandboxEnvironment } from "../sandbox/environment.ts";

/** Every function's dependencies over one store of this process, which belongs to account 1. */
function depsOfStore() {
  const environment = sandboxEnvironment({
    upstreamUrl: "http://127.0.0.1:1",
    receiverUrl: "http://127.0.0.1:1",
    webhookSecret: newWebhookSecret(),
    apiKey: newApiKey(),
    storeUrl: `memory:${randomUUID()}`,
    pollIntervalSeconds: 60,
  });
  const config = loadConfig(environment, POLL);
  return () => createDeps(config);
}

const OWNER = { accountId: "1" };
const STRANGER = { accountId: "2" };

describe("openStore", () => {
  it("the store is opened once for all invocations of an instance", async () => {
    const { openStore } = depsOfStore()();
    const [first, second] = await Promise.all([openStore(OWNER), openStore(OWNER)]);
    expect(second).toBe(first);
    expect(await openStore(OWNER)).toBe(first);
  });

  it("a failed opening of the store is tried again by the next invocation", async () => {
    const newDeps = depsOfStore();
    const first = await newDeps().openStore(OWNER);
    await first.put("c/acme", "{}", "absent");

    const { openStore } = newDeps();
    await expect(openStore(STRANGER)).rejects.toMatchObject({ code: "ERR_STORE_IDENTITY" });
    expect((await (await openStore(OWNER)).get("c/acme"))?.value).toBe("{}");
  });
});
