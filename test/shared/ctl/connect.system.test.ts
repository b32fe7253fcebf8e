import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openPgliteStore } from "../../../shared/store/pglite.ts";
import { closedUrl, type PollServer, runCtl, startPollServer } from "./test-world.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

let folder: string;
let server: PollServer | undefined;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "waba-numbers-ctl-"));
});

afterEach(async () => {
  await server?.close();
  server = undefined;
  await rm(folder, { recursive: true, force: true });
});

const environmentOf = (url: string, storeUrl: string) => ({
  WABA_CTL_URL: url,
  STORE_URL: storeUrl,
  WEBHOOK_URL: "https://receiver.example/hook",
  WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 1).toString("base64")}`,
});

describe("ctl against npm start", () => {
  it("tries again while it is busy, with growing waits", async () => {
    let refusals = 3;
    server = await startPollServer(() => {
      refusals -= 1;
      return refusals >= 0 ? { status: 429, body: {} } : { body: { command: "webhook-test" } };
    });
    const run = await runCtl(["webhook", "test", "--url", server.url]);
    expect(run).toMatchObject({ code: 0, waits: [1000, 2000, 4000] });
  });

  it("fails if it is busy for a minute", async () => {
    server = await startPollServer(() => ({ status: 429, body: {} }));
    const run = await runCtl(["status", "--url", server.url]);
    expect(run.code).toBe(1);
    expect(run.err).toContain("was at its concurrency limit for a minute");
    expect(run.waits.reduce((sum, ms) => sum + ms, 0)).toBe(60_000);
  });

  it.each([
    [
      401,
      { code: "ERR_UNAUTHORIZED" },
      "Run ctl in its folder. Or give --key, or set WABA_CTL_KEY",
    ],
    [404, "no function has this path", "does not answer as npm start does (HTTP 404)"],
    [503, { code: "ERR_STORE" }, "refused the command (ERR_STORE)"],
    [500, { errorType: "ERR_STORE", errorMessage: "x" }, "The function failed (ERR_STORE)"],
  ])("fails if it answers %i", async (status, body, message) => {
    server = await startPollServer(() => ({ status, body }));
    const run = await runCtl(["status", "--url", server.url]);
    expect(run.code).toBe(1);
    expect(run.err).toContain(message);
  });

  it.each(["http://db.example:8787", "http://127.0.0.1.example", "ftp://127.0.0.1"])(
    "is not asked at %s, where its key could be read on the way",
    async (url) => {
      const run = await runCtl(["status", "--url", url, "--key", "k".repeat(24)]);
      expect(run.code).toBe(2);
      expect(run.err).toContain("must be https, or http on this machine");
    },
  );

  it("fails if it does not listen at the given --url", async () => {
    const run = await runCtl(["status", "--url", await closedUrl()]);
    expect(run).toMatchObject({ code: 1, out: "" });
    expect(run.err).toContain("Nothing listens at the given --url");
  });
});

describe("ctl that is given no address", () => {
  const findStart = async (url: string) => ({ url, apiKey: "its-key", store: "memory:" });

  it("finds the npm start that runs in its folder, with its key, and says so", async () => {
    server = await startPollServer(() => ({ body: {} }));
    const { url, authorizations } = server;
    const run = await runCtl(["watch", "list"], { findStart: () => findStart(url) });
    expect(run.err).toBe(`npm start at ${url}, store memory:`);
    const named = await runCtl(["watch", "list", "--url", url], {
      findStart: () => findStart(url),
    });
    expect(named.err).toBe("");
    expect(authorizations).toEqual(["Bearer its-key", "Bearer its-key"]);
  });

  it("sends that key nowhere else", async () => {
    server = await startPollServer(() => ({ body: {} }));
    const { url, authorizations } = server;
    const other = await closedUrl();
    await runCtl(["watch", "list", "--url", url], { findStart: () => findStart(other) });
    expect(authorizations).toEqual([undefined]);
  });
});

describe("ctl without npm start", () => {
  it("says in one line that nothing listens at the store's address", async () => {
    const [, port] = /:(\d+)$/.exec(await closedUrl()) ?? [];
    const store = `postgres://user:its-password@127.0.0.1:${port}/db`;
    const environment = environmentOf(await closedUrl(), store);
    const run = await runCtl(["status"], { environment });
    expect(run).toMatchObject({
      code: 1,
      out: "",
      err: `npm start is not running: the store postgres://127.0.0.1:${port}/db\nSTORE_URL: nothing listens at its address. Is the server running? (ECONNREFUSED).`,
    });
  });

  it("names the settings that the environment lacks", async () => {
    const environment = { WABA_CTL_URL: await closedUrl() };
    const run = await runCtl(["status"], { environment });
    expect(run.code).toBe(1);
    expect(run.err).toContain("npm start is not running");
    expect(run.err).toContain("STORE_URL must be set");
  });

  // A minute, because a busy machine takes long to make a database and to start a program.
  it("opens the store itself, and refuses one that is in use", {
    timeout: 60_000,
  }, async () => {
    const storeFolder = path.join(folder, "store");
    const environment = environmentOf(await closedUrl(), `pglite:${storeFolder}`);
    const store = await openPgliteStore({ folder: storeFolder, newVersion: () => "v" });
    const refused = await spawnCtl(["status"], environment);
    await store.close();
    expect(refused.code).toBe(1);
    expect(refused.err).toContain(`Another process (process ${process.pid}) has the store open`);

    const added = await runCtl(["watch", "add", "a", "b"], { environment });
    expect(added.code).toBe(0);
    // A change leaves its audit line, as in a log. A command that only reads leaves none.
    const [opened, audit = "", ...rest] = added.err.split("\n");
    expect([opened, rest]).toEqual([
      `npm start is not running: the store pglite:${storeFolder}`,
      [],
    ]);
    expect(JSON.parse(audit)).toMatchObject({
      command: "watch",
      customers: ["a", "b"],
      user: "alice",
      requestId: expect.any(String),
      outcome: "done",
      audit: true,
    });
    const listed = await runCtl(["watch", "list"], { environment });
    expect(listed.err).toBe(`npm start is not running: the store pglite:${storeFolder}`);
    expect(added.out).toBe("2 added, 0 watched again, 0 already watched");
  });
});

