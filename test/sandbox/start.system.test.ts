import { type ChildProcess, execFile, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SETTING_HELP } from "../../shared/contract/setting-help.ts";
import { verifyWebhook } from "../../shared/receiver/verify.ts";
import { SANDBOX_CREDENTIALS } from "./environment.ts";
import { startUpstream } from "./upstream.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

let folder = "";
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "waba-start-test-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

/** Runs `npm start` with the given settings only. */
function start(options: readonly string[], settings: Readonly<Record<string, string>> = {}) {
  const { PATH = "" } = process.env;
  // Without tsx's own process: on a busy machine it answers Ctrl-C before its child does.
  const program = ["--import", "tsx", "test/sandbox/start.ts"];
  const child = spawn(process.execPath, [...program, ...options], {
    cwd: ROOT,
    env: { PATH, TMPDIR: folder, ...settings },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  let output = "";
  let errors = "";
  const waiting = new Set<() => void>();
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk;
    for (const look of waiting) look();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk;
  });
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, output, errors }));
  /** Resolves with the match once it is printed. */
  const printed = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(output);
        if (found) resolve(found);
      };
      waiting.add(look);
      look();
      ended.then(() => reject(new Error(`ended without ${pattern}: ${output}${errors}`)), reject);
    });
  return { child, printed, ended };
}

/** The operator's program, in the same folder and without a word about the address or the key. */
function ctl(...words: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { PATH = "" } = process.env;
  const args = ["--import", "tsx", "shared/ctl/ctl.ts", ...words];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: ROOT, env: { PATH } }, (error, out, err) => {
      resolve({ code: error ? Number(error.code) : 0, out, err });
    });
  });
}

describe("npm start", () => {
  it("prints its address, serves the page there, and ends with 0 at Ctrl-C", async () => {
    const { child, printed, ended } = start(["--port", "0", "--interval", "1"]);
    const [, url = ""] = await printed(/page {8}(http:\/\/127\.0\.0\.1:\d+)\/ /);
    const [, key = ""] = await printed(/API key {5}(\S+)/);
    await printed(/upstream {4}http:\/\/127\.0\.0\.1:\d+ \(simulated\)/);
    await printed(/Stop with Ctrl-C\./);

    const page = await fetch(`${url}/`);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain("<title>waba-numbers sandbox</title>");
    const added = await fetch(`${url}/add`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: '{"custSpaceId":"cust-space-1","cc":"49","phoneNumber":"15112345678","verifiedName":"Acme"}',
    });
    expect(added.status).toBe(201);

    // As a terminal does: to the whole group. tsx passes it on once more.
    process.kill(-(child.pid ?? 0), "SIGINT");
    const { code, signal, output, errors } = await ended;
    expect({ code, signal, errors }).toEqual({ code: 0, signal: null, errors: "" });
    expect(output).toContain("Stopping: waiting for the run of poll, then closing the store.");
    const left = (await readdir(folder)).filter((name) => name.startsWith("waba-numbers-"));
    expect(left).toEqual([]);
  }, 90_000);

  it("sends events to a receiver on this machine with WEBHOOK_URL alone", async () => {
    const requests = new EventEmitter();
    let status = 401;
    const own = createServer(async (request, response) => {
      requests.emit("request", request.headers, await text(request));
      response.writeHead(status).end();
    }).listen(0, "127.0.0.1");
    await once(own, "listening");
    try {
      const { port } = own.address() as AddressInfo;
      const { child, printed, ended } = start(["--port", "0", "--interval", "1"], {
        WEBHOOK_URL: `http://127.0.0.1:${port}/hook`,
      });
      const [, secret = ""] = await printed(/secret {6}(whsec_\S+)/);
      const refused = await ctl("webhook", "test");
      expect(refused.code).toBe(1);
      expect(refused.out).toContain("failed (401)");
      expect(refused.err).toMatch(/^npm start at http:\/\/127\.0\.0\.1:\d+, store pglite:/);
      await printed(/event {2}webhook\.test {4}failed \(401\)/);
      status = 204;
      const arrived = once(requests, "request");
      expect((await ctl("webhook", "test")).out).toContain("delivered (204)");
      await printed(/event {2}webhook\.test {4}delivered \(204\)/);
      const [headers, body] = await arrived;
      expect(verifyWebhook(body, headers, secret).type).toBe("webhook.test");
      expect((await ctl("status")).out).toContain("last run");
      process.kill(-(child.pid ?? 0), "SIGINT");
      const { code, output, errors } = await ended;
      expect({ code, errors }).toEqual({ code: 0, errors: "" });
      expect(output).toContain(`receiver    yours, at http://127.0.0.1:${port}\n`);
      // What only looks leaves no line.
      expect(output).toContain('"command":"webhook-test"');
      expect(output).not.toContain('"command":"status"');
    } finally {
      own.close();
      own.closeAllConnections();
    }
  }, 90_000);

  it("prints only the last four digits of a real customer's number", async () => {
    const calls = new EventEmitter();
    const firstRead = once(calls, "call");
    const real = await startUpstream({
      credentials: [SANDBOX_CREDENTIALS],
      onCall: () => calls.emit("call"),
    });
    try {
      real.control.addCustomer("their-space", [{ PhoneNumber: "4915112345678" }]);
      const { child, printed, ended } = start(["--port", "0", "--interval", "1"], {
        ALIBABA_CLOUD_ACCESS_KEY_ID: SANDBOX_CREDENTIALS.accessKeyId,
        ALIBABA_CLOUD_ACCESS_KEY_SECRET: SANDBOX_CREDENTIALS.accessKeySecret,
        CAMS_ENDPOINT: real.url,
        STORE_URL: "memory:start-test",
        WATCH_CUST_SPACES: "their-space",
      });
      await Promise.race([firstRead, ended]);
      real.control.setNumber("their-space", "4915112345678", { QualityRating: "RED" });

      const [line] = await printed(/^event .*$/m);

      expect(line).toBe(
        "event  whatsapp.phone_number.changed  *********5678  qualityRating UNKNOWN -> RED",
      );
      process.kill(-(child.pid ?? 0), "SIGINT");
      const { output, errors } = await ended;
      expect(output + errors).not.toContain("4915112345678");
    } finally {
      await real.close();
    }
  }, 90_000);

  it("lists every setting of the functions in its help", async () => {
    const { code, output } = await start(["--help"]).ended;
    const listed = [...output.matchAll(/^ {2}([A-Z_]+) {2,}\S/gm)].map(([, name]) => name);
    expect(code).toBe(0);
    expect(listed.slice(-Object.keys(SETTING_HELP).length)).toEqual(Object.keys(SETTING_HELP));
  });

  it("reports a taken port and ends with 1", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const { port } = server.address() as AddressInfo;
      const { code, output, errors } = await start(["--port", String(port)]).ended;
      expect(code).toBe(1);
      expect(errors).toBe(
        `Port ${port} is taken, perhaps by another npm start. Take a free one: npm start -- --port 0\n`,
      );
      expect(output).toBe("Starting: opening the store…\n");
    } finally {
      server.close();
    }
  });

  it.each([
    [["--port", "65536"], "--port must be a whole number from 0 to 65535\n"],
    [["--port", "x"], "--port must be a whole number from 0 to 65535\n"],
    [["--interval", "0"], "--interval must be a whole number from 1 to 86400\n"],
  ])("refuses %s and ends with 1", async (options, said) => {
    const { code, errors } = await start(options).ended;
    expect({ code, errors }).toEqual({ code: 1, errors: said });
  });
});
