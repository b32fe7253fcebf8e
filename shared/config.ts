import * as z from "zod/mini";
import { ConfigError, type Issue } from "./errors.ts";
import { type ApiKey, parseApiKeys } from "./http/api-keys.ts";
import { LOG_LEVELS } from "./log.ts";
import { customerIdSchema } from "./schemas/customer-row.ts";
import { Secret } from "./secret.ts";
import type { Credentials } from "./signing/credentials.ts";
import { storeUrlProblem } from "./store/open-store.ts";
import { parseWebhookSecrets, type WebhookSecret } from "./webhook/signature.ts";
import { type Cidr, createTargetGuard, parseCidr, type TargetGuard } from "./webhook/target.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export type FunctionName = "add" | "query" | "poll";

const SYNC_MODES = ["off", "lane"] as const;

const integer = (min: number, max: number) =>
  z.pipe(
    z.string().check(z.regex(/^\d+$/, "must be a whole number")),
    z.pipe(
      z.transform((text: string) => Number(text)),
      z.number().check(z.gte(min, `must be at least ${min}`), z.lte(max, `must be at most ${max}`)),
    ),
  );

/** Reads a list by a parser of its own; what it finds wrong is the variable's problem. */
const parsed = <T>(parse: (text: string) => { value: T } | { problem: string }) =>
  z.pipe(
    z.string(),
    z.transform((text: string, context) => {
      const result = parse(text);
      if ("value" in result) return result.value;
      context.issues.push({ code: "custom", message: result.problem, input: undefined });
      return z.NEVER;
    }),
  );

const flag = parsed((text) =>
  text === "true" || text === "false"
    ? { value: text === "true" }
    : { problem: "must be true or false" },
);

const onOff = parsed((text) =>
  text === "on" || text === "off" ? { value: text === "on" } : { problem: "must be on or off" },
);

/** Every variable that is read, by function: the README's table and serverless.yml list the same. */
export const environmentSchema = z.object({
  ALIBABA_CLOUD_ACCESS_KEY_ID: z.optional(z.string()),
  ALIBABA_CLOUD_ACCESS_KEY_SECRET: z.optional(z.string()),
  ALIBABA_CLOUD_SECURITY_TOKEN: z.optional(z.string()),
  ALIBABA_CLOUD_ACCOUNT_ID: z.optional(
    z.string().check(z.regex(/^[A-Za-z0-9-]{1,64}$/, "must be an account's number")),
  ),
  CAMS_ENDPOINT: z._default(parsed(parseEndpoint), "https://cams.ap-southeast-1.aliyuncs.com"),
  UPSTREAM_QPS: z._default(integer(1, 10), 8),
  API_KEYS: z.optional(parsed(readApiKeys)),
  STORE_URL: z.optional(parsed(readStoreUrl)),
  WEBHOOK_URL: z.optional(
    parsed((text) =>
      URL.canParse(text) ? { value: new URL(text) } : { problem: "must be a URL" },
    ),
  ),
  WEBHOOK_SECRET: z.optional(parsed(readWebhookSecrets)),
  WEBHOOK_ALLOW_HTTP: z._default(flag, false),
  WEBHOOK_ALLOW_CIDRS: z._default(parsed(readCidrs), []),
  WATCH_CUST_SPACES: z._default(parsed(readCustomers), []),
  WATCH_DISCOVER: z._default(onOff, false),
  WATCH_SYNC: z._default(z.enum(SYNC_MODES, "must be off or lane"), "off"),
  TICK_SECONDS: z._default(integer(1, 52), 50),
  POLL_INTERVAL_SECONDS: z._default(integer(1, 86_400), 60),
  STAGE: z._default(
    z.string().check(z.regex(/^[A-Za-z0-9-]{1,32}$/, "must be 1 to 32 letters, digits or -")),
    "local",
  ),
  LOG_LEVEL: z._default(z.enum(LOG_LEVELS, "must be debug, info, warn or error"), "info"),
  DEBUG: z.optional(parsed(readDebug)),
});

const REQUIRED: Readonly<Record<FunctionName, readonly string[]>> = {
  add: ["API_KEYS", "STORE_URL"],
  query: ["API_KEYS"],
  poll: ["STORE_URL", "WEBHOOK_URL", "WEBHOOK_SECRET"],
};

export type Config = {
  readonly credentials: Credentials | undefined;
  readonly accountId: string | undefined;
  readonly endpoint: string;
  readonly qps: number;
  readonly apiKeys: readonly ApiKey[];
  readonly storeUrl: Secret;
  readonly webhook: WebhookConfig | undefined;
  readonly watch: readonly string[];
  /** Whether customer spaces are listed hourly and new ones watched. */
  readonly discover: boolean;
  /** `lane`: the fast lane is read by ChatappSyncPhoneNumber instead of the plain query. */
  readonly sync: (typeof SYNC_MODES)[number];
  readonly tickMs: number;
  readonly pollIntervalMs: number;
  readonly stage: string;
  readonly logLevel: (typeof LOG_LEVELS)[number];
};

export type WebhookConfig = {
  readonly url: URL;
  readonly secrets: readonly WebhookSecret[];
  readonly guard: TargetGuard;
};

/**
 * Reads one function's environment. An empty variable counts as absent.
 *
 * @throws ConfigError that lists every problem by the variable's name and holds no value
 */
