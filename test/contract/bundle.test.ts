import { mkdtemp, rm, stat } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Metafile } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildInto } from "../../shared/bundle/bundle.ts";
import { FUNCTIONS } from "../../shared/functions.js";
import { OPERATIONS } from "../../shared/signing/operations.ts";

const NAMES = FUNCTIONS.map(({ name }) => name);
const HTTP_NAMES = FUNCTIONS.filter(({ kind }) => kind === "http").map(({ name }) => name);
/** A larger file is a longer cold start. */
const MOST_BYTES = 65_536;

let folder: string;
let dist: string;
let metafile: Metafile;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "waba-dist-"));
  dist = path.join(folder, "dist");
  metafile = await buildInto(dist);
});
afterAll(() => rm(folder, { recursive: true }));

describe("the built files", () => {
  it.each(NAMES)("%s holds no database code, and signs only if it calls the upstream", (name) => {
    const [output] = Object.entries(metafile.outputs).filter(([file]) =>
      file.endsWith(`/dist/${name}.js`),
    );
    const inputs = Object.keys(output?.[1].inputs ?? {});
    expect(inputs).toContain(`functions/${name}.ts`);
    const callers: readonly string[] = OPERATIONS.flatMap(({ functions }) => [...functions]);
    const calls = callers.includes(name);
    expect(inputs.includes("shared/signing/replaced/httpx.cjs")).toBe(calls);
    const signing = /node_modules\/@alicloud\/pop-core\/lib\/rpc\.js/;
    expect(signing.test(inputs.join("\n"))).toBe(calls);
    const foreign =
      /node_modules\/(pg|pg-[a-z-]+|pgpass|@electric-sql|tablestore|json-bigint|bignumber\.js|debug|httpx|kitx)\/|shared\/store\/(memory|pglite|postgres|sql-store|tablestore)\.ts/;
    expect(inputs.filter((file) => foreign.test(file))).toEqual([]);
  });

  it.each(HTTP_NAMES)("%s holds nothing of the webhook, which only poll calls", (name) => {
    const [output] = Object.entries(metafile.outputs).filter(([file]) =>
      file.endsWith(`/dist/${name}.js`),
    );
    // A module that is imported and unused is listed with no bytes.
    const inputs = Object.entries(output?.[1].inputs ?? {})
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([file]) => file);
    expect(inputs.filter((file) => file.startsWith("shared/webhook/"))).toEqual([]);
  });

  it.each(HTTP_NAMES)("%s is smaller than 64 KB", async (name) => {
    const { size } = await stat(path.join(dist, `${name}.js`));
    expect(size).toBeLessThan(MOST_BYTES);
  });

  it("keep each database in its adapter's file", () => {
    const inputs = Object.entries(metafile.outputs).flatMap(([file, output]) =>
      file.endsWith("/dist/store-postgres.js") ? Object.keys(output.inputs) : [],
    );
    expect(inputs).toContain("shared/store/postgres.ts");
    expect(inputs.join("\n")).toMatch(/node_modules\/pg\/lib\/client\.js/);
  });
});
