import * as z from "zod/mini";
import { ConfigError, type Issue } from "./errors.ts";
import { type ApiKey, parseApiKeys } from "./http/api-keys.ts";
import { parseHintSecrets } from "./http/hint-token.ts";
import { LOG_LEVELS, type LogLevel } from "./log.ts";
import { customerIdSchema } from "./schemas/customer-row.ts";
import { Secret } from "./secret.ts";
import type { Credentials } from "./signing/credentials.ts";
import { INSECURE_SETTINGS, readEndpoint } from "./signing/insecure.ts";
import { storeUrlProblem } from "./store/open-store.ts";
import { parseWebhookSecrets, type WebhookSecret } from "./webhook/signature.ts";
import {
  createTargetGuard,
  parseCidrs,
  parseTarget,
  TARGET_PROBLEMS,
  type TargetGuard,
} from "./webhook/target.ts";

/** The variables that a function is given, by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What a setting's text stands for, or what is wrong with it in words that follow its name. */
type Read<T> = { readonly value: T } | { readonly problem: string };
type Parser<T> = (text: string) => Read<T>;

/** `byDefault` is the text of a setting that is absent or empty. */
type Setting = { readonly parse: Parser<unknown>; readonly byDefault?: string };

/** The settings that every function reads. */
const COMMON_SETTINGS = {
  API_KEYS: { parse: parseApiKeys },
  STORE_URL: { parse: readStoreUrl },
  CAMS_ENDPOINT: { parse: readEndpoint, byDefault: "https://cams.ap-southeast-1.aliyuncs.com" },
  STAGE: {
    parse: /* @__PURE__ */ matching(/^[A-Za-z0-9-]{1,32}$/, "must be 1 to 32 letters, digits or -"),
    byDefault: "local",
  },
  LOG_LEVEL: { parse: readLogLevel, byDefault: "info" },
  ...INSECURE_SETTINGS,
  ALIBABA_CLOUD_ACCESS_KEY_ID: { parse: readText },
  ALIBABA_CLOUD_ACCESS_KEY_SECRET: { parse: readSecret },
  ALIBABA_CLOUD_SECURITY_TOKEN: { parse: readSecret },
  ALIBABA_CLOUD_ACCOUNT_ID: {
    parse: /* @__PURE__ */ matching(/^[A-Za-z0-9-]{1,64}$/, "must be an account's number"),
    byDefault: "local",
  },
} as const satisfies Record<string, Setting>;

/** The setting that only query reads. */
const QUERY_SETTINGS = {
  QUERY_QPS: { parse: /* @__PURE__ */ integer(1), byDefault: "1" },
} as const satisfies Record<string, Setting>;

/** The setting that only hint and poll read. */
const HINT_SETTINGS = {
  HINT_SECRET: { parse: parseHintSecrets },
} as const satisfies Record<string, Setting>;

/** The settings that only poll reads. An HTTP function does not load their parsers. */
const POLL_SETTINGS = {
  WEBHOOK_URL: { parse: parseTarget },
  WEBHOOK_SECRET: { parse: readWebhookSecrets },
  WEBHOOK_ALLOW_HTTP: { parse: readSwitch, byDefault: "off" },
  WEBHOOK_ALLOW_CIDRS: { parse: parseCidrs, byDefault: "" },
  WATCH_CUST_SPACES: { parse: readCustomers, byDefault: "" },
  WATCH_DISCOVER: { parse: readSwitch, byDefault: "off" },
  WATCH_HEALTH: { parse: readSwitch, byDefault: "off" },
  WATCH_SYNC: { parse: readSync, byDefault: "off" },
  UPSTREAM_QPS: { parse: /* @__PURE__ */ integer(1), byDefault: "7" },
  TICK_SECONDS: { parse: /* @__PURE__ */ integer(1, 57), byDefault: "57" },
  RETENTION_DAYS: { parse: /* @__PURE__ */ integer(1, 3_650), byDefault: "90" },
  POLL_INTERVAL_SECONDS: { parse: /* @__PURE__ */ integer(1, 86_400), byDefault: "60" },
} as const satisfies Record<string, Setting>;

export type SettingName =
  | keyof typeof COMMON_SETTINGS
  | keyof typeof QUERY_SETTINGS
  | keyof typeof HINT_SETTINGS
  | keyof typeof POLL_SETTINGS;

