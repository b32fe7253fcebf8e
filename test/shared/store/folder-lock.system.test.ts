import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  acquireFolderLock,
  type FolderLock,
  machineProcesses,
  type Processes,
} from "../../../shared/store/folder-lock.ts";
import { type Child, startChild } from "./child-process.ts";

let folder: string;
let path: string;
const children: Child[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "waba-lock-"));
  path = join(folder, "data.lock");
});
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.kill()));
  await rm(folder, { recursive: true });
});

const start = async () => {
  const child = await startChild("lock", path);
  children.push(child);
  return child;
};
/** A process of that number in a world where only the given ones live. */
const processes = (pid: number, alive: Record<number, string | undefined>): Processes => ({
  pid,
  isAlive: (other) => other in alive,
  startOf: async (other) => alive[other],
});
const acquire = (as: Processes = machineProcesses) =>
  acquireFolderLock({ path, token: randomUUID(), processes: as });
const leave = (at: string, owner: object) => writeFile(at, JSON.stringify(owner));
const dead = { pid: 66, start: "long ago", token: "dead-one" };

describe("a folder lock", () => {
  it("names its owner, refuses a second one, and leaves no file behind", async () => {
    const alive = { 7: "boot:70", 8: "boot:80" };
    const lock = await acquireFolderLock({ path, token: "t1", processes: processes(7, alive) });
    expect(JSON.parse(await readFile(path, "utf8"))).toEqual({
      pid: 7,
      start: "boot:70",
      token: "t1",
    });
    await expect(acquire(processes(8, alive))).rejects.toMatchObject({
      code: "ERR_STORE_IN_USE",
      ownerPid: 7,
      lockFile: path,
    });
    await lock.release();
    await (await acquire(processes(8, alive))).release();
    expect(await readdir(folder)).toEqual([]);
  });

  it("refuses its own process a second time", async () => {
    const lock = await acquire();
    await expect(acquire()).rejects.toMatchObject({ ownerPid: process.pid });
    await lock.release();
  });

  it("is taken over from a process that is gone", async () => {
    await leave(path, dead);
    const lock = await acquire(processes(7, { 7: "boot:70" }));
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ pid: 7 });
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
  });

  it("is taken over when the owner's number belongs to a later process, or to its own", async () => {
    await leave(path, { ...dead, start: "boot:1" });
    await (await acquire(processes(7, { 7: "boot:70", 66: "boot:2" }))).release();
    await leave(path, { ...dead, pid: 7, start: "boot:1" });
    await (await acquire(processes(7, { 7: "boot:70" }))).release();
  });

  it("is refused when the owner's number lives and no start time can be compared", async () => {
    await leave(path, dead);
    const blind = processes(7, { 7: undefined, 66: undefined });
    await expect(acquire(blind)).rejects.toMatchObject({ ownerPid: 66 });
    await leave(path, { pid: 66, token: "dead-one" });
    const sighted = processes(7, { 7: "boot:70", 66: "boot:2" });
    await expect(acquire(sighted)).rejects.toMatchObject({ ownerPid: 66 });
  });

  it.each([
    ["empty", ""],
    ["all zeros", "\0".repeat(80)],
  ])("is taken over when a power cut left its file %s", async (_, text) => {
    await writeFile(path, text);
    const lock = await acquire(processes(7, { 7: "boot:70" }));
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ pid: 7 });
    await expect(acquire(processes(8, { 7: "boot:70", 8: "boot:80" }))).rejects.toMatchObject({
      ownerPid: 7,
    });
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
  });

  it("is taken over when power cuts left the file of its taker empty as well", async () => {
    await writeFile(path, "");
    await writeFile(`${path}.empty`, "");
    await (await acquire(processes(7, { 7: "boot:70" }))).release();
    await leave(path, dead);
    await writeFile(`${path}.dead-one`, "");
    await (await acquire(processes(7, { 7: "boot:70" }))).release();
    expect(await readdir(folder)).toEqual([]);
  });

  it("is refused when the file is no lock, and the file stays", async () => {
    for (const text of ["{}", '{"pid":66,"token":"../x"}', "notes"]) {
      await writeFile(path, text);
      await expect(acquire()).rejects.toMatchObject({
        code: "ERR_STORE_IN_USE",
        ownerPid: undefined,
        lockFile: path,
      });
      expect(await readFile(path, "utf8")).toBe(text);
    }
    expect(await readdir(folder)).toEqual(["data.lock"]);
  });

  it("refuses a process that saw a dead owner but was not the first to replace it", async () => {
    await leave(path, dead);
    const alive: Record<number, string> = { 7: "boot:70", 8: "boot:80" };
    let first: FolderLock | undefined;
    const slow: Processes = {
      ...processes(8, { ...alive, 66: "boot:2" }),
      // It sees the dead owner, and another process takes the lock over before it can.
      async startOf(pid) {
        if (pid === 66) first ??= await acquire(processes(7, alive));
        return { ...alive, 66: "boot:2" }[pid];
      },
    };
    await expect(acquire(slow)).rejects.toMatchObject({ ownerPid: 7 });
    await first?.release();
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([0, 1, 2])("goes to one of 8 at once when %i takers died before them", async (takers) => {
    for (let round = 0; round < 25; round++) {
      await leave(path, dead);
      if (takers > 0) await leave(`${path}.dead-one`, { ...dead, token: "dead-two" });
      if (takers > 1) await leave(`${path}.dead-two`, { ...dead, token: "dead-three" });
      const alive = Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8].map((pid) => [pid, "boot:1"]));
      const answers = await Promise.allSettled(
        Object.keys(alive).map((pid) => acquire(processes(Number(pid), alive))),
      );
      const winners = answers.flatMap((a) => (a.status === "fulfilled" ? [a.value] : []));
      expect(winners).toHaveLength(1);
      await winners[0]?.release();
      expect(await readdir(folder)).toEqual([]);
    }
  });
});

