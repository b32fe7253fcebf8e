import { randomUUID } from "node:crypto";
import { chmod, cp, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { PGlite, PGliteOptions } from "@electric-sql/pglite";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openStore } from "../../../shared/store/open-store.ts";
import { openPgliteStore } from "../../../shared/store/pglite.ts";
import type { Store } from "../../../shared/store/store.ts";
import { startChild } from "./child-process.ts";
import { describeStore } from "./contract.ts";

const newVersion = randomUUID;
let root: string;
let contractStore: Store;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "waba-pglite-"));
  // Making a database takes seconds, so it is made once, through parents that do not exist, and
  // copied for the tests that need one of their own.
  const made = await openPgliteStore({ folder: join(root, "a/b/made"), newVersion });
  await made.put("c/made", "1", "absent");
  await made.close();
  contractStore = await openPgliteStore({ folder: await copy("contract"), newVersion });
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(async () => {
  await contractStore.close();
  await rm(root, { recursive: true });
});

const copy = async (name: string) => {
  await cp(join(root, "a/b/made"), join(root, name), { recursive: true });
  return join(root, name);
};
const open = async (folder: string) => {
  const store = await openPgliteStore({ folder, newVersion });
  closers.push(() => store.close());
  return store;
};

/** The package with a part of each database replaced. */
const loadWith = (change: (database: PGlite) => Partial<PGlite>) => async () => {
  const { PGlite } = await import("@electric-sql/pglite");
  const create = async (options: PGliteOptions) => {
    const database = await PGlite.create(options);
    return Object.assign(database, change(database));
  };
  return { PGlite: { create } as unknown as typeof PGlite };
};

describeStore("PGlite", async () => {
  const rows = await contractStore.scan("", "", 1_000);
  for (const row of rows) await contractStore.delete(row.key, row.version);
  return { store: contractStore, close: async () => {} };
});

describe("a PGlite store", () => {
  it("is readable by its owner only, also in a folder that all could read", async () => {
    expect((await stat(join(root, "a/b/made"))).mode & 0o777).toBe(0o700);
    const folder = await copy("open");
    await chmod(folder, 0o755);
    await open(folder);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  it("leaves its folder, and neither a lock nor a note, when it is closed", async () => {
    expect(await readdir(join(root, "a/b"))).toEqual(["made"]);
  });

  it("is one database for all who open the folder in this process, until the last closes", async () => {
    const folder = await copy("shared");
    await symlink(folder, join(root, "link"));
    const [first, second] = await Promise.all([
      openStore(`pglite:${folder}`, { newVersion }),
      open(join(root, "link")),
    ]);
    await first.put("c/a", "here", "absent");
    expect((await second.get("c/a"))?.value).toBe("here");
    await first.close();
    await first.close();
    expect((await second.get("c/a"))?.value).toBe("here");
    expect(await readdir(root)).toContain("shared.lock");
    await second.close();
    expect(await readdir(root)).not.toContain("shared.lock");
  });

  it("waits for the last close before it opens its folder again", async () => {
    const load = loadWith((database) => {
      const close = database.close.bind(database);
      return { close: () => setTimeout(40).then(close) };
    });
    const folder = await copy("reopened");
    const first = await openPgliteStore({ folder, newVersion, load });
    await first.put("c/a", "here", "absent");
    const closing = first.close();
    expect((await (await open(folder)).get("c/a"))?.value).toBe("here");
    await closing;
  });

  it("refuses a folder that another process holds, and after its kill -9 has what it acknowledged", async () => {
    const folder = await copy("killed");
    const child = await startChild("put", folder);
    expect(await child.act()).toBe("stored");
    await expect(open(folder)).rejects.toMatchObject({
      code: "ERR_STORE_IN_USE",
      ownerPid: child.pid,
    });
    await child.kill();
    expect((await (await open(folder)).get("c/killed"))?.value).toBe("1");
  });

  it("clears dead rows and bounds the log once in a thousand writes", async () => {
    const done: string[] = [];
    const load = loadWith((database) => {
      const query = database.query.bind(database);
      const recorded: typeof query = async (text, params) => {
        const answer = await query<never>(text, params);
        if (/^(vacuum|checkpoint)/.test(text)) done.push(text);
        return answer;
      };
      return { query: recorded };
    });
    const store = await openPgliteStore({ folder: await copy("upkeep"), newVersion, load });
    closers.push(() => store.close());
    for (let count = 1; count < 1_000; count++) await store.put(`n/${count}`, "", "absent");
    expect(done).toEqual([]);
    expect(await store.put("n/last", "", "absent")).toBe("stored");
    expect(done).toEqual(["vacuum waba_numbers_rows", "checkpoint"]);
    expect(await store.scan("n/", "", 2_000)).toHaveLength(1_000);
  });

  it("starts again when its creation was cut off, and refuses a folder with other files", async () => {
    const folder = await copy("cut-off");
    await rm(join(folder, "global"), { recursive: true });
    await writeFile(`${folder}.unfinished`, "");
    const store = await open(folder);
    expect(await store.scan("", "", 10)).toEqual([]);
    await store.put("c/a", "1", "absent");
    await store.close();
    expect((await (await open(folder)).get("c/a"))?.value).toBe("1");

    const other = join(root, "other");
    await mkdir(other);
    await writeFile(join(other, "photo.jpg"), "");
    await expect(open(other)).rejects.toMatchObject({
      code: "ERR_CONFIG",
      problems: [{ path: "STORE_URL" }],
    });
    expect(await readdir(other)).toEqual(["photo.jpg"]);
  });

  it("releases its lock when the database cannot be opened", async () => {
    const folder = await copy("broken");
    await writeFile(join(folder, "global/pg_control"), "");
    await expect(open(folder)).rejects.toMatchObject({ code: "ERR_STORE", operation: "open" });
    expect(await readdir(root)).not.toContain("broken.lock");
  });

  it("says what to do when a folder or the package is missing", async () => {
    const file = join(root, "file");
    await writeFile(file, "");
    await expect(open(join(file, "below"))).rejects.toMatchObject({
      code: "ERR_STORE",
      reason: "ENOTDIR",
    });
    const load = () => Promise.reject(new Error("cannot find it"));
    const missing = openPgliteStore({ folder: join(root, "missing"), newVersion, load });
    await expect(missing).rejects.toMatchObject({
      code: "ERR_CONFIG",
      problems: [
        {
          path: "STORE_URL",
          message: "needs the package @electric-sql/pglite: install it, or use another store",
        },
      ],
    });
  });
});
