import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import {
  type Environment,
  loadConfig,
  loadHttpConfig,
  loadQueryConfig,
} from "../../shared/config.ts";
import { ConfigError, type Issue } from "../../shared/errors.ts";
import { ADD, POLL, QUERY } from "../../shared/functions.js";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const KEY = "aaaaaaaaaaaaaaaaaaaaaaaZ";
const FOR_ADD = { API_KEYS: `crm:${KEY}`, STORE_URL: "memory:" };
const FOR_QUERY = { API_KEYS: `crm:${KEY}` };
const FOR_POLL = {
  STORE_URL: "memory:",
  WEBHOOK_URL: "https://hooks.example/in",
  WEBHOOK_SECRET: SECRET,
};

/** As each function loads its own. */
const LOADERS = {
  add: (environment: Environment) => loadHttpConfig(environment, ADD),
  query: (environment: Environment) => loadQueryConfig(environment, QUERY),
  poll: (environment: Environment) => loadConfig(environment, POLL),
} as const;

function refusal(environment: Environment, name: keyof typeof LOADERS): ConfigError {
  try {
    LOADERS[name](environment);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("the environment was accepted");
}
const problemsOf = (
  environment: Environment,
  name: keyof typeof LOADERS = "poll",
): readonly Issue[] => refusal(environment, name).problems;

describe("the settings of a function", () => {
  it("have the defaults of the table", () => {
    const config = loadConfig(FOR_POLL, POLL);

    expect(config).toMatchObject({
      credentials: undefined,
      accountId: "local",
      endpoint: "https://cams.ap-southeast-1.aliyuncs.com",
      qps: 7,
      queryQps: 1,
      apiKeys: [],
      watch: [],
      discover: false,
      sync: "off",
      runMs: 57_000,
      pollIntervalMs: 60_000,
      stage: "local",
      logLevel: "info",
    });
    expect(config.storeUrl.reveal()).toBe("memory:");
    expect(config.webhook?.url.href).toBe("https://hooks.example/in");
    expect(config.webhook?.secrets).toHaveLength(1);
  });

  it("hold everything that is set", () => {
    const config = loadConfig(
      {
        ALIBABA_CLOUD_ACCESS_KEY_ID: "id",
        ALIBABA_CLOUD_ACCESS_KEY_SECRET: "secret",
        ALIBABA_CLOUD_SECURITY_TOKEN: "token",
        ALIBABA_CLOUD_ACCOUNT_ID: "1234567890123456",
        CAMS_ENDPOINT: "http://127.0.0.1:8080/",
        UPSTREAM_QPS: "1000",
        QUERY_QPS: "20",
        API_KEYS: `crm:${KEY}:cust-1,shop:${"bc".repeat(12)}`,
        STORE_URL: "postgres://user:pass@db.example/waba?sslmode=verify-full",
        WEBHOOK_URL: "http://10.1.2.3/in",
        WEBHOOK_SECRET: `${SECRET} ${SECRET}`,
        WEBHOOK_ALLOW_HTTP: "true",
        WEBHOOK_ALLOW_CIDRS: "10.1.0.0/16, fd00::/8",
        WATCH_CUST_SPACES: "self, cust-1,cust-1,",
        WATCH_DISCOVER: "on",
        WATCH_SYNC: "lane",
        TICK_SECONDS: "1",
        POLL_INTERVAL_SECONDS: "86400",
        STAGE: "prod-eu",
        LOG_LEVEL: "debug",
        DEBUG: "express:*",
      },
      POLL,
    );

    expect(config).toMatchObject({
      accountId: "1234567890123456",
      endpoint: "http://127.0.0.1:8080",
      qps: 1_000,
      queryQps: 20,
      watch: ["self", "cust-1"],
      discover: true,
      sync: "lane",
      runMs: 1_000,
      pollIntervalMs: 86_400_000,
      stage: "prod-eu",
      logLevel: "debug",
    });
    expect(config.apiKeys.map(({ name, scope }) => [name, scope])).toEqual([
      ["crm", "cust-1"],
      ["shop", "*"],
    ]);
    expect(config.credentials?.accessKeyId).toBe("id");
    expect(config.credentials?.accessKeySecret.reveal()).toBe("secret");
    expect(config.credentials?.securityToken?.reveal()).toBe("token");
    expect(config.webhook?.secrets).toHaveLength(2);
    expect(config.webhook?.guard.isAllowed("10.1.255.1")).toBe(true);
    expect(config.webhook?.guard.isAllowed("10.2.0.1")).toBe(false);
  });

  it.each<[keyof typeof LOADERS, Environment, string[]]>([
    ["add", {}, ["API_KEYS", "STORE_URL"]],
    ["query", {}, ["API_KEYS"]],
    ["poll", {}, ["STORE_URL", "WEBHOOK_URL", "WEBHOOK_SECRET"]],
    ["poll", { STORE_URL: "", WEBHOOK_SECRET: SECRET }, ["STORE_URL", "WEBHOOK_URL"]],
  ])("of %s from %j miss what it needs", (name, environment, missing) => {
    expect(problemsOf(environment, name)).toEqual(
      missing.map((path) => ({ path, message: "must be set" })),
    );
  });

  it.each<[keyof typeof LOADERS, Environment]>([
    ["add", FOR_ADD],
    ["query", FOR_QUERY],
    ["poll", FOR_POLL],
  ])("of %s need no more than it requires", (name, environment) => {
    expect(() => LOADERS[name](environment)).not.toThrow();
  });

  const NUMBER = "must be a whole number";
  const ENDPOINT = "must be https://host without a path (http for loopback only)";
  const STORE =
    "must be memory:, pglite:<folder>, postgres://… or tablestore://INSTANCE.REGION/TABLE";
  const DEBUG =
    "must not name httpx, aliyun or log:client: they print signatures and phone numbers";
  const NODE_DEBUG =
    "must not name http, https, http2, net, tls, undici, fetch, request or child_process: they print signatures or keys";
  const TLS = "must not be 0: anyone on the way could read and change every call";
  const PLAIN =
    "must end with ?sslmode=verify-full, or with ?sslmode=disable for a network that you trust";
  const CIDRS = "must be CIDRs such as 10.1.0.0/16, separated by commas";
  const ONE_URL = "must be one URL: a receiver that passes events on can serve several";
  const STAGE = "must be 1 to 32 letters, digits or -";
  it.each([
    ["ALIBABA_CLOUD_ACCOUNT_ID", "12 34", "must be an account's number"],
    ["CAMS_ENDPOINT", "cams.example", ENDPOINT],
    ["CAMS_ENDPOINT", "http://cams.example", ENDPOINT],
    ["CAMS_ENDPOINT", "http://127.0.0.1.example", ENDPOINT],
    ["CAMS_ENDPOINT", "https://cams.example/path", ENDPOINT],
    ["CAMS_ENDPOINT", "https://cams.example/?a=b", ENDPOINT],
    ["CAMS_ENDPOINT", "https://user@cams.example", ENDPOINT],
    ["CAMS_ENDPOINT", "https://:pass@cams.example", ENDPOINT],
    ["UPSTREAM_QPS", "eight", NUMBER],
    ["UPSTREAM_QPS", "8.5", NUMBER],
    ["UPSTREAM_QPS", "-1", NUMBER],
    ["UPSTREAM_QPS", "0", "must be at least 1"],
    ["UPSTREAM_QPS", "9007199254740992", "must be at most 9007199254740991"],
    ["QUERY_QPS", "one", NUMBER],
    ["QUERY_QPS", "0", "must be at least 1"],
    ["API_KEYS", "crm:short", "entry 1: the key must be 24 or more of A-Z a-z 0-9 _ - . ~ + / ="],
    ["STORE_URL", "redis://host", STORE],
    ["STORE_URL", "postgres:/x", STORE],
    ["WEBHOOK_URL", "hooks.example/in", "must be a URL"],
    ["WEBHOOK_URL", "https://a.example/in https://b.example/in", ONE_URL],
    ["WEBHOOK_URL", "https://a.example/in,https://b.example/in", ONE_URL],
    ["WEBHOOK_URL", "https://a.example/in;HTTPS://b.example/in", ONE_URL],
    ["WEBHOOK_URL", "http://hooks.example/in", "must be https, or http with WEBHOOK_ALLOW_HTTP=on"],
    ["WEBHOOK_URL", "https://u:p@hooks.example", "must not hold a user name or password"],
    [
      "WEBHOOK_URL",
      "https://169.254.169.254/",
      "must be a public address, or one allowed by WEBHOOK_ALLOW_CIDRS",
    ],
    ["WEBHOOK_SECRET", "whsec_*", "must be whsec_ followed by base64"],
    [
      "WEBHOOK_SECRET",
      "whsec_AAAA",
      "must hold 24 to 64 bytes after whsec_; make one with: openssl rand -base64 32",
    ],
    ["WEBHOOK_ALLOW_HTTP", "yes", "must be on, off, true or false"],
    ["WEBHOOK_ALLOW_HTTP", "TRUES", "must be on, off, true or false"],
    ["WEBHOOK_ALLOW_CIDRS", "10.1.0.0/33", CIDRS],
    ["WEBHOOK_ALLOW_CIDRS", "fe80::1%eth0/64", CIDRS],
    ["WATCH_CUST_SPACES", "cust 1", "must be self or CustSpaceIds, separated by commas"],
    ["WATCH_DISCOVER", "1", "must be on, off, true or false"],
    ["WATCH_DISCOVER", " ON", "must be on, off, true or false"],
    ["WATCH_SYNC", "on", "must be off, false or lane"],
    ["WATCH_SYNC", "Lane", "must be off, false or lane"],
    ["TICK_SECONDS", "0", "must be at least 1"],
    ["TICK_SECONDS", "58", "must be at most 57"],
    ["POLL_INTERVAL_SECONDS", "0", "must be at least 1"],
    ["POLL_INTERVAL_SECONDS", "86401", "must be at most 86400"],
    ["STAGE", "my_stage", STAGE],
    ["STAGE", "s".repeat(33), STAGE],
    ["LOG_LEVEL", "trace", "must be debug, info, warn or error"],
    ["DEBUG", "httpx:*", DEBUG],
    ["DEBUG", "*", DEBUG],
    ["DEBUG", "express:*,httpx:body", DEBUG],
    ["DEBUG", "express httpx:header", DEBUG],
    ["DEBUG", "h*", DEBUG],
    ["DEBUG", "aliyun", DEBUG],
    ["DEBUG", "*,-httpx:body", DEBUG],
    ["DEBUG", "httpx", DEBUG],
    ["DEBUG", "HTTPX:", DEBUG],
    ["DEBUG", "express:*, httpx:other", DEBUG],
    ["DEBUG", "log:client", DEBUG],
    ["NODE_DEBUG", "http", NODE_DEBUG],
    ["NODE_DEBUG", "fs,TLS", NODE_DEBUG],
    ["NODE_DEBUG", "http*", NODE_DEBUG],
    ["NODE_DEBUG", "*", NODE_DEBUG],
    ["NODE_DEBUG", "n*t", NODE_DEBUG],
    ["NODE_DEBUG", "undici", NODE_DEBUG],
    ["NODE_TLS_REJECT_UNAUTHORIZED", "0", TLS],
    ["STORE_URL", "postgres://u:p@db.example/waba", PLAIN],
    ["STORE_URL", "postgresql://10.0.0.5/waba?sslmode=require", PLAIN],
  ])("refuse %s=%s", (path, value, message) => {
    expect(problemsOf({ ...FOR_POLL, [path]: value })).toEqual([{ path, message }]);
  });

  it.each([
    ["on", true],
    ["true", true],
    ["off", false],
    ["false", false],
    ["ON", true],
    ["TRUE", true],
    ["True", true],
    ["Off", false],
    ["FALSE", false],
  ])("a switch is read from %s", (text, isOn) => {
    const url = "http://receiver.example/hook";
    const settings = { ...FOR_POLL, WEBHOOK_URL: url, WEBHOOK_ALLOW_HTTP: text };
    const read = () => loadConfig({ ...settings, WATCH_DISCOVER: text }, POLL);
    if (isOn) expect(read().discover).toBe(true);
    else expect(read).toThrow("WEBHOOK_ALLOW_HTTP=on");
    expect(loadConfig({ ...FOR_POLL, WATCH_DISCOVER: text }, POLL).discover).toBe(isOn);
  });

  it("accept off for both ways of reading more", () => {
    const config = loadConfig({ ...FOR_POLL, WATCH_DISCOVER: "off", WATCH_SYNC: "false" }, POLL);
    expect(config).toMatchObject({ discover: false, sync: "off" });
    const upper = loadConfig({ ...FOR_POLL, WATCH_HEALTH: "OFF", WATCH_SYNC: "False" }, POLL);
    expect(upper).toMatchObject({ health: false, sync: "off" });
  });

  it.each(["express:*", "xhttpx:*", "-httpx:*", "-httpx"])("accept DEBUG=%s", (value) => {
    expect(() => loadConfig({ ...FOR_POLL, DEBUG: value }, POLL)).not.toThrow();
  });

  it.each([
    ["NODE_DEBUG", "fs,module"],
    ["NODE_DEBUG", "https-proxy"],
    ["NODE_TLS_REJECT_UNAUTHORIZED", "1"],
  ])("accept %s=%s", (name, value) => {
    expect(() => loadConfig({ ...FOR_POLL, [name]: value }, POLL)).not.toThrow();
  });

  it.each([
    ["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
    ["ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_ACCESS_KEY_ID"],
  ])("need the other half if only %s is set", (half, path) => {
    expect(problemsOf({ ...FOR_POLL, [half]: "x" })).toEqual([
      { path, message: "must be set together with its other half" },
    ]);
  });

  it("with several problems list them all, a refused webhook address included", () => {
    const error = refusal(
      {
        WEBHOOK_URL: "https://10.0.0.1/",
        WEBHOOK_SECRET: "whsec_AAAA",
        UPSTREAM_QPS: "99.5",
        TICK_SECONDS: "x",
        ALIBABA_CLOUD_ACCESS_KEY_ID: "id",
        DEBUG: "*",
      },
      "poll",
    );

    expect(error.problems.map((problem) => problem.path).sort()).toEqual([
      "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
      "DEBUG",
      "STORE_URL",
      "TICK_SECONDS",
      "UPSTREAM_QPS",
      "WEBHOOK_SECRET",
      "WEBHOOK_URL",
    ]);
    for (const { path, message } of error.problems) {
      expect(error.message).toContain(`${path} ${message}`);
    }
  });

  it("put no value into an error, and no secret into what can be printed", () => {
    const values = {
      ALIBABA_CLOUD_ACCESS_KEY_ID: "SENTINEL-1",
      ALIBABA_CLOUD_SECURITY_TOKEN: "SENTINEL-2",
      CAMS_ENDPOINT: "http://SENTINEL-3/",
      API_KEYS: `SENTINEL 4:${KEY}`,
      STORE_URL: "redis://SENTINEL-5",
      WEBHOOK_URL: "http://SENTINEL-6/",
      WEBHOOK_SECRET: "whsec_SENTINEL+7",
      WEBHOOK_ALLOW_CIDRS: "SENTINEL-8",
      WATCH_CUST_SPACES: "SENTINEL 9",
      WATCH_DISCOVER: "SENTINEL-11",
      WATCH_SYNC: "SENTINEL-12",
      STAGE: "SENTINEL_10",
      LOG_LEVEL: "SENTINEL",
      DEBUG: "SENTINEL,*",
    };
    const error = refusal(values, "poll");
    const text = `${inspect(error, { depth: 10, showHidden: true })}${JSON.stringify(error)}`;
    expect(text).not.toContain("SENTINEL");
    expect(text).not.toContain("sentinel");

    const config = loadConfig(
      {
        ...FOR_POLL,
        STORE_URL: "postgres://user:SENTINEL@db.example/waba?sslmode=disable",
        API_KEYS: `crm:SENTINEL${KEY}`,
        ALIBABA_CLOUD_ACCESS_KEY_ID: "id",
        ALIBABA_CLOUD_ACCESS_KEY_SECRET: "SENTINEL",
        ALIBABA_CLOUD_SECURITY_TOKEN: "SENTINEL",
      },
      POLL,
    );
    const shown = `${inspect(config, { depth: 10 })}${JSON.stringify(config)}`;
    expect(shown).not.toContain("SENTINEL");
    expect(shown).not.toContain("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  });
});
