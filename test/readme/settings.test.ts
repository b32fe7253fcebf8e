import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { allSettings, type SettingName } from "../../shared/config.ts";
import { SETTING_HELP } from "../../shared/contract/setting-help.ts";
import { FUNCTIONS } from "../../shared/functions.js";
import { codeSpans, ROOT, section, tableRows } from "./pages.ts";

const SETTINGS = section("functions/README.md", "Settings");
const YAML = readFileSync(new URL("serverless.yml", ROOT), "utf8");
const NAMES = FUNCTIONS.map(({ name }) => name);

/** The `environment:` of the provider or of a function, as name and text. */
function environmentOf(owner: string): Record<string, string> {
  const lines = YAML.split("\n");
  const from = lines.findIndex((line) => line.trim() === `${owner}:`);
  const depth = lines[from]?.search(/\S/) ?? 0;
  const rest = lines.slice(from + 1);
  const end = rest.findIndex((line) => line !== "" && line.search(/\S/) <= depth);
  const own = rest.slice(0, end < 0 ? undefined : end).join("\n");
  const block = /^ +environment:\n((?: +[A-Z_]+: .*\n?)+)/m.exec(own)?.[1] ?? "";
  return Object.fromEntries(
    [...block.matchAll(/^ +([A-Z_]+): (.*)$/gm)].map(([, name = "", text = ""]) => [name, text]),
  );
}

const FOR_ALL = environmentOf("provider");

/** The functions that serverless.yml gives a setting. */
function usersOf(setting: string): string[] {
  return NAMES.filter((name) => setting in FOR_ALL || setting in environmentOf(name));
}

function describeUsers(users: readonly string[]): string {
  if (users.length === 0) return "environment";
  return users.length === NAMES.length ? "all" : users.join(", ");
}

function describeDefault(setting: SettingName): string {
  const requiring = FUNCTIONS.filter((row) => row.requires.some((name) => name === setting));
  const names = requiring.map(({ name }) => name);
  if (names.length > 0) {
    const isForAll = usersOf(setting).every((user) => names.some((name) => name === user));
    return isForAll ? "required" : `required by ${names.join(", ")}`;
  }
  const { byDefault } = { byDefault: "", ...allSettings()[setting] };
  return byDefault === "" ? "none" : `\`${byDefault}\``;
}

describe("the page's table of settings", () => {
  const names = Object.keys(SETTING_HELP) as SettingName[];

  it("has every setting of the code, in its order, and no other", () => {
    expect(tableRows(SETTINGS).map(([name]) => name)).toEqual(names.map((name) => `\`${name}\``));
    expect(Object.keys(allSettings()).sort()).toEqual([...names].sort());
  });

  it.each(names)("says of %s whose it is, what it is by default, and what it means", (name) => {
    const row = tableRows(SETTINGS).find(([cell]) => cell === `\`${name}\``);
    expect(row?.slice(1)).toEqual([
      describeUsers(usersOf(name)),
      describeDefault(name),
      SETTING_HELP[name],
    ]);
  });
});

describe("serverless.yml", () => {
  it("passes on settings of the code only", () => {
    const passedOn = [FOR_ALL, ...NAMES.map(environmentOf)].flatMap((given) => Object.keys(given));
    expect(passedOn.filter((name) => !(name in SETTING_HELP))).toEqual([]);
  });

  it("has the defaults of the code", () => {
    const params = [...YAML.matchAll(/\b([A-Z_]+): \$\{(?:param:\w+, )?env:\w+, '([^']+)'\}/g)];
    const given = Object.fromEntries(params.map(([, name = "", text = ""]) => [name, text]));
    const { TIMER, ...defaults } = given;
    expect(TIMER).toBe("@every 1m");
    expect(Object.keys(defaults).length).toBeGreaterThan(5);
    expect(allSettings()).toMatchObject(
      Object.fromEntries(
        Object.entries(defaults).map(([name, byDefault]) => [name, { byDefault }]),
      ),
    );
  });

  it("reads no variable that the page leaves out", () => {
    const read = [...YAML.matchAll(/env:([A-Z_]+)/g)].map(([, name = ""]) => name);
    const listed = new Set(codeSpans(SETTINGS));
    expect(read.filter((name) => !listed.has(name))).toEqual([]);
    expect(listed).toContain("@every 1m");
    expect(YAML).toContain("env:ALIBABA_CLOUD_REGION, 'ap-southeast-1'");
  });
});
