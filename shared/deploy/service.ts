import { once } from "node:events";
import https from "node:https";
import { allSettings } from "../config.ts";
import { FUNCTIONS } from "../functions.js";
import {
  type Answer,
  type Cloud,
  CONSOLES,
  DeployError,
  maybe,
  parseJson,
  waitFor,
} from "./cloud.ts";
import * as fc from "./functions.ts";
import { ensureLogs, removeLogs } from "./logs.ts";
import type { FunctionPlan, Plan } from "./plan.ts";
import { ensureRole, removeRole } from "./rights.ts";

export type Deployed = { readonly key: string; readonly triggers: readonly Answer[] };

/** The keys of deployed functions that serverless.yml no longer lists. */
const droppedKeys = ({ functions }: Plan, { own }: fc.Listed): string[] =>
  [...own.keys()].filter((key) => !functions.some((one) => one.key === key));

type Task = {
  readonly listed: fc.Listed;
  /** The code of each function by its key. */
  readonly archives: ReadonlyMap<string, Buffer>;
  /** One function that is deployed already gets code and settings. Roles, policies and logs stay. */
  readonly only?: string | undefined;
};

/** Brings the cloud to the plan. No timer or address exists before every function passed its check. */
export async function deployService({ listed, archives, only }: Task, given: Cloud) {
  let cloud = given;
  const { names, target, functions } = given.plan;
  const roles = new Map<string, string>();
  if (only === undefined) {
    for (const one of functions) roles.set(one.key, await ensureRole(one, cloud));
    await ensureLogs(cloud);
  } else {
    const { name } = functionOf(cloud.plan, only);
    const needed = `The function ${name} is not deployed yet, so it has no role. Run: npm run deploy -- --stage ${target.stage}`;
    if (!listed.own.has(only)) throw new DeployError(needed);
    roles.set(only, listed.own.get(only).role);
  }
  const make = async (key: string) => {
    const one = functionOf(cloud.plan, key);
    const [archive, role = ""] = [archives.get(key), roles.get(key)];
    if (!archive) throw new DeployError(`The function ${key} was not packaged.`);
    await fc.ensureFunction(one, { archive, role }, cloud);
    return check(one, cloud);
  };
  // The timer's function goes first: its check makes the table and finds the store's host.
  const isHttp = (one: FunctionPlan) => one.triggers.every(({ type }) => type === "http");
  const chosen = functions.filter(({ key }) => roles.has(key));
  const order = chosen.sort((a, b) => Number(isHttp(a)) - Number(isHttp(b)));
  for (const { key, environment } of order) {
    const { storeUrl } = (await make(key)).store ?? {};
    const plan = withStoreUrl(cloud.plan, environment.STORE_URL, storeUrl);
    if (plan === cloud.plan) continue;
    cloud = { ...cloud, plan };
    cloud.say(`The functions use the store's host ${new URL(storeUrl.split("=")[1]).host}`);
    await make(key);
  }
  const deployed: Deployed[] = [];
  for (const one of order)
    deployed.push({ key: one.key, triggers: await fc.ensureTriggers(one, cloud) });
  await verifyAddresses(deployed, cloud);
  if (only !== undefined) return deployed;
  for (const key of droppedKeys(cloud.plan, listed)) await fc.removeFunction(key, cloud, true);
  await removeRole(names.sharedRights, cloud);
  return functions.flatMap(({ key }) => deployed.filter((one) => one.key === key));
}

/** Refusals that end once a new role is known everywhere, and calls that found nobody for a moment. */
const PASSING = /NoPermission|PermissionDeny|Forbidden|TIMEOUT|ERR_UPSTREAM_UNAVAILABLE/;
const PAUSES_MS = [10_000, 10_000, 10_000];

/** Asks a function, by an invocation that needs a permission of RAM, whether it works. */
async function check({ name }: FunctionPlan, cloud: Cloud): Promise<Record<string, Answer>> {
  const ask = async () => {
    const { text, failed } = await cloud.clients.invoke(name, '{"command":"check"}');
    const answer = parseJson(text);
    if (!failed && answer.ok === true) return answer;
    const lines = failed ? [answer.errorMessage ?? "It ended with an error."] : reasonsOf(answer);
    const reasons = lines.map((line) => `  ${cloud.hide(line)}`).join("\n");
    const broken = `The function ${name} was made, but it does not work:\n${reasons}\nIt has no new trigger. Correct this and run the same command again.`;
    throw new DeployError(broken, { text });
  };
  return waitFor(cloud, `function ${name}`, ask, (text) => PASSING.test(text), PAUSES_MS);
}

/** What to do, by a word of the function's answer. */
const ADVICE = {
  OTSAuthFailed: `In ${CONSOLES.Tablestore}, open the instance, then Network Management. Choose the type Custom and allow VPC access. Check the instance's name, region and account in STORE_URL.`,
  ERR_STORE_IDENTITY:
    "Give each stage its own table. Run: export STORE_URL=tablestore://INSTANCE.REGION/OTHER_TABLE",
  NoPermission: "The role's policy came from this deployment: check that nobody changed it.",
  "Product.Unsubscript": `Activate Chat App Message Service for this account: ${CONSOLES["Chat App"]}`,
};