/** The whole table, as poll and tools need it. */
export function allSettings() {
  return { ...COMMON_SETTINGS, ...QUERY_SETTINGS, ...HINT_SETTINGS, ...POLL_SETTINGS };
}

/** What every function gets. */
export type CommonConfig = {
  readonly credentials: Credentials | undefined;
  readonly accountId: string;
  readonly endpoint: string;
  readonly apiKeys: readonly ApiKey[];
  readonly storeUrl: Secret;
  readonly stage: string;
  readonly logLevel: LogLevel;
};

export type QueryConfig = CommonConfig & { readonly queryQps: number };

/** Without a secret, no hint is taken. */
export type HintConfig = CommonConfig & { readonly hintSecrets: readonly Secret[] };

export type Config = QueryConfig &
  HintConfig & {
    readonly qps: number;
    readonly webhook: Webhook | undefined;
    readonly watch: readonly string[];
    /** Whether poll lists the customer spaces once an hour and watches new ones. */
    readonly discover: boolean;
    /** Whether poll asks what connected numbers can do. */
    readonly health: boolean;
    /** `lane`: poll reads the priority lane by ChatappSyncPhoneNumber instead of the plain query. */
    readonly sync: "off" | "lane";
    readonly runMs: number;
    readonly retentionMs: number;
    readonly pollIntervalMs: number;
    /** For a timer that fires more often than once a minute, as the sandbox's does. */
    readonly timerMs?: number;
  };

type Webhook = {
  readonly url: URL;
  readonly secrets: readonly WebhookSecret[];
  readonly guard: TargetGuard;
};

/** A row of the table of functions: the settings without which the function cannot work. */
export type Requires = { readonly requires: readonly SettingName[] };

/**
 * Reads the settings of an HTTP function that has none of its own.
 *
 * @throws ConfigError that lists every problem by the setting's name and holds no value
 */
export function loadHttpConfig(environment: Environment, row: Requires): CommonConfig {
  return toCommonConfig(readGood(COMMON_SETTINGS, environment, row));
}

/** Throws as `loadHttpConfig`. */
export function loadQueryConfig(environment: Environment, row: Requires): QueryConfig {
  const values = readGood({ ...COMMON_SETTINGS, ...QUERY_SETTINGS }, environment, row);
  return { ...toCommonConfig(values), queryQps: values.QUERY_QPS };
}

/** Throws as `loadHttpConfig`. */
export function loadHintConfig(environment: Environment, row: Requires): HintConfig {
  const values = readGood({ ...COMMON_SETTINGS, ...HINT_SETTINGS }, environment, row);
  return { ...toCommonConfig(values), hintSecrets: values.HINT_SECRET ?? [] };
}

/** Reads all settings, as poll needs them. Throws as `loadHttpConfig`. */
export function loadConfig(environment: Environment, { requires }: Requires): Config {
  const { values, problems } = readSettings(allSettings(), environment, requires);
  const guard = createGuard(values);
  const refused = (values.WEBHOOK_URL && guard?.problems(values.WEBHOOK_URL)) || [];
  const path = "WEBHOOK_URL";
  problems.push(...refused.map((reason) => ({ path, message: TARGET_PROBLEMS[reason] })));
  if (problems.length > 0) throw new ConfigError(problems);
  const good = values as Values<ReturnType<typeof allSettings>>;
  const { WEBHOOK_URL: url, WEBHOOK_SECRET: secrets } = good;
  return {
    ...toCommonConfig(good),
    queryQps: good.QUERY_QPS,
    hintSecrets: good.HINT_SECRET ?? [],
    qps: good.UPSTREAM_QPS,
    webhook: url && secrets && guard && { url, secrets, guard },
    watch: good.WATCH_CUST_SPACES,
    discover: good.WATCH_DISCOVER,
    health: good.WATCH_HEALTH,
    sync: good.WATCH_SYNC,
    runMs: good.TICK_SECONDS * 1000,
    retentionMs: good.RETENTION_DAYS * 86_400_000,
    pollIntervalMs: good.POLL_INTERVAL_SECONDS * 1000,
  };
}

type Values<S> = {
  readonly [K in keyof S]: S[K] extends { readonly parse: Parser<infer T> }
    ? S[K] extends { readonly byDefault: string }
      ? T
      : T | undefined
    : never;
};

function readGood<S extends Readonly<Record<string, Setting>>>(
  settings: S,
  environment: Environment,
  { requires }: Requires,
): Values<S> {
  const { values, problems } = readSettings(settings, environment, requires);
  if (problems.length > 0) throw new ConfigError(problems);
  return values as Values<S>;
}

