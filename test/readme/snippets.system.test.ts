import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildReceiver } from "../../shared/bundle/build-receiver.ts";
import { EXAMPLE_SECRET } from "../contract/event-examples.ts";
import { fenced, pageText, ROOT } from "./pages.ts";

const inRoot = (name: string) => fileURLToPath(new URL(name, ROOT));
const GIVEN = `declare const rawBody: Buffer;
declare const request: { readonly headers: Record<string, string> };
declare const lastSequence: string | undefined;
declare const knownIds: ReadonlySet<string>;
declare function alert(...facts: string[]): void;
declare function update(number: string, field: string, from: string | null, to: string): void;
`;

const [ofReceivers = "", ...others] = fenced(pageText("shared/receiver/README.md"), "ts");
const [, imports = "", body = ""] = /^(import [^\n]+\n)([\s\S]+)$/.exec(ofReceivers) ?? [];
const [ofReadme = "", ...more] = fenced(pageText("README.md"), "ts");

/** Stands beside the folder that a receiver copies. */
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "waba-snippet-"));
  await cp(inRoot("shared/receiver"), path.join(folder, "receiver"), { recursive: true });
  await symlink(inRoot("node_modules"), path.join(folder, "node_modules"));
  await writeFile(path.join(folder, "package.json"), '{ "type": "module" }');
});
afterAll(() => rm(folder, { recursive: true }));

async function compile(source: string): Promise<string> {
  await writeFile(path.join(folder, "receiver.ts"), source);
  const project = { extends: inRoot("tsconfig.json"), include: ["receiver.ts"], exclude: [] };
  await writeFile(path.join(folder, "tsconfig.json"), JSON.stringify(project));
  const tsc = inRoot("node_modules/typescript/bin/tsc");
  const run = promisify(execFile)(process.execPath, [tsc, "-p", folder]);
  const { stdout } = await run.catch(({ stdout: said }: { stdout: string }) => ({ stdout: said }));
  return stdout;
}

describe("the pages' snippets for TypeScript", () => {
  it("are one on the receivers' page and one in the README", () => {
    expect([others, more]).toEqual([[], []]);
    expect(ofReadme.trimEnd().split("\n").length).toBeLessThanOrEqual(15);
  });

  it("compile beside the folder that the pages name", async () => {
    expect(await compile(`${imports}${GIVEN}export function receive(): void {\n${body}}\n`)).toBe(
      "",
    );
    expect(await compile(ofReadme)).toBe("");
  });

  it.each([
    ["TypeScript", "receiver.ts", ["--import", "tsx"]],
    ["JavaScript, beside what the build makes", "built/receiver.mjs", []],
  ])(
    "serve: the README's receiver, as %s, takes what is signed alone",
    async (_, file, options) => {
      await buildReceiver(path.join(folder, "built/receiver"));
      const printing = "server.listen(0, () => console.log(JSON.stringify(server.address())));\n";
      expect(ofReadme).toContain("server.listen(8080);\n");
      await writeFile(
        path.join(folder, file),
        ofReadme.replace("server.listen(8080);\n", printing),
      );
      const receiver = spawn(process.execPath, [...options, file], {
        cwd: folder,
        env: { ...process.env, WEBHOOK_SECRET: EXAMPLE_SECRET },
        stdio: ["ignore", "pipe", "inherit"],
      });
      try {
        const lines = createInterface(receiver.stdout);
        const [address] = (await once(lines, "line")) as [string];
        const { port } = JSON.parse(address) as { port: number };
        const event = JSON.stringify({
          specversion: "1.0",
          id: "evt_1",
          source: "urn:example",
          type: "webhook.test",
          time: "2026-01-01T00:00:00Z",
          datacontenttype: "application/json",
          data: { message: "Are you there?" },
        });
        const now = new Date();
        const send = async (text: string) => {
          const { status } = await fetch(`http://127.0.0.1:${port}`, {
            method: "POST",
            headers: {
              "webhook-id": "evt_1",
              "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
              "webhook-signature": new Webhook(EXAMPLE_SECRET).sign("evt_1", now, event),
            },
            body: text,
          });
          return status;
        };
        expect(await send(event)).toBe(204);
        expect(await send(`${event} `)).toBe(401);
      } finally {
        receiver.kill();
      }
    },
  );
});
