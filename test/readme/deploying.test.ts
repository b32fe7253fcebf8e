import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../shared/config.ts";
import { costOf, formatSeconds, formatUsd } from "../../shared/deploy/cost.ts";
import { deployingPolicy } from "../../shared/deploy/rights.ts";
import { POLL } from "../../shared/functions.js";
import { runCheck } from "../../shared/http/check.ts";
import { OPERATIONS, ramAction } from "../../shared/signing/operations.ts";
import { codeSpans, fenced, ROOT, section } from "./pages.ts";

const page = "shared/deploy/README.md";

/** What the deployment is made of, as one text. */
const source = readdirSync(new URL("shared/deploy", ROOT), { encoding: "utf8" })
  .filter((file) => /\.(js|ts)$/.test(file))
  .map((file) => readFileSync(new URL(`shared/deploy/${file}`, ROOT), "utf8"))
  .join("\n");

describe("the deploying user's policy", () => {
  it("is printed by the command that the page names", () => {
    expect(fenced(section(page, "Permissions"), "text")).toEqual([]);
    expect(section(page, "Permissions")).toContain("npx serverless permissions");
  });

  it("allows only actions of four products", () => {
    const { Statement } = deployingPolicy("waba-numbers") as { Statement: { Action: string[] }[] };
    const products = Statement.flatMap(({ Action }) => Action.map((name) => name.split(":")[0]));
    expect([...new Set(products)].sort()).toEqual(["fc", "log", "ots", "ram"]);
  });
});

it("the functions' role is listed with every action of the upstream, and the setting it needs", () => {
  const [role = ""] = section(page, "Permissions").split("**The deploying user");
  const spans = codeSpans(role).filter((code) => code.startsWith("cams:"));
  expect(spans.sort()).toEqual(OPERATIONS.map(({ operation }) => ramAction(operation)).sort());
  for (const { operation, neededWith } of OPERATIONS) {
    const place = role.replaceAll(/\s+/g, " ");
    if (!neededWith) continue;
    expect(place).toContain(`\`${neededWith[0]}\` also \`${ramAction(operation)}\``);
  }
});

describe("the output that the page shows", () => {
  it("of npm run doctor has the words of the checks", () => {
    const [, shown = ""] = fenced(section(page, "Deploy"), "text");
    const facts = shown.split("\n").map((line) => line.replace(/^ok +/, ""));
    const words = facts.flatMap((fact) => {
      const first = fact.split(/\d|: |waba_numbers|,|ap-southeast|Aliyun/)[0]?.trim() ?? "";
      return first === "the table" ? [] : [first];
    });
    expect(words.filter((text) => !source.includes(text))).toEqual([]);
  });

  it("of a check is what a function answers", async () => {
    const [, shown = ""] =
      /\n\n {4}(\{"command"[\s\S]+?\})\n\n/.exec(section(page, "Deploy")) ?? [];
    const { upstream, ...rest } = JSON.parse(shown);
    const answer = await runCheck({ store: async () => ({}), upstream: async () => ({}) });
    const { requestId, ...ok } = upstream;
    expect(requestId).toMatch(/^[0-9A-F-]{36}$/);
    expect({ ...rest, upstream: ok }).toEqual(answer);
  });

  it("of npm run deploy has its parts", () => {
    const [, , shown = ""] = fenced(section(page, "Deploy"), "text");
    for (const [, name] of shown.matchAll(/^ {2}(\w+) +/gm)) {
      expect(["add", "query", "poll", "logs"]).toContain(name);
    }
    expect(source).toContain("logs   Log Service, ");
  });
});

it("a day costs what the formula of doctor says, by the settings as they come", () => {
  const config = loadConfig(
    {
      STORE_URL: "tablestore://instance-1.ap-southeast-1/waba",
      WEBHOOK_URL: "https://hooks.example.com/",
      WEBHOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    },
    POLL,
  );
  const rows = [1, 10, 1_000, 100_000].map((customers) => {
    const cost = costOf({
      customers,
      qps: config.qps,
      intervalSeconds: config.pollIntervalMs / 1_000,
      runSeconds: config.runMs / 1_000,
      ...{ runsADay: 1440, cpu: 0.1, memoryMb: 256 },
    });
    return [
      customers.toLocaleString("en-US"),
      formatSeconds(cost.sweepSeconds),
      Math.round(cost.billedSeconds).toLocaleString("en-US"),
      formatUsd(cost.functionUsd),
      formatUsd(cost.storeUsd),
    ];
  });
  const table = section(page, "Costs")
    .split("\n")
    .filter((line) => /^\| *[\d,]+ *\|/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
  expect(table).toEqual(rows);
});
