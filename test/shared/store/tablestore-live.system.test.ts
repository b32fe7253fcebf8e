import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAgent } from "../../../shared/http-agent.ts";
import { Secret } from "../../../shared/secret.ts";
import { createTablestoreTable, openTablestoreStore } from "../../../shared/store/tablestore.ts";
import { parseTablestoreUrl } from "../../../shared/store/tablestore-url.ts";
import { describeStore } from "./contract.ts";

/**
 * The contract against a real Tablestore instance, which only an operator can give: a table of its
 * own, as every row in it is deleted. A stand-in proves agreement with the SDK, not with the
 * service.
 */
const url = process.env.TEST_TABLESTORE_URL ?? "";
const target = parseTablestoreUrl(url);
const id = process.env.ALIBABA_CLOUD_ACCESS_KEY_ID ?? "";
const secret = process.env.ALIBABA_CLOUD_ACCESS_KEY_SECRET ?? "";
const token = process.env.ALIBABA_CLOUD_SECURITY_TOKEN;
const missing = !url
  ? "TEST_TABLESTORE_URL is not set"
  : !target
    ? "TEST_TABLESTORE_URL is not tablestore://INSTANCE.REGION/TABLE"
    : !id || !secret
      ? "ALIBABA_CLOUD_ACCESS_KEY_ID or ALIBABA_CLOUD_ACCESS_KEY_SECRET is not set"
      : undefined;
if (missing) console.warn(`Tablestore tests on a real Tablestore instance are skipped: ${missing}`);

describe.runIf(!missing)("a real Tablestore instance", () => {
  const where = target ?? { instance: "", table: "", endpoint: "http://127.0.0.1:1" };
  const agent = createAgent(where.endpoint.startsWith("https:") ? "https:" : "http:", {
    maxIdleMs: 10_000,
    now: Date.now,
  });
  const options = {
    target: where,
    credentials: () => ({
      accessKeyId: id,
      accessKeySecret: new Secret(secret),
      securityToken: token ? new Secret(token) : undefined,
    }),
    agent,
    newVersion: randomUUID,
    random: Math.random,
    sleep: (ms: number) => sleep(ms),
  };
  const store = openTablestoreStore(options);
  const clear = async () => {
    for (;;) {
      const rows = await store.scan("", "", 100);
      if (rows.length === 0) return;
      await Promise.all(rows.map((row) => store.delete(row.key, row.version)));
    }
  };

  beforeAll(async () => {
    // A new table takes up to a minute before it answers.
    if ((await createTablestoreTable(options)) === "exists") return;
    for (let tries = 0; tries < 30; tries++) {
      if (await store.get("c/none").then(Boolean, () => true)) await sleep(2_000);
      else return;
    }
  }, 120_000);
  afterAll(async () => {
    await clear();
    agent.destroy();
  });

  describeStore("tablestore (real)", async () => {
    await clear();
    return { store, close: async () => {} };
  });

  it("refuses a wrong secret with OTSAuthFailed", async () => {
    const accessKeySecret = new Secret("not-the-secret");
    const stranger = openTablestoreStore({
      ...options,
      credentials: () => ({ ...options.credentials(), accessKeySecret }),
    });
    await expect(stranger.get("c/a")).rejects.toMatchObject({ reason: "OTSAuthFailed" });
  });

  it("gives nothing for an empty range", async () => {
    expect(await store.scan("c/", "z", 10)).toEqual([]);
  });
});
