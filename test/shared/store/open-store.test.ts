import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openStore, storeUrlProblem } from "../../../shared/store/open-store.ts";
import { STORES, storeOf } from "../../../shared/store/stores.ts";

const FORMS =
  "must be memory:, pglite:<folder>, postgres://… or tablestore://INSTANCE.REGION/TABLE";
const PERCENT = "must have every % in its user name, password and database written as %25";

describe("a STORE_URL", () => {
  it.each([
    "memory:",
    "memory:demo-1",
    "pglite:./folder",
    "pglite:/var/with space/folder",
    "postgres://user:p%40ss@127.0.0.1:5432/db?sslmode=require",
    "postgresql://db.internal/numbers?options=-c%20search_path%3Dwaba&sslmode=verify-full",
    "postgres://db.internal/numbers?sslmode=disable",
    "postgres://db.internal/numbers?sslmode=require&sslmode=verify-full",
    "postgres://localhost/numbers",
    "postgres://[::1]:5433/numbers",
    "postgres://%2Fvar%2Frun%2Fpostgresql/numbers",
    "postgres://db.internal/numbers?host=/var/run/postgresql",
    "tablestore://my-instance.ap-southeast-1/waba_numbers",
    "tablestore://inst.cn-hangzhou/t?endpoint=http://127.0.0.1:8000",
  ])("%s is accepted", (url) => {
    expect(storeUrlProblem(url)).toBeUndefined();
  });

  it.each([
    "",
    "memory",
    "memory:a/b",
    "pglite:",
    "postgres:",
    "postgres://[::1/db",
    "redis://127.0.0.1",
    "tablestore://inst/t",
    "tablestore://inst.region",
    "./folder",
  ])("%j is refused, and the forms are listed", (url) => {
    expect(storeUrlProblem(url)).toBe(FORMS);
  });

  it.each([
    "postgres://db.internal/numbers?host=%6Cocalhost&x= ",
    "postgres://localhost/numbers?options=-c search_path=a",
    "postgres://localhost/numbers\n",
  ])("%j is refused for its blanks, with which the driver reads another URL", (url) => {
    expect(storeUrlProblem(url)).toBe(FORMS);
  });

  it.each([
    "postgres://db.internal/numbers",
    "postgresql://10.0.0.5/numbers?sslmode=require",
    "postgres://db.internal/numbers?sslmode=no-verify",
    "postgres://db.internal/numbers?sslmode=verify-ca",
    "postgres://db.internal/numbers?SSLMODE=verify-full",
    "postgres://db.internal/numbers?ssl=true",
    "postgres://db.internal/numbers?sslmode=verify-full&sslmode=no-verify",
    "postgres://localhost/numbers?host=db.internal",
    "postgres://127.0.0.1/numbers?host=127.0.0.1&host=db.internal",
    "postgres://127.0.0.1.example/numbers",
    "postgres://127.999.0.1/numbers",
    "postgres:///numbers",
  ])("%s is refused, because it may be read on the way", (url) => {
    expect(storeUrlProblem(url)).toBe(
      "must end with ?sslmode=verify-full, or with ?sslmode=disable for a network that you trust",
    );
  });

  it("with a bare % in the password is refused, and says how to write it", () => {
    expect(storeUrlProblem("postgres://user:50%off@127.0.0.1/db")).toBe(PERCENT);
  });
});

describe("the table of stores", () => {
  it("has an adapter for each, a file of its own", () => {
    const root = new URL("../../../", import.meta.url);
    const names = STORES.map(({ name }) => name);
    expect(names).toEqual(["memory", "pglite", "postgres", "tablestore"]);
    for (const name of names) {
      expect(existsSync(new URL(`shared/store/${name}.ts`, root))).toBe(true);
    }
  });

  it("names one store for a URL, or none", () => {
    const named = ["memory:x", "pglite:./f", "postgresql://db", "tablestore://i.r/t", "redis://x"];
    expect(named.map((url) => storeOf(url)?.name)).toEqual([
      "memory",
      "pglite",
      "postgres",
      "tablestore",
      undefined,
    ]);
  });

  it("stands in the page of the settings, form by form", () => {
    const page = readFileSync(new URL("../../../functions/README.md", import.meta.url), "utf8");
    const row = page.split("\n").find((line) => line.includes("`STORE_URL`")) ?? "";
    const unnamed = STORES.filter(({ form }) => !row.includes(form.replace("<folder>", "")));
    expect(unnamed).toEqual([]);
  });
});

describe("opening a store by URL", () => {
  const deps = { newVersion: randomUUID };

  it("gives every caller of a memory name the same store, also after a close", async () => {
    const url = `memory:${randomUUID()}`;
    const first = await openStore(url, deps);
    await first.put("c/a", "here", "absent");
    await first.close();
    expect((await (await openStore(url, deps)).get("c/a"))?.value).toBe("here");
    expect(await (await openStore(`${url}2`, deps)).get("c/a")).toBeUndefined();
  });

  it("fails with what is wrong, and repeats nothing of the URL", async () => {
    await expect(openStore("mysql://u:hunter2@db", deps)).rejects.toMatchObject({
      code: "ERR_CONFIG",
      message: `Settings to fix:\n  STORE_URL ${FORMS}`,
    });
  });

  it("refuses Tablestore without what only Tablestore needs", async () => {
    await expect(openStore("tablestore://inst.region/t", deps)).rejects.toMatchObject({
      code: "ERR_CONFIG",
      problems: [{ path: "STORE_URL" }],
    });
  });
});
