import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { SandboxCredentials } from "../../../sandbox/rpc-signature.ts";
import type { CloudFunction } from "./cloud-state.ts";

/** As the platform does (page "Request handlers"): requires the file, and awaits its handler. */
const PLATFORM = `
  const [file, context, event] = process.argv.slice(1);
  (async () => require(file).handler(Buffer.from(event), JSON.parse(context)))()
    .then((answer) => process.send({ body: JSON.stringify(answer) }))
    .catch(({ name, message }) =>
      process.send({ failed: true, body: JSON.stringify({ errorMessage: message, errorType: name }) }))
    .finally(() => process.disconnect());
`;

type Outcome = { readonly body: string; readonly failed?: boolean };

type Platform = {
  readonly accountId: string;
  readonly credentials: SandboxCredentials;
  /** Of the stand-in cloud. */
  readonly port: number;
};

const REROUTE = fileURLToPath(new URL("reroute.cjs", import.meta.url));

/** Runs the deployed archive in a process of its own, with its environment and its role's credentials. */
export async function runFunction(
  { settings, code }: CloudFunction,
  payload: string,
  { accountId, credentials, port }: Platform,
): Promise<Outcome> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "waba-function-"));
  for (const [name, content] of code) await writeFile(path.join(folder, name), content);
  const file = path.join(folder, `${String(settings.handler).split(".")[0]}.js`);
  const context = JSON.stringify({ requestId: "1-check", accountId, credentials });
  const child = spawn(process.execPath, ["-e", PLATFORM, file, context, payload], {
    env: {
      PATH: process.env.PATH,
      NODE_OPTIONS: `--require ${REROUTE}`,
      STAND_IN_PORT: String(port),
      STAND_IN_ESCAPES: path.join(folder, "escapes.txt"),
      ...(settings.environmentVariables as Record<string, string>),
    },
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const [outcome] = (await once(child, "message")) as [Outcome];
  await rm(folder, { recursive: true });
  return outcome;
}
