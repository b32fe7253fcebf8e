import http from "node:http";
import { inspect } from "node:util";
import TableStore from "tablestore";
import { afterEach, describe, expect, it } from "vitest";
import { loadConfig } from "../../../shared/config.ts";
import { createDeps } from "../../../shared/deps.ts";
import { createAgent } from "../../../shared/sockets.ts";
import { createTable, type TablestoreOptions } from "../../../shared/store/tablestore.ts";
import { createCall } from "../../../shared/store/tablestore-call.ts";
import {
  INSTANCE,
  KEY,
  openSandboxStore,
  optionsFor,
  TABLE,
  toCredentials,
} from "../../sandbox/tablestore/sandbox-store.ts";
import { startTablestore } from "../../sandbox/tablestore/tablestore.ts";
import { describeStore } from "./contract.ts";

describeStore("tablestore", openSandboxStore);

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const open = async (overrides: Partial<TablestoreOptions> = {}) => {
  const opened = await openSandboxStore(overrides);
  closers.push(() => opened.close());
  return opened;
};

/** A stand-in of its own, without tables. */
const startEmpty = async () => {
  const server = await startTablestore({ instance: INSTANCE, credentials: [KEY] });
  closers.push(() => server.close());
  return server;
};

const everythingOf = (error: unknown) =>
  `${inspect(error, { depth: 20, showHidden: true })}${(error as Error).stack}${JSON.stringify(error)}`;

