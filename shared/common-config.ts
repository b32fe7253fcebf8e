import { switchesOn } from "./debug-rule.js";
import { ConfigError, type Issue } from "./errors.ts";
import { type ApiKey, parseApiKeys } from "./http/api-keys.ts";
import { LOG_LEVELS, type LogLevel } from "./log.ts";
import { Secret } from "./secret.ts";
import type { Credentials } from "./signing/credentials.ts";
import { storeUrlProblem } from "./store/open-store.ts";

/** The variables that a function is given, by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What a variable's text stands for, or what is wrong with it in words that follow its name. */
export type Parser<T> = (text: string) => { value: T } | { problem: string };

const asText: Parser<string> = (value) => ({ value });

const matching =
  (pattern: RegExp, problem: string): Parser<string> =>
  (value) =>
    pattern.test(value) ? { value } : { problem };

/**
 * What every function reads. Parsers and no schemas: building those would be a tenth of the cold
 * start of a function that reads its environment once. config.ts makes them part of the schema of
 * the whole environment.
 */
export const commonParsers = {
  ALIBABA_CLOUD_ACCESS_KEY_ID: asText,
  ALIBABA_CLOUD_ACCESS_KEY_SECRET: asText,
  ALIBABA_CLOUD_SECURITY_TOKEN: asText,
  ALIBABA_CLOUD_ACCOUNT_ID: matching(/^[A-Za-z0-9-]{1,64}$/, "must be an account's number"),
  CAMS_ENDPOINT: parseEndpoint,
  API_KEYS: readApiKeys,
  STORE_URL: readStoreUrl,
  STAGE: matching(/^[A-Za-z0-9-]{1,32}$/, "must be 1 to 32 letters, digits or -"),
  LOG_LEVEL: readLogLevel,
  DEBUG: readDebug,
};

type ValueOf<P> = P extends Parser<infer T> ? T : never;

type CommonValues = {
  readonly [K in keyof typeof commonParsers]?: ValueOf<(typeof commonParsers)[K]> | undefined;
};

/** The variables that are set: an empty one counts as absent. */
export function givenOf(environment: Environment): Record<string, string> {
  const entries = Object.entries(environment).filter((entry): entry is [string, string] =>
    Boolean(entry[1]),
  );
  return Object.fromEntries(entries);
}

/** What is wrong with the variables as a set, after what is wrong with each. */
export function problemsOfSet(given: Record<string, string>, required: readonly string[]): Issue[] {
  const problems = required
    .filter((variable) => !(variable in given))
    .map((path): Issue => ({ path, message: "must be set" }));
  const keyId = "ALIBABA_CLOUD_ACCESS_KEY_ID";
  const keySecret = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
  if (keyId in given !== keySecret in given) {
    problems.push({
      path: keyId in given ? keySecret : keyId,
      message: "must be set together with its other half",
    });
  }
  return problems;
}

/** The settings that every function has. */
export type CommonConfig = {
  readonly credentials: Credentials | undefined;
  readonly accountId: string | undefined;
  readonly endpoint: string;
  readonly apiKeys: readonly ApiKey[];
  readonly storeUrl: Secret;
  readonly stage: string;
  readonly logLevel: LogLevel;
};

/** Settings from values that have been parsed, with the default of each that is absent. */
export function toCommonConfig(env: CommonValues): CommonConfig {
  return {
    credentials: credentialsOf(env),
    accountId: env.ALIBABA_CLOUD_ACCOUNT_ID,
    endpoint: env.CAMS_ENDPOINT ?? "https://cams.ap-southeast-1.aliyuncs.com",
    apiKeys: env.API_KEYS ?? [],
    storeUrl: new Secret(env.STORE_URL ?? ""),
    stage: env.STAGE ?? "local",
    logLevel: env.LOG_LEVEL ?? "info",
  };
}

/**
 * Reads the environment of a function that answers HTTP requests, and nothing of what only poll
 * needs: its code would have to be loaded at each cold start. An empty variable counts as absent.
 *
 * @throws ConfigError that lists every problem by the variable's name and holds no value
 */
export function loadHttpConfig(environment: Environment, name: "add" | "query"): CommonConfig {
  const given = givenOf(environment);
  const values: Record<string, unknown> = {};
  const problems: Issue[] = [];
  for (const [path, parse] of Object.entries<Parser<unknown>>(commonParsers)) {
    const text = given[path];
    if (text === undefined) continue;
    const result = parse(text);
    if ("problem" in result) problems.push({ path, message: result.problem });
    else values[path] = result.value;
  }
  problems.push(...problemsOfSet(given, HTTP_REQUIRED[name]));
  if (problems.length > 0) throw new ConfigError(problems);
  return toCommonConfig(values as CommonValues);
}

/** Without these a function cannot do its work. */
export const HTTP_REQUIRED = { add: ["API_KEYS", "STORE_URL"], query: ["API_KEYS"] } as const;

function credentialsOf(env: CommonValues): Credentials | undefined {
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

function readLogLevel(text: string) {
  const value = LOG_LEVELS.find((level) => level === text);
  return value ? { value } : { problem: "must be debug, info, warn or error" };
}

function readStoreUrl(text: string) {
  const problem = storeUrlProblem(text);
  return problem ? { problem } : { value: text };
}

/**
 * With these names pop-core's transport prints whole requests, and the Tablestore SDK what it signs:
 * signatures, tokens and phone numbers.
 */
const PRINTERS = ["httpx:body", "httpx:header", "aliyun"];

function readDebug(text: string) {
  return switchesOn(text, PRINTERS)
    ? { problem: "must not switch on httpx or aliyun: they print signatures and phone numbers" }
    : { value: text };
}
