import { createHash } from "node:crypto";
import { FUNCTIONS } from "../functions.js";
import type { Answer } from "./cloud.ts";
import { cronProblem } from "./timer.ts";

export type Target = {
  readonly service: string;
  readonly stage: string;
  readonly region: string;
  readonly accountId: string;
};

export type TriggerPlan = {
  readonly name: string;
  readonly type: "http" | "timer";
  readonly config: Readonly<Record<string, unknown>>;
  /** The path that serverless.yml gives, for what is printed. */
  readonly path: string | undefined;
};

export type FunctionPlan = {
  readonly key: string;
  readonly name: string;
  /** Of its own, which no other function has. */
  readonly role: string;
  readonly policy: string;
  /** The built file that holds the handler, without `.js`. */
  readonly file: string;
  /** What CreateFunction and UpdateFunction take, but for role, code and environment. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly reservedConcurrency: number | undefined;
  readonly asyncConfig: Readonly<Record<string, number>> | undefined;
  readonly triggers: readonly TriggerPlan[];
};

export type Names = ReturnType<typeof namesOf>;

export type Plan = {
  readonly target: Target;
  readonly names: Names;
  readonly functions: readonly FunctionPlan[];
};

export type ServiceConfig = {
  readonly provider: Readonly<Record<string, Answer>>;
  readonly functions: Readonly<Record<string, Readonly<Record<string, Answer>>>>;
};

/** Names of what one service and stage has, as the provider plugin forms them. */
export function namesOf({ service, stage, region, accountId }: Target) {
  const base = `${service}-${stage}`;
  const digest = createHash("sha256").update(`${service}/${stage}`).digest("hex").slice(0, 8);
  const plain = (text: string) => text.replaceAll(/\W/g, "_");
  return {
    base,
    functionPrefix: `${base}-`,
    roleOf: (key: string) => `sls-${base}-${region}-${key}`.replaceAll("_", "-"),
    policyOf: (key: string) => `fc-${base}-${region}-${key}`.replaceAll("_", "-"),
    logProject: `sls-${accountId}-${region}-logs`,
    logstore: base,
    /** In descriptions: `a-b` in stage `c` and `a` in stage `b-c` have the same names. */
    owner: `serverless:${service}/${stage}`,
    /** A field of the index says the same for a logstore. Letters, digits and _ are allowed there. */
    logMark: `${LOG_MARK}${plain(service)}__${plain(stage)}__${digest}`,
    /** What version 0.1.0 wrote there, if Log Service took it. */
    oldLogMark: `serverless:${service}:${stage}`,
  };
}

/** How such fields begin, whosever they are; in version 0.1.0 with a colon. */
const LOG_MARK = "serverless__";

export function isOwned(description: unknown, owner: string): boolean {
  return typeof description === "string" && description.split(" ").includes(owner);
}

/** What serverless.yml asks for, in the words of the cloud's APIs. */
export function planOf(config: ServiceConfig, target: Target): Plan {
  const names = namesOf(target);
  const functions = Object.entries(config.functions ?? {})
    .map(([key, given]) => planFunction(key, given, config.provider, names))
    .filter(isWanted);
  return { target, names, functions };
}

/** Whether the setting is given without which the table of functions has no use for the function. */
function isWanted({ key, environment }: FunctionPlan): boolean {
  const row = FUNCTIONS.find(({ name }) => name === key);
  return !row || !("deployedWith" in row) || environment[row.deployedWith] !== undefined;
}

function planFunction(
  key: string,
  given: Readonly<Record<string, Answer>>,
  provider: Readonly<Record<string, Answer>>,
  names: Names,
): FunctionPlan {
  const settings = { ...provider, ...given };
  const handler = String(settings.handler);
  const memorySize = settings.memorySize ?? 256;
  const { maximumRetryAttempts, maximumEventAge, reservedConcurrency } = given;
  const hasAsync = maximumRetryAttempts !== undefined || maximumEventAge !== undefined;
  return {
    key,
    name: `${names.functionPrefix}${key}`,
    role: names.roleOf(key),
    policy: names.policyOf(key),
    file: handler.slice(0, handler.indexOf(".")),
    environment: textOf({ ...provider.environment, ...given.environment }),
    input: {
      description: [given.description, names.owner].filter(Boolean).join(" "),
      runtime: settings.runtime ?? "nodejs20",
      handler,
      memorySize,
      // 1 vCPU for each GB is the most that Function Compute gives.
      cpu: settings.cpu ?? Math.max(0.05, Math.floor((memorySize / 1024) * 20) / 20),
      timeout: settings.timeout ?? 30,
      diskSize: 512,
      internetAccess: true,
      logConfig: {
        project: names.logProject,
        logstore: names.logstore,
        enableRequestMetrics: true,
        enableInstanceMetrics: false,
        logBeginRule: "None",
      },
    },
    reservedConcurrency:
      reservedConcurrency ?? FUNCTIONS.find(({ name }) => name === key)?.instances,
    asyncConfig: hasAsync
      ? {
          maxAsyncRetryAttempts: maximumRetryAttempts ?? 3,
          maxAsyncEventAgeInSeconds: maximumEventAge ?? 86_400,
        }
      : undefined,
    triggers: planTriggers(given.events ?? []),
  };
}

function planTriggers(events: readonly Readonly<Record<string, Answer>>[]): TriggerPlan[] {
  const counts = { http: 0, timer: 0 };
  return events.map((event) => {
    const type = event.http ? "http" : "timer";
    counts[type] += 1;
    const name = counts[type] === 1 ? type : `${type}-${counts[type]}`;
    if (type === "http") {
      const { method, authType = "anonymous", path } = event.http;
      const methods = [method].flat().map((text) => String(text).toUpperCase());
      return { name, type, path, config: { authType, methods, disableURLInternet: false } };
    }
    const { cron, payload = "", enabled = true } = event.timer;
    const config = { cronExpression: String(cron), enable: enabled, payload };
    return { name, type, path: undefined, config };
  });
}

/** An empty variable counts as absent in the functions as well. */
function textOf(values: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(values).map(([name, value]) => [name, String(value ?? "")]);
  return Object.fromEntries(entries.filter(([, value]) => value !== ""));
}

/** Function Compute 3.0, RAM and Log Service each allow other names (CreateFunction, CreateRole, CreateLogStore). */
const NAMES = {
  function: { pattern: /^[A-Za-z_][\w-]{0,63}$/, says: "1 to 64 letters, digits, _ and -" },
  role: { pattern: /^[A-Za-z0-9.-]{1,64}$/, says: "1 to 64 letters, digits, . and -" },
  logstore: {
    pattern: /^[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]$/,
    says: "3 to 63 lower-case letters, digits, _ and -",
  },
};

/** What is wrong with names and timers. The cloud judges the rest in its own words. */
export function planProblems({ target, names, functions }: Plan): string[] {
  const problems = [];
  if (!/^[a-z]{2,}(-[a-z]+)+(-\d+)?$/.test(target.region)) {
    problems.push(
      "ALIBABA_CLOUD_REGION  must look like ap-southeast-1. Run: export ALIBABA_CLOUD_REGION=ap-southeast-1",
    );
  }
  // The functions' own setting STAGE has this form.
  if (!/^[A-Za-z0-9-]{1,32}$/.test(target.stage)) {
    problems.push("--stage  must be 1 to 32 letters, digits or -");
  }
  const all: [keyof typeof NAMES, string][] = [
    ...functions.flatMap(({ name, role }): [keyof typeof NAMES, string][] => [
      ["function", name],
      ["role", role],
    ]),
    ["logstore", names.logstore],
  ];
  for (const [kind, name] of all) {
    const { pattern, says } = NAMES[kind];
    if (pattern.test(name)) continue;
    problems.push(
      `--stage  makes the ${kind} name ${name}, which must be ${says}: choose a shorter or plainer stage or service`,
    );
  }
  for (const { key, triggers } of functions) {
    for (const { type, config } of triggers) {
      const problem = type === "timer" && cronProblem(String(config.cronExpression));
      if (problem) problems.push(`TIMER  of ${key} ${problem}`);
    }
  }
  return problems;
}
const text = { type: "string" };
const count = { type: "integer", minimum: 1 };
// Numbers too: YAML takes an unquoted 60 for one, and the platform wants text.
const environment = {
  type: "object",
  patternProperties: {
    "^[A-Za-z][A-Za-z0-9_]*$": { anyOf: [text, { type: "number" }, { type: "boolean" }] },
  },
  additionalProperties: false,
};

/** Shared by provider and functions: a function's own value wins. */
const defaults = {
  runtime: text,
  memorySize: count,
  cpu: { type: "number" },
  timeout: count,
  environment,
};

const object = (properties: object, required: readonly string[]) => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
});

/** What serverless.yml may say. Anything else is an error, because a typing mistake would go unnoticed. */
export const CONFIG_SCHEMA = {
  provider: { properties: { ...defaults, region: text } },
  function: {
    properties: {
      ...defaults,
      handler: { type: "string", pattern: "^[\\w-]+\\.[A-Za-z_$][\\w$]*$" },
      description: text,
      reservedConcurrency: count,
      maximumRetryAttempts: { type: "integer", minimum: 0 },
      maximumEventAge: count,
    },
    required: ["handler"],
  },
  functionEvents: {
    http: object(
      {
        path: { type: "string", pattern: "^/" },
        method: { anyOf: [text, { type: "array", items: text, minItems: 1 }] },
        authType: { enum: ["anonymous", "function"] },
      },
      ["method"],
    ),
    timer: object({ cron: text, payload: text, enabled: { type: "boolean" } }, ["cron"]),
  },
};
