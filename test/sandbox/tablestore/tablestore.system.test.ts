import { createHash } from "node:crypto";
import TableStore from "tablestore";
import protocol from "tablestore/lib/protocol/tablestore_compiled_proto.js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCall, type Operation } from "../../../shared/store/tablestore-call.ts";
import { otsSignature } from "./ots-auth.ts";
import { createOtsTable } from "./ots-tables.ts";
import type { Cell } from "./plain-buffer.ts";
import { INSTANCE, KEY, optionsFor, TABLE } from "./sandbox-store.ts";
import { type SandboxTablestore, startTablestore } from "./tablestore.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
let server: SandboxTablestore;
beforeEach(async () => {
  server = await startTablestore({ instance: INSTANCE, credentials: [KEY], tables: [TABLE] });
});
afterEach(() => server.close());

describe("a signature", () => {
  it("equals the SDK's for the same request", () => {
    const headers = {
      host: "127.0.0.1",
      "x-ots-apiversion": "2015-12-31",
      "x-ots-instancename": "sandbox-1",
      "x-ots-contentmd5": "1B2M2Y8AsgTpgAmY7PhCfg==",
      "x-ots-date": "2026-01-02T03:04:05.006Z",
      "x-ots-accesskeyid": "LTAI-sandbox",
      "x-ots-ststoken": "sandbox-sts-token",
      "x-ots-signature": "left out",
    };
    const signature = otsSignature("/PutRow", headers, "sandbox-secret-of-the-key");
    expect(signature).toBe("rEJzpD6d/um1nZZbGCASGwlBhMM=");
  });
});

describe("a request", () => {
  let timed: SandboxTablestore;
  beforeEach(async () => {
    const credentials = [KEY];
    timed = await startTablestore({ instance: INSTANCE, credentials, now: () => NOW });
  });
  afterEach(() => timed.close());

  /** Signs what `change` makes of the headers. What `spoil` returns is sent unsigned. */
  const send = async (
    change: Record<string, string | undefined> = {},
    spoil: Record<string, string> = {},
    path = "/ListTable",
  ) => {
    const all: Record<string, string | undefined> = {
      "x-ots-apiversion": "2015-12-31",
      "x-ots-instancename": INSTANCE,
      "x-ots-contentmd5": createHash("md5").update("").digest("base64"),
      "x-ots-date": new Date(NOW).toISOString(),
      "x-ots-accesskeyid": KEY.accessKeyId,
      "x-ots-ststoken": KEY.securityToken,
      ...change,
    };
    const headers = Object.fromEntries(
      Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    );
    headers["x-ots-signature"] = otsSignature(path, headers, KEY.accessKeySecret);
    const answer = await fetch(`${timed.url}${path}`, {
      method: "POST",
      headers: { ...headers, ...spoil },
    });
    const body = Buffer.from(await answer.arrayBuffer());
    if (answer.ok) return `${answer.status}`;
    const { code, message } = protocol.main.proto.Error.decode(body);
    return `${answer.status} ${code} ${message}`;
  };

  it("that is signed is answered", async () => {
    expect(await send()).toBe("200");
  });

  it.each([
    ["wrong signature", {}, { "x-ots-signature": "AAAA" }, "403 OTSAuthFailed Signature mismatch."],
    ["header changed after signing", {}, { "x-ots-extra": "1" }, "403 OTSAuthFailed Signature"],
    [
      "body's MD5 wrong",
      { "x-ots-contentmd5": "AAAA" },
      {},
      "403 OTSAuthFailed Mismatch between MD5",
    ],
    [
      "unknown key",
      { "x-ots-accesskeyid": "LTAI-other" },
      {},
      "403 OTSAuthFailed The AccessKey ID",
    ],
    ["wrong token", { "x-ots-ststoken": "old" }, {}, "403 OTSAuthFailed The security token"],
    ["token left out", { "x-ots-ststoken": undefined }, {}, "403 OTSAuthFailed The security token"],
    ["another instance", { "x-ots-instancename": "other" }, {}, "403 OTSAuthFailed The instance"],
    ["date left out", { "x-ots-date": undefined }, {}, "400 OTSParameterInvalid Missing header"],
    ["date unreadable", { "x-ots-date": "today" }, {}, "400 OTSParameterInvalid Invalid date"],
    [
      "another version",
      { "x-ots-apiversion": "2014" },
      {},
      "400 OTSParameterInvalid Invalid version",
    ],
  ])("with its %s is refused", async (_, change, spoil, expected) => {
    expect(await send(change, spoil)).toContain(expected);
  });

  it.each([
    [-15 * 60_000 - 1, "403 OTSAuthFailed Mismatch between system time"],
    [-15 * 60_000, "200"],
    [15 * 60_000, "200"],
    [15 * 60_000 + 1, "403 OTSAuthFailed Mismatch between system time"],
  ])("dated %i ms from now is answered %s", async (offset, expected) => {
    const date = new Date(NOW + offset).toISOString();
    expect(await send({ "x-ots-date": date })).toContain(expected);
  });

  it("for an unknown operation is refused", async () => {
    expect(await send({}, {}, "/UpdateRow")).toContain("400 OTSUnsupportOperation");
  });
});

