import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { allSettings } from "../../../shared/config.ts";
import { FUNCTIONS } from "../../../shared/functions.js";

const read = (file: string) => readFileSync(new URL(`../../../${file}`, import.meta.url), "utf8");

const YAML = read("serverless.yml");
const SHARED = YAML.slice(0, YAML.indexOf("\nfunctions:\n"));

/** The entry of each function, as text by its name. */
const ENTRIES = Object.fromEntries(
  YAML.slice(YAML.indexOf("\nfunctions:\n"))
    .split(/^ {2}(?=\w+:$)/m)
    .slice(1)
    .map((entry) => [entry.slice(0, entry.indexOf(":")), entry]),
);

const passesOn = (text: string, setting: string) =>
  new RegExp(`^ +${setting}: \\$\\{`, "m").test(text);

describe(".npmrc", () => {
  it("lets no package run a script while it is installed", () => {
    expect(read(".npmrc").split("\n")).toContain("ignore-scripts=true");
  });
});

describe("functions/", () => {
  it("has one file for each function of the table", () => {
    const files = readdirSync(new URL("../../../functions", import.meta.url));
    const names = files.filter((file) => file.endsWith(".ts")).map((file) => file.slice(0, -3));
    expect(names.sort()).toEqual(FUNCTIONS.map(({ name }) => name as string).sort());
  });
});

describe("serverless.yml", () => {
  it("deploys the functions of the table, and no other", () => {
    expect(Object.keys(ENTRIES)).toEqual(FUNCTIONS.map(({ name }) => name));
  });

  it.each(FUNCTIONS)("gives $name its handler, its trigger and what it requires", (row) => {
    const entry = ENTRIES[row.name] ?? "";
    expect(entry).toContain(`handler: ${row.name}.handler\n`);
    expect(entry).toContain(
      row.kind === "http"
        ? `- http: { path: ${row.paths[0]}, method: ${row.method.toLowerCase()} }`
        : "- timer: {",
    );
    const missing = row.requires.filter(
      (setting) => !passesOn(SHARED, setting) && !passesOn(entry, setting),
    );
    expect(missing).toEqual([]);
  });

  it("passes on every variable that the functions read, but for credentials and refused ones", () => {
    const missing = Object.keys(allSettings()).filter((name) => !passesOn(YAML, name));
    expect(missing.sort()).toEqual([
      "ALIBABA_CLOUD_ACCESS_KEY_ID",
      "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
      "ALIBABA_CLOUD_ACCOUNT_ID",
      "ALIBABA_CLOUD_SECURITY_TOKEN",
      "DEBUG",
      "NODE_DEBUG",
      "NODE_TLS_REJECT_UNAUTHORIZED",
    ]);
  });
});