/** The one way to read settings. A value with a problem is left out. */
function readSettings<S extends Readonly<Record<string, Setting>>>(
  settings: S,
  environment: Environment,
  required: readonly string[],
): { values: Partial<Values<S>>; problems: Issue[] } {
  const values: Record<string, unknown> = {};
  const problems: Issue[] = [];
  for (const [path, { parse, byDefault }] of Object.entries(settings)) {
    const text = environment[path] || byDefault;
    if (text === undefined) {
      if (required.includes(path)) problems.push({ path, message: "must be set" });
      continue;
    }
    const result = parse(text);
    if ("problem" in result) problems.push({ path, message: result.problem });
    else values[path] = result.value;
  }
  problems.push(...findMissingHalf(environment));
  return { values: values as Partial<Values<S>>, problems };
}

function findMissingHalf(environment: Environment): Issue[] {
  const halves = ["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"];
  const missing = halves.filter((name) => !environment[name]);
  if (missing.length !== 1) return [];
  return missing.map((path) => ({ path, message: "must be set together with its other half" }));
}

function toCommonConfig(values: Values<typeof COMMON_SETTINGS>): CommonConfig {
  const accessKeyId = values.ALIBABA_CLOUD_ACCESS_KEY_ID;
  const accessKeySecret = values.ALIBABA_CLOUD_ACCESS_KEY_SECRET;
  const securityToken = values.ALIBABA_CLOUD_SECURITY_TOKEN;
  return {
    credentials:
      accessKeyId && accessKeySecret ? { accessKeyId, accessKeySecret, securityToken } : undefined,
    accountId: values.ALIBABA_CLOUD_ACCOUNT_ID,
    endpoint: values.CAMS_ENDPOINT,
    apiKeys: values.API_KEYS ?? [],
    storeUrl: values.STORE_URL ?? new Secret(""),
    stage: values.STAGE,
    logLevel: values.LOG_LEVEL,
  };
}

/** Undefined when one of its settings has a problem. */
function createGuard(values: Partial<Values<typeof POLL_SETTINGS>>): TargetGuard | undefined {
  const { WEBHOOK_ALLOW_HTTP: allowHttp, WEBHOOK_ALLOW_CIDRS: allowCidrs } = values;
  if (allowHttp === undefined || !allowCidrs) return undefined;
  return createTargetGuard({ allowHttp, allowCidrs });
}

function matching(pattern: RegExp, problem: string): Parser<string> {
  return (value) => (pattern.test(value) ? { value } : { problem });
}

function readLogLevel(text: string): Read<LogLevel> {
  const value = LOG_LEVELS.find((one) => one === text);
  return value ? { value } : { problem: "must be debug, info, warn or error" };
}

const isOff = (text: string) => /^(off|false)$/i.test(text);
/** All spellings in any case, because people and tools write TRUE and Off too. */
function readSwitch(text: string): Read<boolean> {
  const value = /^(on|true)$/i.test(text);
  return value || isOff(text) ? { value } : { problem: "must be on, off, true or false" };
}

function readSync(text: string): Read<"off" | "lane"> {
  if (isOff(text)) return { value: "off" };
  return text === "lane" ? { value: text } : { problem: "must be off, false or lane" };
}

function integer(min: number, max = Number.MAX_SAFE_INTEGER): Parser<number> {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text)) return { problem: "must be a whole number" };
    if (value < min) return { problem: `must be at least ${min}` };
    return value > max ? { problem: `must be at most ${max}` } : { value };
  };
}

function readText(value: string): Read<string> {
  return { value };
}

function readSecret(text: string): Read<Secret> {
  return { value: new Secret(text) };
}

function readStoreUrl(text: string): Read<Secret> {
  const problem = storeUrlProblem(text);
  return problem ? { problem } : { value: new Secret(text) };
}

function readWebhookSecrets(text: string): Read<readonly WebhookSecret[]> {
  const result = parseWebhookSecrets(text);
  return "secrets" in result ? { value: result.secrets } : result;
}

function readCustomers(text: string): Read<readonly string[]> {
  const customers = [...new Set(text.split(",").flatMap((part) => part.trim() || []))];
  return customers.every((customer) => z.safeParse(customerIdSchema, customer).success)
    ? { value: customers }
    : { problem: "must be self or CustSpaceIds, separated by commas" };
}
