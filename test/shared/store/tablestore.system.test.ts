import http from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { createAgent } from "../../../shared/http-agent.ts";
import { openSandboxStore } from "../../sandbox/tablestore/sandbox-store.ts";
import { describeStore } from "./contract.ts";
import { openForTest } from "./tablestore-rig.ts";

describeStore("tablestore", openSandboxStore);

describe("a Tablestore store", () => {
  it("sends nothing when it is opened", async () => {
    const { server } = await openForTest();
    expect(server.control.connections()).toBe(0);
  });

  it("uses one connection for consecutive calls", async () => {
    const agent = createAgent("http:", { maxIdleMs: 60_000, now: Date.now });
    onTestFinished(() => agent.destroy());
    const { server, store } = await openForTest({ agent });
    for (let index = 0; index < 20; index++) await store.put(`c/${index}`, "1", "absent");
    expect(await store.scan("c/", "", 100)).toHaveLength(20);
    expect(await store.get("c/none")).toBeUndefined();
    expect(server.control.calls()).toHaveLength(22);
    expect(server.control.connections()).toBe(1);
    expect(Object.values(agent.freeSockets).map((sockets) => sockets?.length)).toEqual([1]);
  });

  it("reads pages that the service cuts at 4 MB", async () => {
    const { server, store } = await openForTest();
    const value = "x".repeat(1_500_000);
    for (const key of ["c/1", "c/2", "c/3", "c/4", "c/5"]) await store.put(key, value, "absent");
    const before = server.control.calls().length;
    const rows = await store.scan("c/", "c/1", 3);
    expect(rows.map((row) => row.key)).toEqual(["c/2", "c/3", "c/4"]);
    expect(rows.every((row) => row.value === value)).toBe(true);
    expect(server.control.calls().length - before).toBe(2);
  });

  it("accepts keys of 512 characters, and gives nothing for a limit of 0", async () => {
    const { store } = await openForTest();
    const key = `c/${"~".repeat(510)}`;
    expect(await store.put(key, "1", "absent")).toBe("stored");
    expect((await store.scan(key, "", 5)).map((row) => row.key)).toEqual([key]);
    expect(await store.scan("c/", "", 0)).toEqual([]);
  });

  it("reads a page that fits with one request, wherever it starts", async () => {
    const { server, store } = await openForTest();
    for (const key of ["c/1", "c/2", "c/3", "c/4"]) await store.put(key, "1", "absent");
    for (const after of ["", "c/1", "c/10"]) {
      const before = server.control.calls().length;
      expect(await store.scan("c/", after, 2)).toHaveLength(2);
      expect(server.control.calls().length - before).toBe(1);
    }
  });

  it("changes neither the process's agent nor the names that enumerate on the global object", async () => {
    const names = Object.keys(globalThis);
    const { store } = await openForTest();
    await store.put("c/a", "1", "absent");
    await store.delete("c/a", "none");
    await store.scan("c/", "", 5);
    expect(http.globalAgent.maxSockets).toBe(Number.POSITIVE_INFINITY);
    expect(Object.keys(globalThis)).toEqual(names);
  });
});
