import { describe, expect, it } from "vitest";
import { createTablestoreTable } from "../../../shared/store/tablestore.ts";
import { createCall } from "../../../shared/store/tablestore-call.ts";
import { optionsFor, TABLE } from "../../sandbox/tablestore/sandbox-store.ts";
import { openForTest, startForTest } from "./tablestore-rig.ts";

describe("making the Tablestore table", () => {
  it("makes one that fits the store, once", async () => {
    const server = await startForTest();
    const options = optionsFor(server.url);
    expect(await createTablestoreTable(options)).toBe("created");
    expect(await createTablestoreTable(options)).toBe("exists");
    const { store } = await openForTest({ target: options.target });
    expect(await store.put("c/a", "1", "absent")).toBe("stored");
    expect(server.control.calls().map((call) => call.operation)).toEqual([
      ...["DescribeTable", "CreateTable", "DescribeTable", "PutRow"],
    ]);
  });

  it("accepts another creator's success", async () => {
    const server = await startForTest();
    const [one, other] = [optionsFor(server.url), optionsFor(server.url)];
    const answers = await Promise.all([createTablestoreTable(one), createTablestoreTable(other)]);
    expect(answers.sort()).toEqual(["created", "exists"]);
  });

  it.each([
    ["whose rows expire", "ROWS_EXPIRE", { name: "k", timeToLive: 86_400 }],
    ["with another key", "OTHER_PRIMARY_KEY", { name: "id", timeToLive: -1 }],
  ])("refuses one %s that was made before", async (_, reason, { name, timeToLive }) => {
    const server = await startForTest();
    const params = {
      tableMeta: { tableName: TABLE, primaryKey: [{ name, type: "STRING" }] },
      reservedThroughput: { capacityUnit: { read: 0, write: 0 } },
      tableOptions: { timeToLive, maxVersions: 1 },
    };
    const signal = new AbortController().signal;
    await createCall(optionsFor(server.url))("createTable", params, signal);
    await expect(createTablestoreTable(optionsFor(server.url))).rejects.toMatchObject({ reason });
  });

  it("fails with the reason why it cannot", async () => {
    const server = await startForTest();
    server.control.fail({
      operation: "CreateTable",
      kind: "code",
      status: 403,
      code: "OTSNoPermissionAccess",
    });
    await expect(createTablestoreTable(optionsFor(server.url))).rejects.toMatchObject({
      code: "ERR_STORE",
      operation: "create-table",
      reason: "OTSNoPermissionAccess",
    });
  });
});
