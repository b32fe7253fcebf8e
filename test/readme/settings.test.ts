import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { environmentSchema, type FunctionName, loadConfig } from "../../shared/config.ts";
import { createDeps } from "../../shared/deps.ts";
import { ConfigError } from "../../shared/errors.ts";
import { codeSpans, ROOT, section, tableRows } from "./pages.ts";

const FUNCTIONS: readonly FunctionName[] = ["add", "query", "poll"];

const ROWS = tableRows(section("functions/README.md", "Settings")).map(
  ([variable = "", of = "", byDefault = ""]) => ({
    name: variable.replaceAll("`", ""),
    of,
    byDefault,
  }),
);

const YAML = readFileSync(new URL("serverless.yml", ROOT), "utf8");

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

const ENVIRONMENTS: Readonly<Record<string, Record<string, string>>> = {
  all: environmentOf("provider"),
  add: environmentOf("add"),
  query: environmentOf("query"),
  poll: environmentOf("poll"),
};

/** What poll has when only what it requires is set, and these. */
function configWith(extra: Record<string, string>) {
  const config = loadConfig(
    {
      STORE_URL: "memory:",
      WEBHOOK_URL: "https://hooks.example/in",
      WEBHOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
      ...extra,
    },
    "poll",
  );
  const { accountId: _, webhook, ...plain } = config;
  const judged = ["http://hooks.example/in", "https://10.1.2.3/"].map(
    (url) => webhook?.guard.problem(new URL(url))?.reason,
  );
  return { ...plain, judged, source: createDeps(config).sourceFor({}) };
}

function requiredBy(name: FunctionName): string[] {
  try {
    loadConfig({}, name);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ path }) => path);
    throw error;
  }
  return [];
}

describe("the table of settings", () => {
  it("has every variable that the functions read, and no other", () => {
    const names = ROWS.map(({ name }) => name);
    expect([...names].sort()).toEqual(Object.keys(environmentSchema.shape).sort());
    expect(new Set(names).size).toBe(names.length);
  });

  it("says of each variable whose it is, as serverless.yml passes it on", () => {
    const places = ROWS.map(({ name }) => {
      const owners = Object.keys(ENVIRONMENTS).filter(
        (owner) => name in (ENVIRONMENTS[owner] ?? {}),
      );
      return [name, owners.join(", ") || "environment"];
    });
    expect(ROWS.map(({ name, of }) => [name, of])).toEqual(places);
    const passedOn = Object.values(ENVIRONMENTS).flatMap(Object.keys);
    expect([...new Set(passedOn)].sort()).toEqual(
      ROWS.filter(({ of }) => of !== "environment")
        .map(({ name }) => name)
        .sort(),
    );
  });

  it.each(ROWS)("tells what $name is by default", ({ name, of, byDefault }) => {
    const demanding = FUNCTIONS.filter((one) => requiredBy(one).includes(name));
    const users =
      of === "all" ? FUNCTIONS : FUNCTIONS.filter((one) => of.split(", ").includes(one));
    if (demanding.length > 0) {
      const everyone = demanding.length === users.length;
      expect(byDefault).toBe(everyone ? "required" : `required by ${demanding.join(", ")}`);
    } else if (byDefault === "none") {
      const { [name as keyof typeof environmentSchema.shape]: schema } = environmentSchema.shape;
      expect([undefined, "[]"]).toContain(JSON.stringify(schema.safeParse(undefined).data));
    } else {
      const [, text = ""] = /^`([^`]+)`$/.exec(byDefault) ?? [];
      expect(text).not.toBe("");
      expect(configWith({ [name]: text })).toEqual(configWith({}));
    }
  });

  it("tells the defaults that serverless.yml gives, and what only the deployment reads", () => {
    const params = [...YAML.matchAll(/\b([A-Z_]+): \$\{(?:param:\w+, )?env:\w+, '([^']+)'\}/g)];
    const given = new Map(params.map(([, name = "", text = ""]) => [name, text]));
    expect(given.size).toBeGreaterThan(5);
    for (const { name, byDefault } of ROWS) {
      const text = given.get(name);
      if (text !== undefined) expect([name, byDefault]).toEqual([name, `\`${text}\``]);
      given.delete(name);
    }
    const read = [...YAML.matchAll(/env:([A-Z_]+)/g)].map(([, name = ""]) => name);
    const told = new Set(codeSpans(section("functions/README.md", "Settings")));
    expect(read.filter((name) => !told.has(name))).toEqual([]);
    expect([...given]).toEqual([["TIMER", "@every 1m"]]);
    expect(told).toContain("@every 1m");
    expect(YAML).toContain("env:ALIBABA_CLOUD_REGION, 'ap-southeast-1'");
  });
});
