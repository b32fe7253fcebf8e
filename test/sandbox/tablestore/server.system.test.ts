import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { openTablestoreStore } from "../../../shared/store/tablestore.ts";
import { INSTANCE, KEY, optionsFor, TABLE } from "./sandbox-store.ts";

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
});

function start(file: string, argument: string) {
  const script = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", script, argument], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, nextLine: async () => String((await lines.next()).value) };
}

describe("the stand-in as a process", () => {
  it("keeps every acknowledged write of a client that is killed with -9, and obeys over HTTP", async () => {
    const options = JSON.stringify({ instance: INSTANCE, credentials: [KEY], tables: [TABLE] });
    const { url } = JSON.parse(await start("./server.ts", options).nextLine());
    const store = openTablestoreStore(optionsFor(url));
    let acknowledged = 0;
    for (let round = 0; round < 2; round++) {
      const writer = start("./writer.ts", url);
      for (let line = 0; line < 20; line++) acknowledged = Number(await writer.nextLine());
      writer.child.kill("SIGKILL");
      await once(writer.child, "exit");
      const stored = Number((await store.get("n"))?.value);
      expect(stored).toBeGreaterThanOrEqual(acknowledged);
    }
    const body = JSON.stringify({ kind: "code", status: 403, code: "OTSAuthFailed" });
    const headers = { "content-type": "application/json" };
    const foreign = { ...headers, origin: "https://elsewhere.example" };
    const refused = await fetch(`${url}/~control/fail`, { method: "POST", body, headers: foreign });
    expect(refused.status).toBe(403);
    expect((await fetch(`${url}/~control/clear`)).status).toBe(400);
    await fetch(`${url}/~control/fail`, { method: "POST", body, headers });
    await expect(store.get("n")).rejects.toMatchObject({ reason: "OTSAuthFailed" });
    const calls = (await (await fetch(`${url}/~control/calls`)).json()) as unknown[];
    expect(calls.at(-1)).toEqual({
      operation: "GetRow",
      accessKeyId: "LTAI-sandbox",
      executed: false,
      code: "OTSAuthFailed",
      fault: "code",
    });
  });
});
