import { describe, expect, it } from "vitest";
import { loadConfig } from "../../../shared/config.ts";
import { createDeps } from "../../../shared/deps.ts";
import { ADD } from "../../../shared/functions.js";
import { INSTANCE, KEY, TABLE, toCredentials } from "../../sandbox/tablestore/sandbox-store.ts";
import { openForTest, startForTest } from "./tablestore-rig.ts";

describe("a Tablestore store", () => {
  it("signs each call with the credentials of that moment", async () => {
    let key = KEY;
    const { server, store } = await openForTest({ credentials: () => toCredentials(key) });
    expect(await store.put("c/a", "1", "absent")).toBe("stored");
    key = {
      accessKeyId: "STS.second",
      accessKeySecret: "second-secret",
      securityToken: "second-token",
    };
    server.control.setCredentials([key]);
    expect((await store.get("c/a"))?.value).toBe("1");
    expect(server.control.calls().map((call) => call.accessKeyId)).toEqual([
      "LTAI-sandbox",
      "STS.second",
    ]);
    key = KEY;
    await expect(store.get("c/a")).rejects.toMatchObject({ reason: "OTSAuthFailed" });
  });

  it("uses the credentials of the newest invocation", async () => {
    const server = await startForTest([TABLE]);
    const config = loadConfig(
      {
        STORE_URL: `tablestore://${INSTANCE}.local/${TABLE}?endpoint=${server.url}`,
        API_KEYS: "ci:0123456789abcdef01234567",
      },
      ADD,
    );
    const { openStore } = createDeps(config);
    const second = {
      accessKeyId: "STS.second",
      accessKeySecret: "second-secret",
      securityToken: "second-token",
    };
    const first = await openStore({ credentials: KEY });
    expect(await first.put("c/a", "1", "absent")).toBe("stored");
    server.control.setCredentials([second]);
    await expect(first.get("c/a")).rejects.toMatchObject({ reason: "OTSAuthFailed" });
    const again = await openStore({ credentials: second });
    expect(again).toBe(first);
    expect((await first.get("c/a"))?.value).toBe("1");
    await first.close();
  });

  it("distinguishes a failed condition from failed authentication, both HTTP 403", async () => {
    let key = KEY;
    const { server, store } = await openForTest({ credentials: () => toCredentials(key) });
    await store.put("c/a", "1", "absent");
    expect(await store.put("c/a", "2", "absent")).toBe("conflict");
    key = { ...KEY, accessKeySecret: "not-the-secret" };
    await expect(store.put("c/a", "2", "absent")).rejects.toMatchObject({
      code: "ERR_STORE",
      operation: "put",
      reason: "OTSAuthFailed",
    });
    expect(server.control.calls().map((call) => call.code)).toEqual([
      undefined,
      "OTSConditionCheckFail",
      "OTSAuthFailed",
    ]);
  });

  it("fails without credentials, and sends nothing unsigned", async () => {
    const config = loadConfig(
      {
        STORE_URL: `tablestore://${INSTANCE}.local/${TABLE}?endpoint=http://127.0.0.1:1`,
        API_KEYS: "ci:0123456789abcdef01234567",
      },
      ADD,
    );
    await expect(createDeps(config).openStore({ credentials: {} })).rejects.toMatchObject({
      code: "ERR_CREDENTIALS",
    });
  });
});
