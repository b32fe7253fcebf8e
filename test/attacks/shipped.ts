import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { packageFunctions } from "../../shared/bundle/bundle.ts";
import { FUNCTIONS } from "../../shared/functions.js";
import { unzip } from "../shared/deploy/cloud/unzip.ts";
import type { Line, Problem } from "./built.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SECRET = "archive-attack-secret-of-mine";
const STORES = [
  "postgres://waba:archive-attack-secret-of-mine@db.example/waba?sslmode=verify-full",
  "tablestore://waba-1.ap-southeast-1/waba_numbers",
];
/** A licence says what may be done, or disclaims a warranty. Both are in every text of these kinds. */
const LICENCE_TEXT = /permission|redistribution|Licensed under|copyright/i;

type Archives = ReadonlyMap<string, ReadonlyMap<string, Buffer>>;

type Use = (archives: Archives, dist: string, whole: Buffer) => Promise<Problem>;

async function pack(store: string, use: Use) {
  const folder = await mkdtemp(path.join(os.tmpdir(), "waba-archives-"));
  try {
    const environment = { STORE_URL: store, WEBHOOK_SECRET: SECRET, API_KEYS: `crm:${SECRET}` };
    const functions = FUNCTIONS.map(({ name }) => ({ key: name, file: name, environment }));
    const dist = path.join(folder, "dist");
    const packed = await packageFunctions(functions, dist, path.join(folder, "zip"));
    const archives = [...packed].map(([name, bytes]) => [name, unzip(bytes)] as const);
    return await use(new Map(archives), dist, Buffer.concat([...packed.values()]));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Runs over all archives of all stores. Answers with the first that has a problem. */
const inEach = (
  name: string,
  problemOf: (files: ReadonlyMap<string, Buffer>, dist: string) => Promise<Problem> | Problem,
): Line => ({
  name,
  async run() {
    for (const store of STORES) {
      const problem = await pack(store, async (archives, dist) => {
        if (archives.size !== FUNCTIONS.length) return `${archives.size} archives`;
        for (const [key, files] of archives) {
          const problem = await problemOf(files, dist);
          if (problem) return `${key}.zip: ${problem}`;
        }
        return undefined;
      });
      if (problem) return problem;
    }
    return undefined;
  },
});

/** The packages in a bundle by its source map, which the licences are not made from. */
async function packagesIn(dist: string, bundle: string): Promise<string[]> {
  const map = JSON.parse(await readFile(path.join(dist, `${bundle}.map`), "utf8"));
  const names = map.sources.flatMap((source: string) => {
    const [, name] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source) ?? [];
    return name ?? [];
  });
  return [...new Set<string>(names)];
}

async function missingLicences(files: ReadonlyMap<string, Buffer>, dist: string) {
  const sections = String(files.get("LICENSES.txt") ?? "").split(/\n-{80}\n/);
  const bundles = [...files.keys()].filter((name) => name.endsWith(".js"));
  const packages = (await Promise.all(bundles.map((name) => packagesIn(dist, name)))).flat();
  if (packages.length === 0) return "no package is in it";
  const isLicensed = (name: string) =>
    sections.some((text) => text.startsWith(`${name} `) && LICENCE_TEXT.test(text));
  const missing = ["waba-numbers", ...packages].filter((name) => !isLicensed(name));
  return missing.length > 0 ? `no licence of ${missing}` : undefined;
}

type Locked = { readonly link?: boolean; readonly integrity?: string; readonly resolved?: string };

function lockedPackages() {
  const text = readFileSync(path.join(ROOT, "package-lock.json"), "utf8");
  return Object.entries<Locked & { readonly version?: string }>(JSON.parse(text).packages).filter(
    ([name, { link }]) => name !== "" && !link,
  );
}

const locked = (name: string, isBad: (one: Locked, at: string) => boolean): Line => ({
  name: `package-lock.json: ${name}`,
  run() {
    const packages = lockedPackages();
    if (packages.length < 500) return "too few packages";
    const bad = packages.filter(([at, one]) => isBad(one, at)).map(([at]) => at);
    return bad.length > 0 ? bad.slice(0, 5).join(", ") : undefined;
  },
});

/** The newest of the versions with a known hole (GitHub's advisories), as the overrides have it. */
const HOLES: Readonly<Record<string, readonly number[]>> = {
  "form-data": [2, 5, 3],
  "tough-cookie": [4, 1, 2],
  xml2js: [0, 4, 99],
};

export const shipped: readonly Line[] = [
  inEach("each archive has the licence of each package in its bundles", missingLicences),
  inEach("no archive holds a secret, a source map or a setting", (files) => {
    const names = [...files.keys()].filter(
      (name) => !/^(package\.json|LICENSES\.txt|[\w-]+\.js)$/.test(name),
    );
    if (names.length > 0) return `it holds ${names}`;
    const text = [...files.values()].map(String).join("\n");
    return text.includes(SECRET) ? "it holds a secret" : undefined;
  }),
  inEach("no archive names a path or user of this machine", (files) => {
    const text = [...files.values()].map(String).join("\n");
    const own = [ROOT, os.tmpdir(), os.hostname(), os.homedir()].filter((one) => one.length > 4);
    return own.find((one) => text.includes(one));
  }),
  {
    name: "two builds give the same archives",
    async run() {
      const hashes: string[] = [];
      for (const _ of [1, 2]) {
        await pack(STORES[0] ?? "", async (_archives, _dist, whole) => {
          hashes.push(createHash("sha256").update(whole).digest("hex"));
          return undefined;
        });
      }
      return hashes[0] === hashes[1] ? undefined : String(hashes);
    },
  },
  {
    name: "what npm run build leaves has the licences of everything",
    run: () =>
      pack(STORES[0] ?? "", async (_archives, dist) => {
        const files = await readdir(dist);
        const bundles = files.filter((name) => name.endsWith(".js"));
        const all = await Promise.all(
          ["LICENSES.txt", ...bundles].map(
            async (name) => [name, await readFile(path.join(dist, name))] as const,
          ),
        );
        return missingLicences(new Map(all), dist);
      }),
  },
  locked("an entry without sha512", ({ integrity }) => !/^sha512-\S{88}/.test(integrity ?? "")),
  locked("an entry from git, a file or plain http", ({ resolved }) => {
    return resolved !== undefined && !resolved.startsWith("https://");
  }),
  locked("an old package with a known hole", (one, at) => {
    const name = at.replace(/^.*node_modules\//, "");
    const hole = HOLES[name];
    if (!hole) return false;
    const { version = "0" } = one as { readonly version?: string };
    const found = version.split(/[.-]/).map(Number);
    const differs = hole.findIndex((part, index) => part !== found[index]);
    return differs < 0 || (found[differs] ?? 0) < (hole[differs] ?? 0);
  }),
  {
    name: "SECURITY.md is where the forge looks",
    run: () =>
      existsSync(path.join(ROOT, ".github", "SECURITY.md")) ? undefined : "it is not in .github",
  },
];