describe("a folder lock between processes", () => {
  it("is refused while its owner lives, and free at once after kill -9", async () => {
    const owner = await start();
    expect(await owner.act()).toBe("held");
    await expect(acquire()).rejects.toMatchObject({ ownerPid: owner.pid });
    await owner.kill();
    await (await acquire()).release();
  });

  it("goes to one of 4 processes that find a dead owner's lock", async () => {
    const [owner, ...others] = await Promise.all(Array.from({ length: 5 }, start));
    await owner?.act();
    await owner?.kill();
    const answers = await Promise.all(others.map((child) => child.act()));
    expect(answers.sort()).toEqual([
      "ERR_STORE_IN_USE",
      "ERR_STORE_IN_USE",
      "ERR_STORE_IN_USE",
      "held",
    ]);
  });

  it.runIf(process.platform === "linux")(
    "is taken over when the owner's number has another start time",
    async () => {
      const own = await machineProcesses.startOf(process.pid);
      const child = await start();
      expect(own).toMatch(/^[0-9a-f-]{36}:\d+$/);
      expect(await machineProcesses.startOf(child.pid)).not.toBe(own);
      await leave(path, { pid: child.pid, start: own, token: "reused" });
      await (await acquire()).release();
    },
  );

  it.runIf(process.platform === "linux")(
    "is taken over from a killed process that nobody reaped",
    async () => {
      const parent = spawn("sh", ["-c", "sleep 0 & echo $!; exec sleep 30"]);
      const [pid] = await once(parent.stdout, "data");
      await vi.waitFor(async () => {
        expect(await machineProcesses.startOf(Number(pid))).toBe("ended");
      });
      expect(machineProcesses.isAlive(Number(pid))).toBe(true);
      await leave(path, { pid: Number(pid), start: "boot:1", token: "zombie" });
      await (await acquire()).release();
      parent.kill();
      await once(parent, "exit");
    },
  );
});
