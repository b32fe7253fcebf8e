import { createHash } from "node:crypto";
import { FUNCTIONS } from "../functions.js";
import type { Answer } from "./cloud.ts";

export type Target = Readonly<Record<"service" | "stage" | "region" | "accountId", string>>;
type Given = Readonly<Record<string, Answer>>;
export type ServiceConfig = { readonly provider: Given; readonly functions: Record<string, Given> };

/** Names of what one service and stage has, as the provider plugin forms them. */
function namesOf({ service, stage, region, accountId }: Target) {
  const base = `${service}-${stage}`;
  const digest = createHash("sha256").update(`${service}/${stage}`).digest("hex").slice(0, 8);
  const right = (kind: string, key: string) =>
    `${kind}-${base}-${region}-${key}`.replaceAll("_", "-");
  return {
    base,
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

const rowOf = (key: string) => FUNCTIONS.find(({ name }) => name === key);

/** What serverless.yml asks for, in the words of the cloud's APIs. */
export function planOf({ provider, functions = {} }: ServiceConfig, target: Target) {
  const names = namesOf(target);
  const all = Object.entries(functions).map((entry) => planFunction(entry, provider, names));
  // The table of functions has no use for some without the setting that it names.
  const isWanted = ({ key, environment }: FunctionPlan) => {
    const { deployedWith } = Object(rowOf(key));
    return !deployedWith || environment[deployedWith] !== undefined;
  };
  return { target, names, functions: all.filter(isWanted) };
}

export type Plan = Readonly<ReturnType<typeof planOf>>;
export type FunctionPlan = Readonly<ReturnType<typeof planFunction>>;

type Names = ReturnType<typeof namesOf>;

function planFunction([key, given]: [string, Given], provider: Given, names: Names) {
  const { handler, runtime, cpu, timeout, memorySize = 256 } = { ...provider, ...given };
  const { maximumRetryAttempts: retries, maximumEventAge: age } = given;
  const instances: number | undefined = given.reservedConcurrency ?? rowOf(key)?.instances;
  const isAsync = retries !== undefined || age !== undefined;
  return {
    key,
    name: `${names.base}-${key}`,
    /** Role and policy of its own, which no other function has. */
    ...names.rightsOf(key),
    /** The built file that holds the handler, without `.js`. */
    file: String(handler).replace(/\..*/, ""),
    environment: textOf({ ...provider.environment, ...given.environment }),
    /** What CreateFunction and UpdateFunction take, but for role, code and environment. */
    input: {
      description: [given.description, names.owner].filter(Boolean).join(" "),
      runtime: runtime ?? "nodejs20",
      handler,
      memorySize,
      // 1 vCPU for each GB is the most that Function Compute gives.
      cpu: cpu ?? Math.max(0.05, Math.floor((memorySize / 1024) * 20) / 20),
      timeout: timeout ?? 30,
      ...{ diskSize: 512, internetAccess: true },
      logConfig: {
        ...{ project: names.logProject, logstore: names.logstore, logBeginRule: "None" },
        ...{ enableRequestMetrics: true, enableInstanceMetrics: false },
      },
    },
    instances,
    /** Ceiling of instances and asynchronous calls, by the API's names: undefined takes one away. */
    limits: {
      ConcurrencyConfig: instances ? { reservedConcurrency: instances } : undefined,
      AsyncInvokeConfig: isAsync
        ? { maxAsyncRetryAttempts: retries ?? 3, maxAsyncEventAgeInSeconds: age ?? 86_400 }
        : undefined,
    },
    triggers: ((given.events ?? []) as Given[]).map(planTrigger),
  };
}

/** A second trigger of a kind is named like `timer-2`. */
function planTrigger(event: Given, index: number, all: readonly Given[]) {
  const type = event.http ? "http" : "timer";
  const number = all.slice(0, index).filter((one) => one[type]).length + 1;
  const { method, authType = "anonymous", path, cron, payload = "", enabled = true } = event[type];
  const methods = [method].flat().map((text) => String(text).toUpperCase());
  const config: Given =
    type === "http"
      ? { authType, methods, disableURLInternet: false }
      : { cronExpression: String(cron), enable: enabled, payload };
  return { name: number === 1 ? type : `${type}-${number}`, type, config, path };
}

/** An empty variable counts as absent in the functions as well. */
function textOf(values: Given): Readonly<Record<string, string>> {
  const all = Object.entries(values).map(([name, value]) => [name, String(value ?? "")]);
  return Object.fromEntries(all.filter(([, value]) => value !== ""));
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
  const named = (kind: keyof typeof NAMES, name: string): [boolean, string] => [
    NAMES[kind][0].test(name),
    `--stage  makes the ${kind} name ${name}, which must be ${NAMES[kind][1]}: choose a shorter or plainer stage or service`,
  ];
  const timed = ({ key, triggers }: FunctionPlan): [boolean, string] => [
    triggers.every(({ type, config }) => type !== "timer" || TIMER.test(config.cronExpression)),
    `TIMER  of ${key} must be like '@every 1m', or have six fields: second minute hour day month weekday`,
  ];
  const region =
    "ALIBABA_CLOUD_REGION  must look like ap-southeast-1. Run: export ALIBABA_CLOUD_REGION=ap-southeast-1";
  const rules: [boolean, string][] = [
    [/^[a-z]{2,}(-[a-z]+)+(-\d+)?$/.test(target.region), region],
    // The functions' own setting STAGE has this form.
    [/^[A-Za-z0-9-]{1,32}$/.test(target.stage), "--stage  must be 1 to 32 letters, digits or -"],
    ...functions.flatMap(({ name, role }) => [named("function", name), named("role", role)]),
    named("logstore", names.logstore),
    ...functions.map(timed),
  ];
  return rules.flatMap(([isGood, problem]) => (isGood ? [] : [problem]));
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
