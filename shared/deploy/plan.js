import { namesOf } from "./names.js";

/**
 * @typedef {object} TriggerPlan
 * @property {string} name
 * @property {"http" | "timer"} type
 * @property {Record<string, unknown>} config
 * @property {string | undefined} path the path that serverless.yml gives, for what is printed
 */

/**
 * @typedef {object} FunctionPlan
 * @property {string} key
 * @property {string} name
 * @property {string} file the built file that holds the handler, without `.js`
 * @property {Record<string, unknown>} input what CreateFunction and UpdateFunction take
 * @property {Record<string, string>} environment
 * @property {number | undefined} reservedConcurrency
 * @property {{ maxAsyncRetryAttempts?: number, maxAsyncEventAgeInSeconds?: number } | undefined} asyncConfig
 * @property {TriggerPlan[]} triggers
 */

/**
 * @typedef {object} Plan
 * @property {import("./names.js").Target} target
 * @property {ReturnType<typeof namesOf>} names
 * @property {FunctionPlan[]} functions
 * @property {Record<string, unknown>[]} statements
 */

/**
 * What serverless.yml asks for, in the words of the cloud's APIs; nothing is sent or looked up. What
 * the cloud would refuse about it, `planProblems` tells.
 *
 * @param {{ provider: Record<string, any>, functions: Record<string, Record<string, any>> }} config
 * @param {import("./names.js").Target} target
 * @returns {Plan}
 */
export function planOf(config, target) {
  const names = namesOf(target);
  const functions = Object.entries(config.functions ?? {}).map(([key, given]) =>
    planFunction(key, { ...config.provider, ...given }, given, config.provider, names),
  );
  return {
    target,
    names,
    functions,
    // RAM refuses a statement about nothing: one whose resources do not apply to this store.
    statements: (config.provider.ramRoleStatements ?? []).filter(
      (/** @type {{ Resource: unknown }} */ { Resource }) =>
        !Array.isArray(Resource) || Resource.length > 0,
    ),
  };
}

/**
 * @param {string} key
 * @param {Record<string, any>} settings
 * @param {Record<string, any>} given
 * @param {Record<string, any>} provider
 * @param {ReturnType<typeof namesOf>} names
 * @returns {FunctionPlan}
 */
function planFunction(key, settings, given, provider, names) {
  const handler = String(settings.handler);
  const environment = textOf({ ...provider.environment, ...given.environment });
  const memorySize = settings.memorySize ?? 256;
  const { maximumRetryAttempts, maximumEventAge } = given;
  const hasAsync = maximumRetryAttempts !== undefined || maximumEventAge !== undefined;
  return {
    key,
    name: `${names.functionPrefix}${key}`,
    file: handler.slice(0, handler.indexOf(".")),
    environment,
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
      environmentVariables: environment,
      logConfig: {
        project: names.logProject,
        logstore: names.logstore,
        enableRequestMetrics: true,
        enableInstanceMetrics: false,
        logBeginRule: "None",
      },
    },
    reservedConcurrency: given.reservedConcurrency,
    asyncConfig: hasAsync
      ? {
          maxAsyncRetryAttempts: maximumRetryAttempts ?? 3,
          maxAsyncEventAgeInSeconds: maximumEventAge ?? 86400,
        }
      : undefined,
    triggers: planTriggers(given.events ?? []),
  };
}

/**
 * @param {Record<string, any>[]} events
 * @returns {TriggerPlan[]}
 */
function planTriggers(events) {
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
    const config = { cronExpression: cron, enable: enabled, payload };
    return { name, type, path: undefined, config };
  });
}

/**
 * Leaves out what is empty: an empty variable counts as absent in the functions as well.
 *
 * @param {Record<string, unknown>} values
 * @returns {Record<string, string>}
 */
function textOf(values) {
  const entries = Object.entries(values).map(([name, value]) => [name, String(value ?? "")]);
  return Object.fromEntries(entries.filter(([, value]) => value !== ""));
}