/** What is wrong with each part, in the function's own words, and what to do. */
function reasonsOf(answer: Record<string, Answer>): string[] {
  const parts = ["settings", "store", "upstream"].filter((part) => answer[part]?.ok === false);
  const lines = parts.flatMap((part) => {
    const { code, error, reason, facts, expected, found, problems } = answer[part];
    const identity = expected && `expected ${expected}, found ${found}`;
    const details = [code, reason, facts?.action, facts?.upstreamCode, identity].filter(Boolean);
    const listed = problems?.map((one: Answer) => `${one.path} ${one.message}`).join(", ");
    const isMeant = ([word]: readonly [string, string]) => details.join(" ").includes(word);
    const [, ...advice] = Object.entries(ADVICE).find(isMeant) ?? [];
    return [`${part}: ${listed ?? `${error} (${details.join(", ")})`}`, ...advice];
  });
  return lines.length > 0 ? lines : ["It gave no answer to a check."];
}

/** Calls each open address with a wrong key: 401 is the right answer. A new one needs some seconds. */
async function verifyAddresses(deployed: readonly Deployed[], cloud: Cloud): Promise<void> {
  const { names, target } = cloud.plan;
  const all = deployed.flatMap(({ key, triggers }) => triggers.map((one) => ({ ...one, key })));
  for (const { key, httpTrigger, triggerConfig } of all) {
    const url = httpTrigger?.urlInternet;
    const { authType, methods } = parseJson(triggerConfig);
    if (!url || authType !== "anonymous" || !FUNCTIONS.some(({ name }) => name === key)) continue;
    const refuse = async () => {
      const status = await statusOf(methods?.[0] ?? "GET", url).catch((error) => error.code);
      const open = `${url} of ${names.base}-${key} answers a wrong API key with ${status}, and must with 401. To see why, run: npx serverless logs -f ${key} --stage ${target.stage}`;
      if (status !== 401) throw new DeployError(open);
      return true;
    };
    await waitFor(cloud, `address of ${key}`, refuse, () => true);
  }
}

async function statusOf(method: string, url: string): Promise<number | undefined> {
  const headers = { authorization: "Bearer a-wrong-key", "content-type": "application/json" };
  const signal = AbortSignal.timeout(15_000);
  const [response] = await once(https.request(url, { method, headers, signal }).end(), "response");
  response.resume();
  return response.statusCode;
}

/** @throws DeployError if serverless.yml has none of that name */
export function functionOf({ functions }: Plan, key: string | undefined): FunctionPlan {
  const one = functions.find((each) => each.key === key);
  if (!one) throw new DeployError(`serverless.yml has no function ${key}.`);
  return one;
}

/** The plan in which the functions of one store have it under another URL, of one of its hosts. */
function withStoreUrl(plan: Plan, before: string | undefined, STORE_URL: unknown): Plan {
  if (typeof STORE_URL !== "string" || STORE_URL === before) return plan;
  const changed = (one: FunctionPlan) =>
    one.environment.STORE_URL === before
      ? { ...one, environment: { ...one.environment, STORE_URL } }
      : one;
  return { ...plan, functions: plan.functions.map(changed) };
}

/** The functions' STORE_URL names the host that poll's check found, which the user does not write. */
export function withDeployedHost(plan: Plan, { own }: fc.Listed): Plan {
  const all = [...own.values()].map((one) => String(Object(one.environmentVariables).STORE_URL));
  const wanted = plan.functions.map(({ environment }) => environment.STORE_URL ?? "");
  const bare = wanted.find((url) => url.startsWith("tablestore:") && !url.includes("?"));
  return withStoreUrl(plan, bare, bare && all.find((url) => url.startsWith(`${bare}?endpoint=`)));
}

const SIZES = ["runtime", "memorySize", "cpu", "timeout", "reservedConcurrency"];
const SETTINGS: Answer = { ...allSettings(), TIMER: { byDefault: "@every 1m" } };
const OPEN = Object.keys(SETTINGS).filter((name) => !/KEY|SECRET|TOKEN|URL/.test(name));

/** Whether a value may hold a key, a password or a token: of any name that is not known to hold none. */
export const isSecret = (name: string, value: unknown): boolean =>
  ![...SIZES, ...OPEN].includes(name) &&
  !/^(trigger |STORE_URL=tablestore:)/.test(`${name}=${value}`);

const partsOf = (sizes: Answer, environment = {}, triggers: readonly Answer[] = []) =>
  Object.fromEntries([
    ...SIZES.map((size) => [size, sizes[size]]),
    ...Object.entries(environment),
    ...triggers.map(({ name, config: { methods, authType, cronExpression, enable } }) => [
      `trigger ${name}`,
      methods ? `${methods} ${authType}` : `${cronExpression}${enable ? "" : ", switched off"}`,
    ]),
  ]);

type Choice = Pick<Task, "only"> & Readonly<{ mayLose: boolean; isGiven(name: string): boolean }>;