/** Through the SDK. Resolves to the code of a refusal, or "done". */
const ask = async (operation: Operation, params: object) => {
  const call = createCall(optionsFor(server.url));
  const result = await call(operation, params, new AbortController().signal);
  return "failure" in result ? result.failure.reason : "done";
};

const put = (
  k: string,
  columns: readonly object[],
  condition = new TableStore.Condition(2, null),
) => ask("putRow", { tableName: TABLE, primaryKey: [{ k }], attributeColumns: columns, condition });

describe("a limit", () => {
  const MB = 1024 * 1024;
  it.each([
    ["a column of 2 MB", "a", [{ v: "x".repeat(2 * MB) }], "done"],
    ["a column of 2 MB and a byte", "a", [{ v: "x".repeat(2 * MB + 1) }], "OTSParameterInvalid"],
    ["a key of 1 KB", "k".repeat(1024), [{ v: "" }], "done"],
    ["a key of 1 KB and a byte", "k".repeat(1025), [{ v: "" }], "OTSParameterInvalid"],
    [
      "a row of more than 4 MB",
      "a",
      ["u", "v", "w"].map((name) => ({ [name]: "x".repeat(1.4 * MB) })),
      "OTSParameterInvalid",
    ],
  ])("of the service holds for %s", async (_, key, columns, expected) => {
    expect(await put(key, columns)).toBe(expected);
  });

  it("of a page is 5,000 rows, with the key of the next", () => {
    const text = (value: string) =>
      Buffer.concat([Buffer.of(3, value.length, 0, 0, 0), Buffer.from(value)]);
    const table = createOtsTable({ keyName: "k", timeToLive: -1, maxVersions: 1 }, () => 0);
    for (let index = 10_000; index <= 15_000; index++) {
      const primaryKey: Cell[] = [{ name: "k", value: text(`${index}`) }];
      table.put({ primaryKey, columns: [], isDelete: false }, () => true);
    }
    const page = table.range(Buffer.of(9), Buffer.of(10), 9_999);
    expect(page.rows).toHaveLength(5_000);
    expect(page.next).toEqual(text("15000"));
    expect(table.range(text("10000"), text("10002"), 0).rows).toHaveLength(2);
  });
});

describe("a condition", () => {
  const { Condition, SingleColumnCondition } = TableStore;
  const on = (value: string, comparator: number, passIfMissing = false, name = "ver") =>
    new Condition(1, new SingleColumnCondition(name, value, comparator, passIfMissing));

  it.each([
    ["equal", on("b", 1), "done"],
    ["not equal", on("b", 2), "OTSConditionCheckFail"],
    ["greater", on("a", 3), "done"],
    ["greater or equal", on("b", 4), "done"],
    ["less", on("b", 5), "OTSConditionCheckFail"],
    ["less or equal", on("b", 6), "done"],
    ["equal to another", on("B", 1), "OTSConditionCheckFail"],
    ["on a missing column", on("b", 1, false, "other"), "OTSConditionCheckFail"],
    ["passing a missing column", on("b", 1, true, "other"), "done"],
    ["that there is a row", new Condition(1, null), "done"],
    ["that there is none", new Condition(2, null), "OTSConditionCheckFail"],
  ])("%s decides a write to a row with ver b", async (_, condition, expected) => {
    await put("a", [{ ver: "b" }]);
    expect(await put("a", [{ ver: "new" }], condition)).toBe(expected);
  });
});

describe("a table", () => {
  it("is described, listed and deleted", async () => {
    expect(await ask("describeTable", { tableName: TABLE })).toBe("done");
    expect(await ask("describeTable", { tableName: "other" })).toBe("OTSObjectNotExist");
    expect(await ask("deleteTable" as Operation, { tableName: TABLE })).toBe("done");
    expect(await ask("listTable" as Operation, {})).toBe("done");
    expect(await ask("getRow", { tableName: TABLE, primaryKey: [{ k: "a" }] })).toBe(
      "OTSObjectNotExist",
    );
  });

  it("refuses a range whose end is not after its start, and another key", async () => {
    const range = (from: object, to: object) =>
      ask("getRange", {
        tableName: TABLE,
        direction: "FORWARD",
        inclusiveStartPrimaryKey: [from],
        exclusiveEndPrimaryKey: [to],
      });
    expect(await range({ k: "a" }, { k: "b" })).toBe("done");
    expect(await range({ k: "b" }, { k: "b" })).toBe("OTSParameterInvalid");
    expect(await range({ k: "c" }, { k: "b" })).toBe("OTSParameterInvalid");
    expect(await range({ id: "a" }, { id: "b" })).toBe("OTSParameterInvalid");
  });
});
