import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openTablestoreStore } from "../../../shared/store/tablestore.ts";
import type { Fault } from "../../sandbox/tablestore/ots-faults.ts";
import {
  openSandboxStore,
  optionsFor,
  type SandboxStore,
} from "../../sandbox/tablestore/sandbox-store.ts";

let opened: SandboxStore;
let deadlines: { readonly ms: number; readonly controller: AbortController }[];
let pauses: number[];

const startDeadline = (ms: number): AbortSignal => {
  const controller = new AbortController();
  deadlines.push({ ms, controller });
  return controller.signal;
};

const sleep = async (ms: number) => {
  pauses.push(ms);
};

beforeEach(async () => {
  deadlines = [];
  pauses = [];
  opened = await openSandboxStore({ startDeadline, sleep });
});
afterEach(() => opened.close());

const versionOf = async (key: string) => (await opened.store.get(key))?.version ?? "no row";
const storedAt = async (key: string) => (await opened.store.get(key))?.value;
const operations = () => opened.server.control.calls().map((call) => call.operation);

/** Time is up as soon as the stand-in keeps silent, instead of 5 s later. */
function misbehave(fault: Fault): void {
  opened.server.control.fail(fault);
  if (fault.kind !== "hang") return;
  const expire = () => deadlines.at(-1)?.controller.abort();
  void opened.server.control.nextFault().then(expire);
}

/** The result, or the reason why there is none. */
const outcomeOf = <T>(answer: Promise<T>): Promise<T | string> =>
  answer.catch((error: { code?: string; reason?: string }) => `${error.code} ${error.reason}`);

const code = (status: number, name: string, executes = false): Fault => ({
  kind: "code",
  status,
  code: name,
  executes,
});

const landed: readonly (readonly [string, Fault])[] = [
  ["its response is cut off by a reset", { kind: "drop", executes: true }],
  ["its response breaks off in the middle", { kind: "cut" }],
  ["its response never comes", { kind: "hang", executes: true }],
  ["the service says OTSServerBusy", code(503, "OTSServerBusy", true)],
  ["the service says OTSTimeout", code(503, "OTSTimeout", true)],
  ["the service says OTSNotEnoughCapacityUnit", code(403, "OTSNotEnoughCapacityUnit", true)],
  ["a proxy responds with 502", { kind: "html", status: 502, executes: true }],
];

const notLanded: readonly (readonly [string, Fault, string])[] = [
  ["the connection is reset", { kind: "drop" }, "ECONNRESET"],
  ["the service keeps silent", { kind: "hang" }, "ETIMEDOUT"],
  ["the service says OTSServerBusy", code(503, "OTSServerBusy"), "OTSServerBusy"],
  [
    "the service says OTSNotEnoughCapacityUnit",
    code(403, "OTSNotEnoughCapacityUnit"),
    "OTSNotEnoughCapacityUnit",
  ],
  [
    "the service says OTSPartitionUnavailable",
    code(503, "OTSPartitionUnavailable"),
    "OTSPartitionUnavailable",
  ],
  ["the service says OTSAuthFailed", code(403, "OTSAuthFailed"), "OTSAuthFailed"],
  ["a proxy responds with 502", { kind: "html", status: 502 }, "HTTP_502"],
];