export function loadConfig(environment: Environment, name: FunctionName): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value));
  const result = z.safeParse(environmentSchema, given);
  const problems: Issue[] = (result.error?.issues ?? []).map((issue) => ({
    path: String(issue.path[0] ?? ""),
    message: issue.message,
  }));
  for (const variable of REQUIRED[name]) {
    if (!(variable in given)) problems.push({ path: variable, message: "must be set" });
  }
  const keyId = "ALIBABA_CLOUD_ACCESS_KEY_ID";
  const keySecret = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
  if (keyId in given !== keySecret in given) {
    problems.push({
      path: keyId in given ? keySecret : keyId,
      message: "must be set together with its other half",
    });
  }
  // Read apart, so that a refused address is listed beside the problems of other variables.
  const target = z.safeParse(targetSchema, given);
  const guard = target.success ? guardFor(target.data) : undefined;
  const url = target.data?.WEBHOOK_URL;
  const refused = url && guard?.problem(url);
  if (refused) problems.push({ path: "WEBHOOK_URL", message: TARGET_PROBLEMS[refused.reason] });
  if (!result.success || !guard || problems.length > 0) throw new ConfigError(problems);

  const env = result.data;
  return {
    credentials: credentialsOf(env),
    accountId: env.ALIBABA_CLOUD_ACCOUNT_ID,
    endpoint: env.CAMS_ENDPOINT,
    qps: env.UPSTREAM_QPS,
    apiKeys: env.API_KEYS ?? [],
    storeUrl: new Secret(env.STORE_URL ?? ""),
    webhook:
      env.WEBHOOK_URL && env.WEBHOOK_SECRET
        ? { url: env.WEBHOOK_URL, secrets: env.WEBHOOK_SECRET, guard }
        : undefined,
    watch: env.WATCH_CUST_SPACES,
    discover: env.WATCH_DISCOVER,
    sync: env.WATCH_SYNC,
    tickMs: env.TICK_SECONDS * 1000,
    pollIntervalMs: env.POLL_INTERVAL_SECONDS * 1000,
    stage: env.STAGE,
    logLevel: env.LOG_LEVEL,
  };
}

const targetSchema = z.pick(environmentSchema, {
  WEBHOOK_URL: true,
  WEBHOOK_ALLOW_HTTP: true,
  WEBHOOK_ALLOW_CIDRS: true,
});

function guardFor(env: z.infer<typeof targetSchema>): TargetGuard {
  return createTargetGuard({
    allowHttp: env.WEBHOOK_ALLOW_HTTP,
    allowCidrs: env.WEBHOOK_ALLOW_CIDRS,
  });
}

const TARGET_PROBLEMS = {
  scheme: "must be https, or http with WEBHOOK_ALLOW_HTTP=true",
  credentials: "must not hold a user name or password",
  address: "must be a public address, or one allowed by WEBHOOK_ALLOW_CIDRS",
} as const;

function credentialsOf(env: z.infer<typeof environmentSchema>): Credentials | undefined {
  const accessKeyId = env.ALIBABA_CLOUD_ACCESS_KEY_ID;
  const accessKeySecret = env.ALIBABA_CLOUD_ACCESS_KEY_SECRET;
  const token = env.ALIBABA_CLOUD_SECURITY_TOKEN;
  if (!accessKeyId || !accessKeySecret) return undefined;
  return {
    accessKeyId,
    accessKeySecret: new Secret(accessKeySecret),
    securityToken: token ? new Secret(token) : undefined,
  };
}

/** https anywhere; http for loopback alone, as the request holds the signature and the number. */
function parseEndpoint(text: string) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isBare =
    url?.pathname === "/" && !url.search && !url.hash && !url.username && !url.password;
  const isLoopback = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(url?.hostname ?? "");
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback);
  return url && isBare && isSafe
    ? { value: url.origin }
    : { problem: "must be https://host without a path (http for loopback only)" };
}

function readApiKeys(text: string) {
  const result = parseApiKeys(text);
  return result.kind === "keys" ? { value: result.keys } : { problem: result.problems.join(", ") };
}

function readStoreUrl(text: string) {
  const problem = storeUrlProblem(text);
  return problem ? { problem } : { value: text };
}

function readWebhookSecrets(text: string) {
  const result = parseWebhookSecrets(text);
  return "secrets" in result ? { value: result.secrets } : result;
}

function readCidrs(text: string) {
  const cidrs = splitList(text).map(parseCidr);
  return cidrs.every((cidr): cidr is Cidr => cidr !== undefined)
    ? { value: cidrs }
    : { problem: "must be CIDRs such as 10.1.0.0/16, separated by commas" };
}

function readCustomers(text: string) {
  const customers = [...new Set(splitList(text))];
  return customers.every((customer) => z.safeParse(customerIdSchema, customer).success)
    ? { value: customers }
    : { problem: "must be self or CustSpaceIds, separated by commas" };
}

/**
 * With these names pop-core's transport prints whole requests, and the Tablestore SDK what it signs:
 * signatures, tokens and phone numbers.
 */
const PRINTERS = ["httpx:body", "httpx:header", "aliyun"];

function readDebug(text: string) {
  const patterns = text.split(/[\s,]+/).filter((part) => part && !part.startsWith("-"));
  const hits = patterns.some((part) => {
    const pattern = new RegExp(`^${part.replace(/[^\w*:]/g, "\\$&").replaceAll("*", ".*")}$`);
    return PRINTERS.some((name) => pattern.test(name));
  });
  return hits
    ? { problem: "must not switch on httpx or aliyun: they print signatures and phone numbers" }
    : { value: text };
}

function splitList(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
}
