import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { COMMANDS, wordsOf } from "../../shared/commands/table.ts";
import { parseCommandLine } from "../../shared/ctl/arguments.ts";
import { describeAnswer } from "../../shared/ctl/print.ts";
import { runPlan } from "../../shared/ctl/run.ts";
import { createCommandRig } from "../shared/commands/command-rig.ts";
import {
  allPages,
  codeLines,
  codeSpans,
  fenced,
  pageText,
  ROOT,
  section,
  tableRows,
} from "./pages.ts";

const { scripts } = JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8")) as {
  readonly scripts: Readonly<Record<string, string>>;
};
const PLUGIN = readFileSync(new URL("shared/deploy/plugin.ts", ROOT), "utf8");

/** What follows a command's name on the lines of code of every page, without a remark. */
function calls(command: RegExp): string[] {
  return codeLines(allPages()).flatMap((line) =>
    [...line.matchAll(command)].map(([, rest = ""]) => rest.replace(/ +#.*/, "").trim()),
  );
}

describe("the pages' commands", () => {
  it("are the scripts of package.json, every one of them", () => {
    const named = [...allPages().matchAll(/\bnpm (?:run (?:-s )?)?([a-z][a-z:]*)/g)].flatMap(
      ([call, name = ""]) =>
        call.startsWith("npm run ") || ["start", "test"].includes(name) ? [name] : [],
    );
    expect([...new Set(named)].sort()).toEqual(Object.keys(scripts).sort());
  });

  it("begin with those that a new user types", () => {
    expect(pageText("README.md")).toContain("`npm ci && npm test`");
    expect(codeLines(pageText("README.md"))).toContain("npm ci && npm run demo");
    expect(codeLines(pageText("README.md"))).toContain("npm start");
  });

  it("show of the demo what it prints", () => {
    const demo = readFileSync(new URL("test/sandbox/demo.ts", ROOT), "utf8");
    const [shown = ""] = fenced(section("README.md", "Try it"), "text");
    const said = [...shown.matchAll(/^(?:\[ *[\d.]+ s\] \d\.| +ok:) (.+)$/gm)];
    expect(said.length).toBeGreaterThan(4);
    expect(said.map(([, text = ""]) => text).filter((text) => !demo.includes(text))).toEqual([]);
  });

  it("to operators are understood by the program that sends them", () => {
    const spans = codeSpans(allPages()).flatMap((code) =>
      [...code.matchAll(/^npm run (?:-s )?ctl -- (.+)$/g)].map(([, rest = ""]) => rest),
    );
    const lines = [...calls(/npm run (?:-s )?ctl -- (.+)$/g), ...spans];
    expect(lines.length).toBeGreaterThan(8);
    for (const line of lines) {
      const { kind } = parseCommandLine(line.split(" "), Date.parse("2026-01-01T00:00:00Z"));
      const expected = line.startsWith("key ") ? "key" : "plan";
      expect([line, kind]).toEqual([line, line.includes("--help") ? "help" : expected]);
    }
  });

  it("to the framework are some that the plugin obeys", () => {
    const words = [...allPages().matchAll(/npx serverless ([a-z]+(?: function)?)/g)].map(
      ([, word = ""]) => word,
    );
    expect(words.length).toBeGreaterThan(5);
    for (const word of words) expect(PLUGIN).toContain(`"${word.replace(" ", ":")}:`);
  });
});

describe("the operators' page", () => {
  const page = "shared/commands/README.md";

  it("lists the operators' commands as their table has them", () => {
    const listed = tableRows(section(page, "Commands")).map((cells) =>
      cells.map((cell) => cell.replaceAll("`", "")),
    );
    const rows = COMMANDS.map((entry) => [
      wordsOf(entry),
      entry.usage ?? "",
      entry.help.replaceAll("\n", " "),
    ]);
    expect(listed).toEqual(rows);
  });

  /** What the program prints for a line of the page, against poll with two watched customers. */
  async function run(line: string): Promise<string[]> {
    const rig = createCommandRig();
    await rig.run({ command: "watch", custSpaceIds: ["cust-space-1", "cust-space-2"] });
    const parsed = parseCommandLine(line.split(" "), rig.now());
    if (parsed.kind === "help") throw new Error(`the page shows the help of ${line}`);
    const connection = {
      send: async (payload: object) => JSON.parse(JSON.stringify(await rig.run(payload))),
      close: async () => {},
    };
    const io = {
      out: () => {},
      err: () => {},
      redraw: undefined,
      environment: {},
      now: rig.now,
      sleep: async () => {},
      user: "alice",
      readText: async () => "cust-space-1",
      listFiles: async () => [],
      findStart: async () => undefined,
      serverless: ["npx"] as const,
    };
    if (parsed.kind !== "plan") throw new Error("no command for poll");
    return describeAnswer(await runPlan(parsed.plan, connection, io), rig.now());
  }

  it("shows what status prints", async () => {
    // The first line is the verdict. A rig without runs has another one than the page.
    const labels = ([verdict, ...lines]: readonly string[]) => [
      verdict?.replace(/^[A-Z]+: .* \|( age=\S+)?/, "VERDICT:"),
      ...lines.map((line) => line.split(/ {2,}/)[0]),
    ];
    const [, shown = ""] = /```text\n([\s\S]+?)\n```/.exec(section(page, "Look")) ?? [];
    expect(labels(shown.split("\n"))).toEqual(labels(await run("status")));
  });

  const outputs = [
    ...`${pageText(page)}${pageText("shared/receiver/README.md")}`.matchAll(
      /^ {4}(?:WABA_CTL_KEY=… )?npm run ctl -- (.+)\n\n((?: {4}(?!npm ).+\n)+)/gm,
    ),
  ].map(([, line = "", text = ""]) => ({ line, shown: text.trim().split(/\n +/) }));

  it("shows the output of several commands", () => {
    expect(outputs.length).toBeGreaterThan(4);
  });

  it.each(outputs)("shows what $line prints", async ({ line, shown }) => {
    const withoutValues = (lines: readonly string[]) =>
      lines.map((one) =>
        one
          .replaceAll(/evt_test_\S+:/g, "ID:")
          .replaceAll(/\d+/g, "N")
          .replace(" (unchanged)", ""),
      );
    expect(withoutValues(shown)).toEqual(withoutValues(await run(line)));
  });

  it("has each symptom's section below the table of symptoms", () => {
    const symptoms = section(page, "What to do");
    const targets = [...symptoms.matchAll(/^\| .*\]\(#([a-z-]+)\)/gm)].map(([, target]) => target);
    const titles = [...symptoms.matchAll(/^### (.+)$/gm)].map(([, title = ""]) =>
      title.toLowerCase().replaceAll(" ", "-"),
    );
    expect([...new Set(targets)].sort()).toEqual(titles.sort());
  });
});