/**
 * Says what changes by name, and the values of what is no secret. Unless it may, throws if something
 * that runs would disappear, or would fall back to its default because nobody gives it now.
 */
export async function showChanges(listed: fc.Listed, choice: Choice, cloud: Cloud): Promise<void> {
  const { only, mayLose, isGiven } = choice;
  const { plan, say, again } = cloud;
  const gone = new Set<string>();
  for (const { key, name, environment, input, limits, triggers } of plan.functions) {
    const now = listed.own.get(key);
    if (!now || (only !== undefined && key !== only)) continue;
    const limit = await maybe(cloud.clients.fc("getConcurrencyConfig", [name]));
    const made = await fc.ownTriggers(name, cloud);
    const before = partsOf({ ...now, ...limit }, now.environmentVariables, made);
    const after = partsOf({ ...input, ...limits.ConcurrencyConfig }, environment, triggers);
    for (const part of Object.keys({ ...before, ...after }).sort()) {
      const [old, next] = [before[part], after[part]];
      if (old === next) continue;
      const values = [old, next].filter((value) => value !== undefined);
      const sign = old === undefined ? "+" : next === undefined ? "-" : "~";
      const isHidden = values.some((value) => isSecret(part, value));
      say(`${sign} ${key}  ${part}${isHidden ? "" : ` ${values.join(" -> ")}`}`);
      const setting = part === "trigger timer" ? "TIMER" : part;
      const byDefault = SETTINGS[setting]?.byDefault;
      if (next === undefined) gone.add(part);
      else if (byDefault && old && old !== byDefault && !isGiven(setting)) gone.add(setting);
    }
  }
  for (const key of only === undefined ? droppedKeys(plan, listed) : []) {
    say(`- ${key}  the function`);
    gone.add(key);
  }
  if (gone.size === 0 || mayLose) return;
  const { stage } = plan.target;
  throw new DeployError(
    `What runs in stage ${stage} now would disappear: ${[...gone].join(", ")}. Nothing was changed.
To keep it, set it where the others are (.env.${stage}, without that file .env, or this shell).
To let it go, run: ${again} --yes`,
  );
}

/** Deletes what belongs to this service and stage, and nothing else: roles and logs on request. */
export async function removeService(flags: Record<string, unknown>, cloud: Cloud): Promise<void> {
  const { names, functions } = cloud.plan;
  const { own } = await fc.listFunctions(cloud);
  const withRights = Boolean(flags["remove-roles"]);
  for (const key of own.keys()) await fc.removeFunction(key, cloud, withRights);
  if (own.size === 0) cloud.say("No functions to delete");
  const more = `To delete roles and logs too, run: ${cloud.again} --remove-roles --remove-logstore`;
  if (!withRights || !flags["remove-logstore"]) cloud.say(more);
  if (flags["remove-logstore"]) await removeLogs(cloud, own.size > 0);
  if (!withRights) return;
  const listed = [...functions.map(({ key }) => key), ...FUNCTIONS.map(({ name }) => name)];
  const rights = [...new Set(listed)].map(names.rightsOf);
  for (const each of [...rights, names.sharedRights]) await removeRole(each, cloud);
}

/** Addresses, timer, logs and a line to try. It holds no value of the environment. */
export function describeDeployment(plan: Plan, deployed: Deployed[]): string {
  const { names, target, functions } = plan;
  let query: string | undefined;
  const lines = deployed.flatMap(({ key, triggers }) => {
    const planned = functions.find((one) => one.key === key)?.triggers ?? [];
    const path = planned.find(({ type }) => type === "http")?.path ?? "";
    const said = triggers.map(({ triggerConfig, httpTrigger }) => {
      const { methods = [], cronExpression, enable } = parseJson(triggerConfig);
      const address = httpTrigger?.urlInternet?.replace(/\/$/, "");
      if (!address) return `timer ${cronExpression}${enable ? "" : ", switched off"}`;
      if (key === "query") query = `${address}${path}`;
      return `${methods.join(", ")} ${address}${path}`;
    });
    if (said.length === 0) said.push("without a trigger");
    return said.map((line) => `  ${key.padEnd(6)} ${line}`);
  });
  const curl = `  curl "${query}?custSpaceId=self" -H "authorization: Bearer $KEY"`;
  return [
    ...[`${names.base} in ${target.region}`, ""],
    ...(lines.length > 0 ? lines : ["  nothing is deployed"]),
    ...["", `  logs   Log Service, ${names.logProject}/${names.logstore}`],
    `         npx serverless logs -f poll --stage ${target.stage}`,
    ...(query ? ["", "Try it with a key of API_KEYS:", "", curl] : []),
  ].join("\n");
}

/** What is deployed now, as the cloud has it. */
export async function describeService(cloud: Cloud): Promise<string> {
  const { own } = await fc.listFunctions(cloud);
  const deployed = [...own].map(async ([key, { functionName }]) => ({
    key,
    triggers: await fc.listTriggers(functionName, cloud),
  }));
  return describeDeployment(cloud.plan, await Promise.all(deployed));
}
