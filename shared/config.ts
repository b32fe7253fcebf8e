import * as z from "zod/mini";
import {
  type CommonConfig,
  type Environment as CommonEnvironment,
  commonParsers,
  givenOf,
  HTTP_REQUIRED,
  type Parser,
  problemsOfSet,
  toCommonConfig,
} from "./common-config.ts";
import { ConfigError, type Issue } from "./errors.ts";
import { customerIdSchema } from "./schemas/customer-row.ts";
import { parseWebhookSecrets, type WebhookSecret } from "./webhook/signature.ts";
import { type Cidr, createTargetGuard, parseCidr, type TargetGuard } from "./webhook/target.ts";

export type Environment = CommonEnvironment;

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

/** Reads a variable by a parser of its own; what it finds wrong is the variable's problem. */
const parsed = <T>(parse: Parser<T>) =>
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

/** Every variable that is read, by function: functions/README.md and serverless.yml list the same. */
export const environmentSchema = z.object({
  ALIBABA_CLOUD_ACCESS_KEY_ID: z.optional(parsed(commonParsers.ALIBABA_CLOUD_ACCESS_KEY_ID)),
  ALIBABA_CLOUD_ACCESS_KEY_SECRET: z.optional(
    parsed(commonParsers.ALIBABA_CLOUD_ACCESS_KEY_SECRET),
  ),
  ALIBABA_CLOUD_SECURITY_TOKEN: z.optional(parsed(commonParsers.ALIBABA_CLOUD_SECURITY_TOKEN)),
  ALIBABA_CLOUD_ACCOUNT_ID: z.optional(parsed(commonParsers.ALIBABA_CLOUD_ACCOUNT_ID)),
  CAMS_ENDPOINT: z.optional(parsed(commonParsers.CAMS_ENDPOINT)),
  API_KEYS: z.optional(parsed(commonParsers.API_KEYS)),
  STORE_URL: z.optional(parsed(commonParsers.STORE_URL)),
  STAGE: z.optional(parsed(commonParsers.STAGE)),
  LOG_LEVEL: z.optional(parsed(commonParsers.LOG_LEVEL)),
  DEBUG: z.optional(parsed(commonParsers.DEBUG)),
  UPSTREAM_QPS: z._default(integer(1, 10), 8),
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
});

const REQUIRED: Readonly<Record<FunctionName, readonly string[]>> = {
  ...HTTP_REQUIRED,
  poll: ["STORE_URL", "WEBHOOK_URL", "WEBHOOK_SECRET"],
};

export type Config = CommonConfig & {
  readonly qps: number;
  readonly webhook: WebhookConfig | undefined;
  readonly watch: readonly string[];
  /** Whether customer spaces are listed hourly and new ones watched. */
  readonly discover: boolean;
  /** `lane`: the priority lane is read by ChatappSyncPhoneNumber instead of the plain query. */
  readonly sync: (typeof SYNC_MODES)[number];
  readonly runMs: number;
  readonly pollIntervalMs: number;
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
  const given = givenOf(environment);
  const { data: env, error } = z.safeParse(environmentSchema, given);
  const problems: Issue[] = (error?.issues ?? []).map((issue) => ({
    path: String(issue.path[0] ?? ""),
    message: issue.message,
  }));
  problems.push(...problemsOfSet(given, REQUIRED[name]));
  // Read apart, so that a refused address is listed beside the problems of other variables.
  const target = z.safeParse(targetSchema, given);
  const guard = target.success ? guardFor(target.data) : undefined;
  const url = target.data?.WEBHOOK_URL;
  const refused = url && guard?.problem(url);
  if (refused) problems.push({ path: "WEBHOOK_URL", message: TARGET_PROBLEMS[refused.reason] });
  if (!env || !guard || problems.length > 0) throw new ConfigError(problems);

  return {
    ...toCommonConfig(env),
    qps: env.UPSTREAM_QPS,
    webhook:
      env.WEBHOOK_URL && env.WEBHOOK_SECRET
        ? { url: env.WEBHOOK_URL, secrets: env.WEBHOOK_SECRET, guard }
        : undefined,
    watch: env.WATCH_CUST_SPACES,
    discover: env.WATCH_DISCOVER,
    sync: env.WATCH_SYNC,
    runMs: env.TICK_SECONDS * 1000,
    pollIntervalMs: env.POLL_INTERVAL_SECONDS * 1000,
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

function splitList(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
}