describe("a Tablestore put", () => {
  it.each(landed)("of a new row is found stored when %s", async (_, fault) => {
    misbehave(fault);
    expect(await outcomeOf(opened.store.put("c/a", "new", "absent"))).toBe("stored");
    expect(operations()).toEqual(["PutRow", "GetRow"]);
    expect(await storedAt("c/a")).toBe("new");
  });

  it.each(landed)("of a version is found stored when %s", async (_, fault) => {
    await opened.store.put("c/a", "old", "absent");
    const version = await versionOf("c/a");
    misbehave(fault);
    expect(await outcomeOf(opened.store.put("c/a", "new", version))).toBe("stored");
    expect(await storedAt("c/a")).toBe("new");
  });

  it.each(notLanded)("is unknown, and not sent again, when %s", async (_, fault, reason) => {
    misbehave(fault);
    expect(await outcomeOf(opened.store.put("c/a", "new", "absent"))).toBe(`ERR_STORE ${reason}`);
    expect(operations().filter((operation) => operation === "PutRow")).toHaveLength(1);
    expect(await storedAt("c/a")).toBeUndefined();
  });

  it("is unknown when another's row is there", async () => {
    await opened.store.put("c/a", "old", "absent");
    misbehave({ kind: "drop" });
    expect(await outcomeOf(opened.store.put("c/a", "new", "absent"))).toBe("ERR_STORE ECONNRESET");
    expect(await storedAt("c/a")).toBe("old");
  });

  it("is unknown for its own reason when the row cannot be read either", async () => {
    misbehave({ kind: "drop", operation: "PutRow", executes: true });
    opened.server.control.fail({ ...code(403, "OTSAuthFailed"), operation: "GetRow" });
    expect(await outcomeOf(opened.store.put("c/a", "new", "absent"))).toBe("ERR_STORE ECONNRESET");
  });

  it("is settled by a read that is tried again itself", async () => {
    misbehave({ kind: "drop", operation: "PutRow", executes: true });
    opened.server.control.fail({ ...code(503, "OTSServerBusy"), operation: "GetRow", count: 3 });
    expect(await outcomeOf(opened.store.put("c/a", "new", "absent"))).toBe("stored");
  });

  it("is sent again when another write to the row was under way", async () => {
    misbehave({ ...code(409, "OTSRowOperationConflict"), count: 3 });
    expect(await outcomeOf(opened.store.put("c/a", "new", "absent"))).toBe("stored");
    expect(operations()).toEqual(["PutRow", "PutRow", "PutRow", "PutRow"]);
  });

  it("costs no read when the service refused it", async () => {
    misbehave(code(403, "OTSAuthFailed"));
    await outcomeOf(opened.store.put("c/a", "new", "absent"));
    expect(operations()).toEqual(["PutRow"]);
  });

  it("costs no read and no second try when nobody listens", async () => {
    const server = net.createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as net.AddressInfo;
    server.close();
    await once(server, "close");
    const options = optionsFor(`http://127.0.0.1:${port}`, { startDeadline, sleep });
    const store = openTablestoreStore(options);
    expect(await outcomeOf(store.put("c/a", "1", "absent"))).toBe("ERR_STORE ECONNREFUSED");
    expect(await outcomeOf(store.get("c/a"))).toBe("ERR_STORE ECONNREFUSED");
    expect(deadlines).toHaveLength(2);
    expect(pauses).toEqual([]);
  });
});

describe("a Tablestore delete", () => {
  it.each(landed)("is found done when %s", async (_, fault) => {
    await opened.store.put("c/a", "old", "absent");
    const version = await versionOf("c/a");
    misbehave(fault);
    expect(await outcomeOf(opened.store.delete("c/a", version))).toBe("deleted");
    expect(await storedAt("c/a")).toBeUndefined();
  });

  it.each(notLanded)("is unknown, and not sent again, when %s", async (_, fault, reason) => {
    await opened.store.put("c/a", "old", "absent");
    const version = await versionOf("c/a");
    misbehave(fault);
    expect(await outcomeOf(opened.store.delete("c/a", version))).toBe(`ERR_STORE ${reason}`);
    expect(operations().filter((operation) => operation === "DeleteRow")).toHaveLength(1);
    expect(await storedAt("c/a")).toBe("old");
  });

  it("is a conflict when its response was lost and another version is there", async () => {
    await opened.store.put("c/a", "old", "absent");
    misbehave({ kind: "cut" });
    expect(await outcomeOf(opened.store.delete("c/a", "older"))).toBe("conflict");
    misbehave({ kind: "drop" });
    expect(await outcomeOf(opened.store.delete("c/a", "older"))).toBe("conflict");
    expect(await storedAt("c/a")).toBe("old");
  });
});

