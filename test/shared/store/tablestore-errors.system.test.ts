import { inspect } from "node:util";
import TableStore from "tablestore";
import { describe, expect, it } from "vitest";
import { createCall } from "../../../shared/store/tablestore-call.ts";
import { optionsFor, TABLE } from "../../sandbox/tablestore/sandbox-store.ts";
import { openForTest, startForTest } from "./tablestore-rig.ts";

const everythingOf = (error: unknown) =>
  `${inspect(error, { depth: 20, showHidden: true })}${(error as Error).stack}${JSON.stringify(error)}`;

describe("a Tablestore store", () => {
  it("fails with the service's code when the table is missing", async () => {
    const server = await startForTest();
    const { store } = await openForTest({ target: optionsFor(server.url).target });
    for (const call of [store.get("c/a"), store.put("c/a", "1", "absent"), store.scan("", "", 1)]) {
      await expect(call).rejects.toMatchObject({ code: "ERR_STORE", reason: "OTSObjectNotExist" });
    }
  });

  it("refuses a row that it did not write", async () => {
    const { server, store } = await openForTest();
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

  it("fails without a request when the SDK cannot encode a value", async () => {
    const { server, store } = await openForTest({
      newVersion: () => undefined as unknown as string,
    });
    await expect(store.put("c/a", "1", "absent")).rejects.toMatchObject({
      code: "ERR_STORE",
      reason: "UNSENDABLE",
    });
    expect(server.control.calls()).toEqual([]);
  });

  it("fails with CLOSED after a close, and leaves the agent open", async () => {
    const { server, store } = await openForTest();
    await store.put("c/a", "1", "absent");
    await store.close();
    await store.close();
    await expect(store.get("c/a")).rejects.toMatchObject({ code: "ERR_STORE", reason: "CLOSED" });
    await expect(store.put("c/a", "2", "absent")).rejects.toMatchObject({ reason: "CLOSED" });
    expect(server.control.calls()).toHaveLength(1);
  });

  it("puts no secret, key, value or address into an error", async () => {
    const { server, store } = await openForTest();
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
