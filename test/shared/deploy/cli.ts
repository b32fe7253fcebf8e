import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ACCOUNT, API_KEY, KEY, WEBHOOK_SECRET } from "./account.ts";
import type { StandInCloud } from "./cloud/cloud.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

export type CliResult = {
  readonly code: number | null;
  readonly stdout: string;
  /** Both streams. */
  readonly printed: string;
};

export type ServiceFolder = {
  readonly folder: string;
  /** Runs the real command of the installed framework against the stand-in. */
  run(args: readonly string[], env?: Record<string, string>): Promise<CliResult>;
  edit(change: (yaml: string) => string): Promise<void>;
  /** Hosts outside this machine that the command tried to reach. */
  escapes(): Promise<readonly string[]>;
  remove(): Promise<void>;
};

/** The project's serverless.yml in a folder of its own, with the project's plugin and packages. */
export async function createService(cloud: StandInCloud): Promise<ServiceFolder> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "waba-deploy-"));
  const escapes = path.join(folder, "escapes.txt");
  await copyFile(path.join(root, "serverless.yml"), path.join(folder, "serverless.yml"));
  await writeFile(path.join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(escapes, "");
  for (const name of ["shared", "node_modules"]) {
    await symlink(path.join(root, name), path.join(folder, name));
  }
  const environment = {
    PATH: process.env.PATH ?? "",
    HOME: folder,
    NODE_OPTIONS: `--require ${path.join(root, "test/shared/deploy/cloud/reroute.cjs")}`,
    STAND_IN_PORT: String(cloud.port),
    STAND_IN_ESCAPES: escapes,
    ALIBABA_CLOUD_ACCESS_KEY_ID: KEY.accessKeyId,
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: KEY.accessKeySecret,
    ALIBABA_CLOUD_SECURITY_TOKEN: KEY.securityToken,
    ALIBABA_CLOUD_ACCOUNT_ID: ACCOUNT,
    API_KEYS: `crm:${API_KEY}`,
    STORE_URL: "postgres://waba:store-password@db.example.com/waba?sslmode=verify-full",
    WEBHOOK_SECRET,
    WEBHOOK_ALLOW_HTTP: "true",
    WEBHOOK_ALLOW_CIDRS: "127.0.0.0/8",
    // Nothing listens on the discard port: a receiver is named where one is meant to answer.
    WEBHOOK_URL: "http://127.0.0.1:9/",
    WATCH_CUST_SPACES: "cust-1,cust-2",
  };
  return {
    folder,
    async run(args, env = {}) {
      const bin = path.join(folder, "node_modules/serverless/bin/serverless.js");
      const child = spawn(process.execPath, [bin, ...args], {
        cwd: folder,
        env: { ...environment, ...env },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let stdout = "";
      let printed = "";
      child.stdout.on("data", (chunk: Buffer) => {
        stdout += chunk.toString();
        printed += chunk.toString();
      });
      child.stderr.on("data", (chunk: Buffer) => {
        printed += chunk.toString();
      });
      const [code] = (await once(child, "close")) as [number | null];
      return { code, stdout, printed };
    },
    async edit(change) {
      const file = path.join(folder, "serverless.yml");
      await writeFile(file, change(await readFile(file, "utf8")));
    },
    async escapes() {
      return (await readFile(escapes, "utf8")).split("\n").filter(Boolean);
    },
    remove: () => rm(folder, { recursive: true }),
  };
}