const reads = [
  ["get", () => opened.store.get("c/a").then((row) => row?.value)],
  ["scan", () => opened.store.scan("c/", "", 5).then((rows) => rows[0]?.value)],
] as const;

const passing: readonly (readonly [string, Fault, string])[] = [
  ["resets", { kind: "drop" }, "ECONNRESET"],
  ["cut responses", { kind: "cut" }, "ECONNRESET"],
  ["OTSServerBusy", code(503, "OTSServerBusy"), "OTSServerBusy"],
  ["OTSNotEnoughCapacityUnit", code(403, "OTSNotEnoughCapacityUnit"), "OTSNotEnoughCapacityUnit"],
  ["OTSTableNotReady", code(404, "OTSTableNotReady"), "OTSTableNotReady"],
  ["502 pages", { kind: "html", status: 502 }, "HTTP_502"],
];

describe.each(reads)("a Tablestore %s", (_, read) => {
  beforeEach(() => opened.store.put("c/a", "here", "absent"));

  it.each(passing)("survives three %s, and not a fourth", async (_name, fault, reason) => {
    opened.server.control.fail({ ...fault, count: 3 });
    expect(await outcomeOf(read())).toBe("here");
    expect(pauses).toEqual([75, 150, 300]);
    opened.server.control.fail({ ...fault, count: 4 });
    expect(await outcomeOf(read())).toBe(`ERR_STORE ${reason}`);
    expect(await read()).toBe("here");
  });

  it("is not tried again after silence", async () => {
    misbehave({ kind: "hang" });
    expect(await outcomeOf(read())).toBe("ERR_STORE ETIMEDOUT");
    expect(operations()).toHaveLength(2);
  });

  it("is not tried again after a refusal", async () => {
    misbehave(code(403, "OTSAuthFailed"));
    expect(await outcomeOf(read())).toBe("ERR_STORE OTSAuthFailed");
    expect(operations()).toHaveLength(2);
  });
});

describe("a Tablestore deadline", () => {
  it("is one of 5 s for all tries of a request", async () => {
    opened.server.control.fail({ ...code(503, "OTSServerBusy"), count: 3 });
    await opened.store.get("c/a");
    expect(deadlines.map((deadline) => deadline.ms)).toEqual([5_000]);
  });

  it("ends a pause between tries with the reason of the last", async () => {
    const patient = await openSandboxStore({
      startDeadline,
      sleep: async () => deadlines.at(-1)?.controller.abort(),
    });
    patient.server.control.fail({ ...code(503, "OTSServerBusy"), count: 2 });
    expect(await outcomeOf(patient.store.get("c/a"))).toBe("ERR_STORE OTSServerBusy");
    expect(patient.server.control.calls()).toHaveLength(1);
    await patient.close();
  });

  it("ends a request that still waits for a connection", async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const store = openTablestoreStore(
      optionsFor(opened.server.url, { startDeadline, sleep, agent }),
    );
    opened.server.control.fail({ kind: "hang" });
    const hung = opened.server.control.nextFault();
    const first = outcomeOf(store.get("c/a"));
    await hung;
    const second = outcomeOf(store.get("c/a"));
    deadlines.at(1)?.controller.abort();
    expect(await second).toBe("ERR_STORE ETIMEDOUT");
    deadlines.at(0)?.controller.abort();
    expect(await first).toBe("ERR_STORE ETIMEDOUT");
    agent.destroy();
  });

  it("closes the connection of a request that it ended", async () => {
    const options = optionsFor(opened.server.url, { startDeadline, sleep });
    const store = openTablestoreStore(options);
    misbehave({ kind: "hang" });
    expect(await outcomeOf(store.get("c/a"))).toBe("ERR_STORE ETIMEDOUT");
    await vi.waitFor(() => {
      expect([Object.keys(options.agent.sockets), Object.keys(options.agent.freeSockets)]).toEqual([
        [],
        [],
      ]);
    });
  });
});