describe("a Tablestore store", () => {
  it("sends nothing when it is opened", async () => {
    const { server } = await open();
    expect(server.control.connections()).toBe(0);
  });

  it("uses one connection for calls that follow one another", async () => {
    const agent = createAgent("http:", { maxIdleMs: 60_000, now: Date.now });
    closers.push(() => agent.destroy());
    const { server, store } = await open({ agent });
    for (let index = 0; index < 20; index++) await store.put(`c/${index}`, "1", "absent");
    expect(await store.scan("c/", "", 100)).toHaveLength(20);
    expect(await store.get("c/none")).toBeUndefined();
    expect(server.control.calls()).toHaveLength(22);
    expect(server.control.connections()).toBe(1);
    expect(Object.values(agent.freeSockets).map((sockets) => sockets?.length)).toEqual([1]);
  });

  it("signs each call with the credentials of that moment", async () => {
    let key = KEY;
    const { server, store } = await open({ credentials: () => toCredentials(key) });
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

  it("follows the credentials of the newest invocation through the dependencies", async () => {
    const server = await startTablestore({
      instance: INSTANCE,
      credentials: [KEY],
      tables: [TABLE],
    });
    closers.push(() => server.close());
    const config = loadConfig(
      {
        STORE_URL: `tablestore://${INSTANCE}.local/${TABLE}?endpoint=${server.url}`,
        API_KEYS: "ci:0123456789abcdef01234567",
      },
      "add",
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

  it("tells a failed condition from failed authentication, both HTTP 403", async () => {
    let key = KEY;
    const { server, store } = await open({ credentials: () => toCredentials(key) });
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

  it("says that there are no credentials, and sends nothing unsigned", async () => {
    const config = loadConfig(
      {
        STORE_URL: `tablestore://${INSTANCE}.local/${TABLE}?endpoint=http://127.0.0.1:1`,
        API_KEYS: "ci:0123456789abcdef01234567",
      },
      "add",
    );
    await expect(createDeps(config).openStore({ credentials: {} })).rejects.toMatchObject({
      code: "ERR_CREDENTIALS",
    });
  });

  it("names the table that is missing by its code", async () => {
    const server = await startEmpty();
    const { store } = await open({ target: optionsFor(server.url).target });
    for (const call of [store.get("c/a"), store.put("c/a", "1", "absent"), store.scan("", "", 1)]) {
      await expect(call).rejects.toMatchObject({ code: "ERR_STORE", reason: "OTSObjectNotExist" });
    }
  });

  it("reads pages that the service cuts at 4 MB", async () => {
    const { server, store } = await open();
    const value = "x".repeat(1_500_000);
    for (const key of ["c/1", "c/2", "c/3", "c/4", "c/5"]) await store.put(key, value, "absent");
    const before = server.control.calls().length;
    const rows = await store.scan("c/", "c/1", 3);
    expect(rows.map((row) => row.key)).toEqual(["c/2", "c/3", "c/4"]);
    expect(rows.every((row) => row.value === value)).toBe(true);
    expect(server.control.calls().length - before).toBe(2);
  });

  it("takes keys of 512 characters and gives nothing for a limit of none", async () => {
    const { store } = await open();
    const key = `c/${"~".repeat(510)}`;
    expect(await store.put(key, "1", "absent")).toBe("stored");
    expect((await store.scan(key, "", 5)).map((row) => row.key)).toEqual([key]);
    expect(await store.scan("c/", "", 0)).toEqual([]);
  });

  it("reads a page that fits with one request, wherever it starts", async () => {
    const { server, store } = await open();
    for (const key of ["c/1", "c/2", "c/3", "c/4"]) await store.put(key, "1", "absent");
    for (const after of ["", "c/1", "c/10"]) {
      const before = server.control.calls().length;
      expect(await store.scan("c/", after, 2)).toHaveLength(2);
      expect(server.control.calls().length - before).toBe(1);
    }
  });

  it("refuses a row that it did not write", async () => {
    const { server, store } = await open();
    const params = {
      tableName: TABLE,
      primaryKey: [{ k: "c/a" }],
      attributeColumns: [{ v: "1" }],
      condition: new TableStore.Condition(2, null),
    };
    const put = createCall(optionsFor(server.url));
    await put("putRow", params, new AbortController().signal);
    for (const read of [() => store.get("c/a"), () => store.scan("c/", "", 5)]) {
      await expect(read()).rejects.toMatchObject({
        code: "ERR_STORE_ROW",
        key: "c/a",
        reason: "unreadable",
      });
    }
    expect(await store.put("c/a", "2", "a-version")).toBe("conflict");
    expect(await store.delete("c/a", "a-version")).toBe("conflict");
  });

  it("never sends what the SDK cannot encode, and says so", async () => {
    const { server, store } = await open({ newVersion: () => undefined as unknown as string });
    await expect(store.put("c/a", "1", "absent")).rejects.toMatchObject({
      code: "ERR_STORE",
      reason: "UNSENDABLE",
    });
    expect(server.control.calls()).toEqual([]);
  });

  it("fails by name once it is closed, and leaves the agent to its owner", async () => {
    const { server, store } = await open();
    await store.put("c/a", "1", "absent");
    await store.close();
    await store.close();
    await expect(store.get("c/a")).rejects.toMatchObject({ code: "ERR_STORE", reason: "CLOSED" });
    await expect(store.put("c/a", "2", "absent")).rejects.toMatchObject({ reason: "CLOSED" });
    expect(server.control.calls()).toHaveLength(1);
  });

  it("changes neither the process's agent nor the names that enumerate on the global object", async () => {
    const names = Object.keys(globalThis);
    const { store } = await open();
    await store.put("c/a", "1", "absent");
    await store.delete("c/a", "none");
    await store.scan("c/", "", 5);
    expect(http.globalAgent.maxSockets).toBe(Number.POSITIVE_INFINITY);
    expect(Object.keys(globalThis)).toEqual(names);
  });

  it("puts no secret, key, value or address into an error", async () => {
    const { server, store } = await open();
    const errors: unknown[] = [];
    const collect = (error: unknown) => errors.push(error);
    for (const fault of [
      { kind: "code", status: 403, code: "OTSAuthFailed" },
      { kind: "code", status: 400, code: "see http://127.0.0.1" },
      { kind: "drop", count: 9 },
      { kind: "html", status: 502, count: 9 },
    ] as const) {
      server.control.clear();
      server.control.fail(fault);
      await store.put("c/4915112345678", "the-value", "absent").catch(collect);
      server.control.clear();
      server.control.fail(fault);
      await store.get("c/4915112345678").catch(collect);
    }
    expect(errors.map((error) => (error as { reason?: string }).reason)).toEqual([
      ...["OTSAuthFailed", "OTSAuthFailed", "HTTP_400", "HTTP_400"],
      ...["ECONNRESET", "ECONNRESET", "HTTP_502", "HTTP_502"],
    ]);
    for (const error of errors) {
      expect(everythingOf(error)).not.toMatch(
        /sandbox-secret|sts-token|LTAI|127\.0\.0\.1|4915112345678|the-value|As the test asked|<html>/,
      );
    }
  });
});

describe("making the table", () => {
  it("makes it once, fit for the store", async () => {
    const server = await startEmpty();
    const options = optionsFor(server.url);
    expect(await createTable(options)).toBe("created");
    expect(await createTable(options)).toBe("exists");
    const { store } = await open({ target: options.target });
    expect(await store.put("c/a", "1", "absent")).toBe("stored");
    expect(server.control.calls().map((call) => call.operation)).toEqual([
      ...["DescribeTable", "CreateTable", "DescribeTable", "PutRow"],
    ]);
  });

  it("takes another maker's success for its own", async () => {
    const server = await startEmpty();
    const [one, other] = [optionsFor(server.url), optionsFor(server.url)];
    const answers = await Promise.all([createTable(one), createTable(other)]);
    expect(answers.sort()).toEqual(["created", "exists"]);
  });

  it.each([
    ["whose rows expire", "ROWS_EXPIRE", { name: "k", timeToLive: 86_400 }],
    ["with another key", "OTHER_PRIMARY_KEY", { name: "id", timeToLive: -1 }],
  ])("refuses one %s that was made before", async (_, reason, { name, timeToLive }) => {
    const server = await startEmpty();
    const params = {
      tableMeta: { tableName: TABLE, primaryKey: [{ name, type: "STRING" }] },
      reservedThroughput: { capacityUnit: { read: 0, write: 0 } },
      tableOptions: { timeToLive, maxVersions: 1 },
    };
    const signal = new AbortController().signal;
    await createCall(optionsFor(server.url))("createTable", params, signal);
    await expect(createTable(optionsFor(server.url))).rejects.toMatchObject({ reason });
  });

  it("tells why it cannot", async () => {
    const server = await startEmpty();
    server.control.fail({
      operation: "CreateTable",
      kind: "code",
      status: 403,
      code: "OTSNoPermissionAccess",
    });
    await expect(createTable(optionsFor(server.url))).rejects.toMatchObject({
      code: "ERR_STORE",
      operation: "create-table",
      reason: "OTSNoPermissionAccess",
    });
  });
});
