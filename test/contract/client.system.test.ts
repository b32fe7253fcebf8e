import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readDocument } from "./openapi-check.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TSC = path.join(ROOT, "node_modules/typescript/bin/tsc");

type Generator = {
  default(document: object): Promise<unknown[]>;
  astToString(nodes: unknown[]): string;
};

/** openapi-typescript needs the compiler as a library, which TypeScript 7 is not. ts-morph has one. */
function loadGenerator(): Generator {
  const require = createRequire(import.meta.url);
  const { ts } = require("@ts-morph/common") as { ts: unknown };
  const loader = require("node:module") as { _load: (...args: unknown[]) => unknown };
  const load = loader._load;
  loader._load = (request, ...rest) => (request === "typescript" ? ts : load(request, ...rest));
  try {
    return require("openapi-typescript") as Generator;
  } finally {
    loader._load = load;
  }
}

/** What a user of the generated types writes: every narrowing is one that the document promises. */
const PROGRAM = `
import type { components, paths, webhooks } from "./api";

type Schemas = components["schemas"];
type Answer<P extends keyof paths, M extends keyof paths[P]> = paths[P][M] extends {
  responses: { 200: { content: { "application/json": infer Body } } };
} ? Body : never;

export function ageOf(answer: Answer<"/query", "get">): number | null {
  // The answer says which one it is.
  return answer.source === "stored" ? answer.staleSeconds : 0;
}

export function isBad(answer: Answer<"/query", "get">): boolean {
  const quality: string | null | undefined = answer.phoneNumbers[0]?.qualityRating;
  return quality === "RED";
}

/** A known word is complete: a switch over it needs no default. */
export function rank(status: Schemas["KnownQualityRating"]): number {
  switch (status) {
    case "GREEN": return 0;
    case "YELLOW": return 1;
    case "RED": return 2;
    case "UNKNOWN": case "NA": return 3;
  }
}

type Body<W extends keyof webhooks> = webhooks[W]["post"] extends {
  requestBody: { content: { "application/cloudevents+json": infer Event } };
} ? Event : never;
type AnyEvent = Body<keyof webhooks>;

export function describe(event: AnyEvent): string {
  switch (event.type) {
    case "whatsapp.onboarding.stuck":
      return event.data.nextStep.sentence;
    case "whatsapp.phone_number.missing":
      return event.data.missingReason;
    case "whatsapp.watch.stale":
      return event.data.code;
    case "whatsapp.phone_number.health_changed":
      return [event.data.health.canSend, ...event.data.health.reasons.map(({ code }) => code)].join();
    default:
      return event.id;
  }
}

export const add: Schemas["AddRequest"] = { cc: "49", phoneNumber: "1", verifiedName: "Acme", custSpaceId: "c" };
type Request<P extends "/add" | "/hint"> = paths[P]["post"]["requestBody"]["content"]["application/json"];
export const added: Request<"/add"> = add;
export const hint: Request<"/hint"> = { custSpaceIds: ["c"] };
export const taken = (answer: Answer<"/hint", "post">, other: Answer<"/hint/{custSpaceId}/{token}", "post">): boolean =>
  answer.code === 0 && other.code === 0;
export const place: paths["/hint/{custSpaceId}/{token}"]["post"]["parameters"]["path"] = { custSpaceId: "c", token: "t" };
export const question: NonNullable<paths["/query"]["get"]["parameters"]["query"]> = {
  custSpaceId: "c", maxAgeSeconds: 60,
};
export const codeOf = ({ code, requestId }: Schemas["Problem"]): string => code + requestId;
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(ROOT, "node_modules", ".client-"));
  const { default: generate, astToString } = loadGenerator();
  await writeFile(path.join(folder, "api.ts"), astToString(await generate(readDocument())));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What the compiler says of a program that uses the generated types. */
async function compile(program: string): Promise<string> {
  await writeFile(path.join(folder, "program.ts"), program);
  const flags = ["--strict", "--noEmit", "--target", "es2022", "--types", ""];
  const file = path.join(folder, "program.ts");
  const resolution = ["--module", "preserve", "--ignoreConfig"];
  return promisify(execFile)(process.execPath, [TSC, ...flags, ...resolution, file]).then(
    () => "",
    ({ stdout }: { stdout: string }) => stdout,
  );
}

describe("a client that openapi-typescript generates", () => {
  it("compiles in a program that uses requests, answers and events", async () => {
    expect(await compile(PROGRAM)).toBe("");
  });

  it.each([
    ["a stored field of a live answer", `answer.source === "stored"`, `answer.source === "live"`],
    ["a word that is not known", `case "RED": return 2;`, ""],
    ["a field that its type does not have", "event.data.missingReason", "event.data.nextStep"],
    ["a request without the name", `verifiedName: "Acme", `, ""],
    ["a hint of no customers", `{ custSpaceIds: ["c"] }`, "{}"],
    ["a hint's address without its token", `, token: "t"`, ""],
    ["a parameter that no query has", "maxAgeSeconds: 60", "maxAge: 60"],
    ["a health that its type does not have", "event.data.health.canSend", "event.data.canSend"],
  ])("refuses %s", async (_, good, bad) => {
    expect(PROGRAM).toContain(good);
    expect(await compile(PROGRAM.replace(good, bad))).toMatch(/error TS\d+/);
  });
});
