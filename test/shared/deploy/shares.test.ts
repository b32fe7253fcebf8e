import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../../shared/config.ts";
import { checkShares } from "../../../shared/deploy/doctor.ts";
import { POLL, QUERY } from "../../../shared/functions.js";

type Shares = { qps?: string; queryQps?: string; instances?: number | undefined };

function textsOf({ qps = "", queryQps = "", instances = 2 }: Shares): string[] {
  const environment = {
    STORE_URL: "tablestore://instance-1.ap-southeast-1/waba",
    API_KEYS: "k:0123456789abcdef0123456789abcdef",
    WEBHOOK_URL: "https://hooks.example.com/",
    WEBHOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    UPSTREAM_QPS: qps,
    QUERY_QPS: queryQps,
  };
  const configs = new Map([QUERY, POLL].map((row) => [row.name, loadConfig(environment, row)]));
  return checkShares(configs, instances).map(({ text }) => text);
}

describe("the check of the shares of the account's calls", () => {
  it.each<[string, Shares]>([
    ["by default", {}],
    ["when poll gets less, and query more", { qps: "3", queryQps: "3" }],
  ])("finds nothing %s", (_name, shares) => {
    expect(textsOf(shares)).toEqual([]);
  });

  it.each<[Shares, number]>([
    [{ qps: "8" }, 11],
    [{ queryQps: "2" }, 12],
    [{ instances: 3 }, 11],
    [{ qps: "50" }, 53],
  ])("warns of %o, which is %i calls a second", (shares, sum) => {
    expect(textsOf(shares)).toEqual([
      expect.stringContaining(`the shares come to ${sum} calls a second, and an account has 10: `),
    ]);
  });

  it("names each share and what to do", () => {
    expect(textsOf({ qps: "8", queryQps: "3" })).toEqual([
      "the shares come to 15 calls a second, and an account has 10: UPSTREAM_QPS 8, live queries 6 (reservedConcurrency 2 x QUERY_QPS 3), 1 for adds and commands. Lower one, or have the limit raised in the Quota Center",
    ]);
  });

  it("the project's own file gives query the instances of the table", () => {
    const yaml = readFileSync(new URL("../../../serverless.yml", import.meta.url), "utf8");
    const query = yaml.slice(yaml.indexOf("\n  query:\n"), yaml.indexOf("\n  poll:\n"));
    expect(query).toContain(`reservedConcurrency: ${QUERY.instances}\n`);
  });
});
