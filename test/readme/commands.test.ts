import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../shared/commands/table.ts";
import { codeSpans, README, ROOT, section } from "./readme.ts";

const { scripts } = JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8")) as {
  readonly scripts: Readonly<Record<string, string>>;
};

const named = new Set(
  [...README.matchAll(/\bnpm (?:run )?([a-z][a-z:]*)/g)].flatMap(([call, name = ""]) =>
    call.startsWith("npm run ") || ["start", "test"].includes(name) ? [name] : [],
  ),
);

/** As GitHub makes them of headings. */
const anchors = [...README.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
  title
    .toLowerCase()
    .replaceAll(/[^a-z0-9 -]/g, "")
    .replaceAll(" ", "-"),
);

const targets = [
  ...[...README.matchAll(/\]\(([^)]+)\)/g)].map(([, target = ""]) => target),
  ...[...README.matchAll(/(?:src|srcset)="([^"]+)"/g)].map(([, target = ""]) => target),
].filter((target) => !target.startsWith("https://"));

describe("README's commands", () => {
  it("are the scripts of package.json, every one of them", () => {
    expect([...named].sort()).toEqual(Object.keys(scripts).sort());
  });

  it("name each of the operator's commands", () => {
    const told = codeSpans(section("Operating")).join("\n");
    const words = COMMANDS.flatMap(({ lines }) => lines.map((line) => line.words));
    expect(words.filter((line) => !told.includes(line))).toEqual([]);
  });

  it("name files and folders that exist", () => {
    const paths = codeSpans(README).filter((code) =>
      /^(test|shared|functions|\.ci)\/[\w./-]+$/.test(code),
    );
    expect(paths.length).toBeGreaterThan(10);
    expect(paths.filter((path) => !existsSync(new URL(path, ROOT)))).toEqual([]);
  });
});

describe("README's links", () => {
  it("lead to files and headings that are there", () => {
    const lost = targets.filter((target) =>
      target.startsWith("#")
        ? !anchors.includes(target.slice(1))
        : !existsSync(new URL(target, ROOT)),
    );
    expect(targets.length).toBeGreaterThan(10);
    expect(lost).toEqual([]);
  });
});
