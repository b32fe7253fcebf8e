import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EXAMPLE_SECRET, eventExamples } from "../../contract/event-examples.ts";

const inRoot = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
const execute = promisify(execFile);

/** As `tsc --init` has them, and stricter: a consumer's own choices must not break a copied file. */
const OPTIONS = {
  target: "ES2022",
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  types: ["node"],
  rootDir: "src",
  outDir: "out",
  declaration: true,
};

const MAIN = `import { isKnownEvent, isNewer, verifyWebhook, WebhookVerificationError } from "./receiver/verify.js";

const [body = "", headers = "{}", secret = "", now = ""] = process.argv.slice(2);
try {
  const event = verifyWebhook(body, JSON.parse(headers), secret, { now: () => Number(now) });
  if (isKnownEvent(event) && event.type === "whatsapp.phone_number.changed") {
    const [change] = event.data.changes;
    const at: string | undefined = event.data.previousObservedAt;
    console.log(change?.field, change?.to, isNewer(event.sequence, undefined), at);
  }
} catch (error) {
  console.log(error instanceof WebhookVerificationError && error.reason);
}
`;

let project: string;

beforeAll(async () => {
  project = await mkdtemp(path.join(tmpdir(), "waba-consumer-"));
  await cp(inRoot("shared/receiver"), path.join(project, "src/receiver"), { recursive: true });
  await mkdir(path.join(project, "node_modules/@types"), { recursive: true });
  for (const name of ["@types/node", "undici-types"]) {
    await symlink(inRoot(`node_modules/${name}`), path.join(project, "node_modules", name));
  }
  await writeFile(path.join(project, "src/main.ts"), MAIN);
});
afterAll(() => rm(project, { recursive: true }));

async function compile(options: object, packageType: string): Promise<string> {
  await writeFile(path.join(project, "package.json"), JSON.stringify({ type: packageType }));
  await rm(path.join(project, "out"), { recursive: true, force: true });
  const config = { compilerOptions: { ...OPTIONS, ...options }, include: ["src"] };
  await writeFile(path.join(project, "tsconfig.json"), JSON.stringify(config));
  const tsc = inRoot("node_modules/typescript/bin/tsc");
  const run = execute(process.execPath, [tsc, "-p", project]);
  const { stdout } = await run.catch((error: { stdout: string }) => error);
  return stdout;
}

describe("the folder receiver, copied alone into a consumer's project", () => {
  it.each([
    ["an ES module", { module: "NodeNext" }, "module"],
    ["CommonJS", { module: "NodeNext", verbatimModuleSyntax: false }, "commonjs"],
  ])("compiles to %s that verifies what the service sends", async (_, options, packageType) => {
    expect(await compile(options, packageType)).toBe("");

    const { body, headers } = (await eventExamples())["whatsapp.phone_number.changed"];
    const sentAt = String(Number(headers["webhook-timestamp"]) * 1_000);
    const run = async (text: string) => {
      const main = path.join(project, "out/main.js");
      const args = [main, text, JSON.stringify(headers), EXAMPLE_SECRET, sentAt];
      return (await execute(process.execPath, args)).stdout;
    };
    expect(await run(body)).toBe("qualityRating RED true 2026-01-01T00:00:00.000Z\n");
    expect(await run(`${body} `)).toBe("signature\n");
  });
});
