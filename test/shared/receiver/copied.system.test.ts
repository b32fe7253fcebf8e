import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildReceiver } from "../../../shared/bundle/build-receiver.ts";
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

describe("the folder dist/receiver", () => {
  const USE = `import { changesOf, isKnownEvent, verifyWebhook } from "./receiver/verify.js";

const [body = "", headers = "{}", secret = "", now = ""] = process.argv.slice(2);
const event = verifyWebhook(body, JSON.parse(headers), secret, { now: () => Number(now) });
if (isKnownEvent(event)) for (const { field, to } of changesOf(event)) console.log(field, to);
`;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "waba-built-"));
    await buildReceiver(path.join(folder, "receiver"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("has the licence with it, as it is copied away from the project", async () => {
    const licence = await readFile(path.join(folder, "receiver/LICENSE"), "utf8");
    expect(licence).toContain("Permission is hereby granted");
  });

  it("is imported by plain Node, as JavaScript", async () => {
    await writeFile(path.join(folder, "use.mjs"), USE);
    const { body, headers } = (await eventExamples())["whatsapp.phone_number.changed"];
    const sentAt = String(Number(headers["webhook-timestamp"]) * 1_000);
    const args = [path.join(folder, "use.mjs"), body, JSON.stringify(headers), EXAMPLE_SECRET];
    const { stdout } = await execute(process.execPath, [...args, sentAt]);
    expect(stdout).toBe("qualityRating RED\n");
  });

  it.each([
    ["takes", USE, ""],
    ["refuses", USE.replace("{ field, to }", "{ field, nothing }"), "error TS2339"],
  ])("has types by which a compiler %s a program", async (_, program, printed) => {
    await mkdir(path.join(folder, "node_modules/@types"), { recursive: true });
    for (const name of ["@types/node", "undici-types"]) {
      const link = path.join(folder, "node_modules", name);
      await symlink(inRoot(`node_modules/${name}`), link).catch(() => undefined);
    }
    const file = path.join(folder, "use.mts");
    await writeFile(file, program);
    const flags = ["--ignoreConfig", "--strict", "--noEmit", "--module", "nodenext"];
    const types = ["--types", "node", "--target", "es2022", file];
    const tsc = inRoot("node_modules/typescript/bin/tsc");
    const run = execute(process.execPath, [tsc, ...flags, ...types]);
    const { stdout } = await run.catch((error: { stdout: string }) => error);
    expect(stdout).toContain(printed);
    expect(stdout === "").toBe(printed === "");
  });
});
