import { createHash } from "node:crypto";
import { FUNCTIONS } from "../functions.js";
import type { Answer } from "./cloud.ts";

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
  /** The most instances at a time. */
  readonly instances: number | undefined;
  /** Ceiling of instances and asynchronous calls, by the API's names: undefined takes one away. */
  readonly limits: Readonly<Record<string, Readonly<Record<string, number>> | undefined>>;
  readonly triggers: readonly TriggerPlan[];
};

export type Plan = {
  readonly target: Target;
  readonly names: ReturnType<typeof namesOf>;
  readonly functions: readonly FunctionPlan[];
};

type Given = Readonly<Record<string, Answer>>;
export type ServiceConfig = { readonly provider: Given; readonly functions: Record<string, Given> };

/** Names of what one service and stage has, as the provider plugin forms them. */
export function namesOf({ service, stage, region, accountId }: Target) {
  const base = `${service}-${stage}`;
  const digest = createHash("sha256").update(`${service}/${stage}`).digest("hex").slice(0, 8);
  const right = (kind: string, key: string) =>
    `${kind}-${base}-${region}-${key}`.replaceAll("_", "-");
  return {
    base,
    functionPrefix: `${base}-`,
    rightsOf: (key: string) => ({ role: right("sls", key), policy: right("fc", key) }),
    /** What version 0.1.0 made for all functions together. */
    sharedRights: { role: right("sls", "exec-role"), policy: right("fc", "access") },
    logProject: `sls-${accountId}-${region}-logs`,
    logstore: base,
    /** In descriptions: `a-b` in stage `c` and `a` in stage `b-c` have the same names. */
    owner: `serverless:${service}/${stage}`,
    /** A field of the index says the same for a logstore. Letters, digits and _ are allowed there. */
    logMark: `serverless__${`${service}__${stage}`.replaceAll(/\W/g, "_")}__${digest}`,
    /** What version 0.1.0 wrote there, if Log Service took it. */
    oldLogMark: `serverless:${service}:${stage}`,
  };
}

export const isOwned = (description: unknown, owner: string): boolean =>
  typeof description === "string" && description.split(" ").includes(owner);

/** What serverless.yml asks for, in the words of the cloud's APIs. */
export function planOf({ provider, functions = {} }: ServiceConfig, target: Target): Plan {
  const names = namesOf(target);
  const planned = Object.entries(functions).map(([key, given]): FunctionPlan => {
    const settings = { ...provider, ...given };
    const handler = String(settings.handler);
    const memorySize = settings.memorySize ?? 256;
    const instances =
      given.reservedConcurrency ?? FUNCTIONS.find(({ name }) => name === key)?.instances;
    const { maximumRetryAttempts: retries, maximumEventAge: age } = given;
    const logConfig = {
      ...{ project: names.logProject, logstore: names.logstore, logBeginRule: "None" },
      ...{ enableRequestMetrics: true, enableInstanceMetrics: false },
    };
    return {
      key,
      name: `${names.functionPrefix}${key}`,
      ...names.rightsOf(key),
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
        ...{ diskSize: 512, internetAccess: true, logConfig },
      },
      instances,
      limits: {
        ConcurrencyConfig: instances && { reservedConcurrency: instances },
        AsyncInvokeConfig:
          retries === undefined && age === undefined
            ? undefined
            : { maxAsyncRetryAttempts: retries ?? 3, maxAsyncEventAgeInSeconds: age ?? 86_400 },
      },
      triggers: planTriggers(given.events ?? []),
    };
  });
  return { target, names, functions: planned.filter(isWanted) };
}

/** Whether the setting is given without which the table of functions has no use for the function. */
function isWanted({ key, environment }: FunctionPlan): boolean {
  const row = FUNCTIONS.find(({ name }) => name === key);
  return !row || !("deployedWith" in row) || environment[row.deployedWith] !== undefined;
}

function planTriggers(events: readonly Given[]): TriggerPlan[] {
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
function textOf(values: Given): Record<string, string> {
  const entries = Object.entries(values).map(([name, value]) => [name, String(value ?? "")]);
  return Object.fromEntries(entries.filter(([, value]) => value !== ""));
}

/** `@every 5m`, or six fields with seconds first, in UTC unless a zone is named (page "Time trigger"). */
const TIMER = /^(@every [1-9]\d{0,4}[mh]|(CRON_TZ=\S+ )?([\dA-Z*?,/-]+ ){5}[\dA-Z*?,/-]+)$/;

/** CreateFunction, CreateRole and CreateLogStore each allow other names. */
const NAMES = {
  function: [/^[A-Za-z_][\w-]{0,63}$/, "1 to 64 letters, digits, _ and -"],
  role: [/^[A-Za-z0-9.-]{1,64}$/, "1 to 64 letters, digits, . and -"],
  logstore: [/^[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]$/, "3 to 63 lower-case letters, digits, _ and -"],
} as const;

/** What is wrong with names and timers. The cloud judges the rest in its own words. */
export function planProblems({ target, names, functions }: Plan): string[] {
  const unless = (isGood: boolean, problem: string) => (isGood ? [] : [problem]);
  const named = (kind: keyof typeof NAMES, name: string) =>
    unless(
      NAMES[kind][0].test(name),
      `--stage  makes the ${kind} name ${name}, which must be ${NAMES[kind][1]}: choose a shorter or plainer stage or service`,
    );
  const timed = ({ key, triggers }: FunctionPlan) =>
    unless(
      triggers.every(
        ({ type, config }) => type !== "timer" || TIMER.test(`${config.cronExpression}`),
      ),
      `TIMER  of ${key} must be like '@every 1m', or have six fields: second minute hour day month weekday`,
    );
  return [
    ...unless(
      /^[a-z]{2,}(-[a-z]+)+(-\d+)?$/.test(target.region),
      "ALIBABA_CLOUD_REGION  must look like ap-southeast-1. Run: export ALIBABA_CLOUD_REGION=ap-southeast-1",
    ),
    // The functions' own setting STAGE has this form.
    ...unless(
      /^[A-Za-z0-9-]{1,32}$/.test(target.stage),
      "--stage  must be 1 to 32 letters, digits or -",
    ),
    ...functions.flatMap(({ name, role }) => [...named("function", name), ...named("role", role)]),
    ...named("logstore", names.logstore),
    ...functions.flatMap(timed),
  ];
}

const object = (names: string, properties: object = {}, required: readonly string[] = []) => ({
  type: "object",
  properties: { ...Object.fromEntries(names.split(" ").map((name) => [name, {}])), ...properties },
  required,
  additionalProperties: false,
});

/** What serverless.yml may say. Anything else is an error, because a typing mistake would go unnoticed. */
const { properties: shared } = object("runtime memorySize cpu timeout environment");
export const CONFIG_SCHEMA = {
  provider: { properties: { ...shared, region: {} } },
  function: object(
    "description reservedConcurrency maximumRetryAttempts maximumEventAge",
    { ...shared, handler: { type: "string", pattern: "^[\\w-]+\\.[A-Za-z_$][\\w$]*$" } },
    ["handler"],
  ),
  functionEvents: {
    http: object("path method authType", {}, ["method"]),
    timer: object("cron payload enabled", {}, ["cron"]),
  },
};