describe("ctl with --stage", () => {
  /** Prints as the plugin does, the echoed payload included. Each call uses one reply. */
  async function fakeServerless(
    ...replies: { stdout?: string; stderr?: string; exit?: number }[]
  ): Promise<readonly [string, ...string[]]> {
    const script = path.join(folder, "serverless.mjs");
    await writeFile(path.join(folder, "replies.json"), JSON.stringify(replies));
    await writeFile(
      script,
      `import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
const folder = ${JSON.stringify(folder)};
const replies = JSON.parse(readFileSync(folder + "/replies.json", "utf8"));
const { stdout = "", stderr = "", exit = 0 } = replies.shift();
writeFileSync(folder + "/replies.json", JSON.stringify(replies));
appendFileSync(folder + "/calls", JSON.stringify([process.env.CI, ...process.argv.slice(2)]) + "\\n");
console.log("Invoking waba-numbers-prod-poll with " + process.argv.at(-1));
console.log(stdout);
console.error(stderr);
process.exitCode = exit;
`,
    );
    return [process.execPath, script];
  }

  const addresses = [{ custSpaceId: "acme", path: "/hint/acme/TOKEN" }];
  const found = JSON.stringify({ command: "hints-url", addresses, processed: 1, more: false });

  it.each([
    ["  hint   POST https://h-x.fcapp.run/hint", "https://h-x.fcapp.run/hint/acme/TOKEN"],
    ["nothing is deployed", "https://<the address of hint>/hint/acme/TOKEN"],
  ])("prints the address of a customer's hints at what info shows: %s", async (shown, url) => {
    const serverless = await fakeServerless(
      { stdout: found },
      { stdout: `  add    POST x\n${shown}` },
    );
    const run = await runCtl(["hints", "url", "acme", "--stage", "prod"], { serverless });
    expect(run).toMatchObject({ code: 0, out: url });
  });

  it("invokes the deployed function and finds its answer in the output", async () => {
    const serverless = await fakeServerless({
      stdout:
        'Serverless: {"command":"watch-list","customers":[{"custSpaceId":"a}{"}],"more":false}',
      stderr: "a warning about {nothing}",
    });
    const run = await runCtl(["watch", "list", "--stage", "prod", "--json"], { serverless });
    expect(run.code).toBe(0);
    expect(JSON.parse(run.out)).toEqual({
      command: "watch-list",
      customers: [{ custSpaceId: "a}{" }],
      more: false,
    });
    expect(JSON.parse(await readFile(path.join(folder, "calls"), "utf8"))).toEqual([
      "1",
      "invoke",
      "-f",
      "poll",
      "--stage",
      "prod",
      "--data",
      '{"command":"watch-list","limit":1000}',
    ]);
  });

  it("reads an answer that is printed over several lines", async () => {
    const answer = { command: "webhook-pause", state: "paused", changed: true };
    const serverless = await fakeServerless({ stdout: JSON.stringify(answer, null, 2) });
    const run = await runCtl(["webhook", "pause", "--stage", "prod"], { serverless });
    expect(run).toMatchObject({ code: 0, out: "receiver: paused" });
  });

  it.each([
    { stderr: "HTTP 429: ResourceExhausted", exit: 1 },
    { stdout: "Error: your request exceeds the reserved concurrency", exit: 0 },
  ])("tries again if the concurrency limit refuses: %j", async (refusal) => {
    const serverless = await fakeServerless(refusal, refusal, {
      stdout: '{"command":"webhook-pause","state":"paused","changed":false}',
    });
    const run = await runCtl(["webhook", "pause", "--stage", "prod"], { serverless });
    expect(run).toMatchObject({
      code: 0,
      out: "receiver: paused (unchanged)",
      waits: [1000, 2000],
    });
  });

  it("mistakes no customer's id for such a refusal, and prints no secret", async () => {
    const stderr = "AccessKeySecret=abc whsec_AAAA LTAI5tAAAA given-secret 4915112345678";
    const serverless = await fakeServerless({ stderr, exit: 3 });
    const environment = { ALIBABA_CLOUD_ACCESS_KEY_SECRET: "given-secret" };
    const options = { serverless, environment };
    const run = await runCtl(["watch", "add", "429", "--stage", "prod"], options);
    expect(run).toMatchObject({ code: 1, out: "", waits: [] });
    expect(run.err).toContain("could not be called (exit 3)");
    expect(run.err).toContain("AccessKeySecret=… [redacted] [redacted] [redacted] ***5678");
  });

  it("passes on what the platform said", async () => {
    const banner = "Environment: linux, node 20.20.2\nDocs:        docs.serverless.com\n";
    const more = "Support:     forum.x\nBugs:        github.com/x\n\n";
    const stderr = `${banner}${more}\u001b[31mError:\u001b[39m\nFunctionNotFound: function 'poll' does not exist`;
    const serverless = await fakeServerless({ stderr, exit: 1 });
    const run = await runCtl(["status", "--stage", "prod"], { serverless });
    expect(run.err).toContain("(exit 1).\n  FunctionNotFound: function 'poll' does not exist");
    expect(run.err).not.toMatch(/Environment|Docs|Support|Bugs|Error:/);
  });

  it("reports that the function failed", async () => {
    const stdout = '{"errorMessage":"text","errorType":"ERR_STORE","stackTrace":[]}';
    const serverless = await fakeServerless({ stdout });
    const run = await runCtl(["status", "--stage", "prod"], { serverless });
    expect(run).toMatchObject({ code: 1 });
    expect(run.err).toBe("The function failed (ERR_STORE). Its log says why.");
  });

  it("reports that the program is missing", async () => {
    const serverless = [path.join(folder, "nothing")] as const;
    const run = await runCtl(["status", "--stage", "prod"], { serverless });
    expect(run.code).toBe(1);
    expect(run.err).toContain("could not be called (exit ENOENT)");
  });
});

it("ctl ends without a word if the reader of its output has gone", async () => {
  const args = ["--import", "tsx", "shared/ctl/ctl.ts", "--help"];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  const errors = text(child.stderr);
  const [code] = await once(child, "close");
  expect({ code, errors: await errors }).toEqual({ code: 0, errors: "" });
}, 60_000);

/** The program as `npm run ctl` starts it. */
function spawnCtl(
  argv: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<{ code: number; out: string; err: string }> {
  const args = ["--import", "tsx", "shared/ctl/ctl.ts", ...argv];
  const env = { PATH: process.env.PATH ?? "", ...environment };
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: ROOT, env }, (error, out, err) => {
      resolve({ code: error ? Number(error.code) : 0, out, err });
    });
  });
}
