import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { bundleOptions } from "../../../shared/bundle/bundle.ts";
import { Secret } from "../../../shared/secret.ts";
import {
  type ClientDeps,
  type ClientOptions,
  createClient,
} from "../../../shared/signing/client.ts";
import { createUpstream } from "../../../shared/signing/create-upstream.ts";
import type { Upstream } from "../../../shared/signing/upstream.ts";
import { type SandboxUpstream, startUpstream } from "../../sandbox/upstream.ts";

export type Connect = (options: ClientOptions, deps: ClientDeps) => Upstream;

/** The real client with all its operations. */
export const connect: Connect = (options, deps) =>
  createUpstream(createClient(options, deps), deps.monotonic);

export const KEY_ID = "STS.sandboxKeyId";
export const KEY_SECRET = "sandbox-key-secret";
export const TOKEN = "sandbox/security+token==";

export const NUMBER = {
  custSpaceId: "cust-1",
  cc: "86",
  phoneNumber: "13800000001",
  verifiedName: "Example",
} as const;

/** The bundle ships, with some packages replaced. Both variants have to behave alike. */
export const VARIANTS = [
  ["the source client", async () => connect],
  ["the bundled client", loadBundledClient],
] as const;

async function loadBundledClient(): Promise<Connect> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "waba-client-"));
  try {
    const entryPoints = {
      client: "shared/signing/client.ts",
      operations: "shared/signing/create-upstream.ts",
    };
    await build({ ...bundleOptions(folder), entryPoints });
    const load = createRequire(path.join(folder, "client.js"));
    const built = { ...load("./client.js"), ...load("./operations.js") };
    return (options, deps) =>
      built.createUpstream(built.createClient(options, deps), deps.monotonic);
  } finally {
    await rm(folder, { recursive: true });
  }
}

export type Rig = {
  readonly sandbox: SandboxUpstream;
  readonly upstream: Upstream;
  /** The client's sleeps in ms. A sleep moves the clock and takes no real time. */
  readonly sleeps: readonly number[];
  readonly nonces: readonly string[];
  readonly clock: { ms: number };
  close(): Promise<void>;
};

export type RigOptions = {
  readonly credentials?: "with token" | "without token";
  /** Replaces the sandbox. */
  readonly endpoint?: string;
  readonly lookup?: http.AgentOptions["lookup"];
  /** Uses the real clock, for deadlines that have to pass. */
  readonly realTime?: boolean;
};

/** A client and a sandbox upstream, which knows one STS credential and one customer. */
export async function startRig(create: Connect, options: RigOptions = {}): Promise<Rig> {
  const sandbox = await startUpstream({
    credentials: [{ accessKeyId: KEY_ID, accessKeySecret: KEY_SECRET, securityToken: TOKEN }],
    qps: 1_000_000,
  });
  sandbox.control.addCustomer("cust-1", [{ PhoneNumber: "491700000001" }]);
  const Agent = options.endpoint?.startsWith("https:") ? https.Agent : http.Agent;
  const agent = new Agent({ keepAlive: true, lookup: options.lookup });
  const clock = { ms: 0 };
  const sleeps: number[] = [];
  const nonces: string[] = [];
  const upstream = create(
    {
      endpoint: options.endpoint ?? sandbox.url,
      credentials: {
        accessKeyId: KEY_ID,
        accessKeySecret: new Secret(KEY_SECRET),
        securityToken: options.credentials === "without token" ? undefined : new Secret(TOKEN),
      },
      agent,
    },
    {
      monotonic: () => (options.realTime ? performance.now() : clock.ms),
      random: () => 0.5,
      async sleep(ms) {
        sleeps.push(ms);
        clock.ms += ms;
      },
      newNonce() {
        const nonce = randomBytes(16).toString("hex");
        nonces.push(nonce);
        return nonce;
      },
    },
  );
  return {
    sandbox,
    upstream,
    sleeps,
    nonces,
    clock,
    async close() {
      agent.destroy();
      await sandbox.close();
    },
  };
}

/** The form's parameters, as the sandbox received them. */
export function sentParams(rawBody: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(rawBody));
}

/** The fields of an error that a log would show, without its message and stack. */
export function shown(error: unknown): unknown {
  return JSON.parse(JSON.stringify(error));
}

/** The error of a call. Throws if the call succeeds. */
export async function failureOf(call: Promise<unknown>): Promise<Error> {
  try {
    await call;
  } catch (error) {
    return error as Error;
  }
  throw new Error("the call succeeded");
}
