import { FUNCTIONS } from "../functions.js";
import { type Cloud, DeployError, parseConfig } from "./cloud.ts";
import {
  ensureFunction,
  ensureTriggers,
  type Found,
  listFunctions,
  listTriggers,
  ownFunctions,
  removeFunction,
} from "./functions.ts";
import { ensureLogs, removeLogs } from "./logs.ts";
import type { FunctionPlan, Plan } from "./plan.ts";
import { ensureRole, removeRole } from "./rights.ts";
import { check, type Deployed, verifyAddresses } from "./verify.ts";

type Archives = ReadonlyMap<string, Buffer>;

const keyOf = ({ functionName }: Found, { names }: Plan) =>
  String(functionName).slice(names.functionPrefix.length);

/** The keys of deployed functions that serverless.yml no longer lists. */
export const droppedKeys = (plan: Plan, found: readonly Found[]): string[] =>
  ownFunctions(found, plan)
    .map((one) => keyOf(one, plan))
    .filter((key) => !plan.functions.some((one) => one.key === key));

/**
 * Brings the cloud to what the plan says, and proves that it works. No timer or address exists before
 * every function has answered a check. Running it again ends in the same state.
 *
 * @param found the service's functions as they are now
 * @throws DeployError
 */
export async function deployService(
  given: Plan,
  archives: Archives,
  cloud: Cloud,
  found: readonly Found[],
): Promise<Deployed[]> {
  let plan = given;
  const { functionPrefix, rightsOf, sharedRights } = plan.names;
  const roles = new Map<string, string>();
  for (const one of plan.functions) roles.set(one.key, await ensureRole(one, plan, cloud));
  await ensureLogs(plan, cloud);
  const make = (key: string) =>
    makeWorking(functionOf(plan, key), roles.get(key) ?? "", plan, archives, cloud);
  // The timer's function goes first: its check makes the table and finds the store's host.
  const isHttp = (one: FunctionPlan) => one.triggers.every(({ type }) => type === "http");
  const order = plan.functions.toSorted((a, b) => Number(isHttp(a)) - Number(isHttp(b)));
  for (const { key } of order) {
    const { store } = await make(key);
    const withHost = withStoreUrl(plan, key, store?.storeUrl);
    if (withHost === plan) continue;
    plan = withHost;
    cloud.say(`The functions use the store's host ${new URL(store.storeUrl.split("=")[1]).host}`);
    await make(key);
  }
  const deployed = await open(order, plan, cloud);
  for (const key of droppedKeys(plan, found)) {
    await removeFunction(`${functionPrefix}${key}`, cloud);
    await removeRole(rightsOf(key), plan, cloud);
  }
  await removeRole(sharedRights, plan, cloud);
  return plan.functions.flatMap(({ key }) => deployed.filter((one) => one.key === key));
}

/** One function that is deployed already gets new code and settings. Roles, policies and logs stay. */
export async function deployOne(
  plan: Plan,
  key: string,
  archives: Archives,
  cloud: Cloud,
  found: readonly Found[],
): Promise<Deployed[]> {
  const one = functionOf(plan, key);
  const existing = ownFunctions(found, plan).find(({ functionName }) => functionName === one.name);
  if (!existing) {
    throw new DeployError(
      `The function ${one.name} is not deployed yet, so it has no role. Run: npm run deploy -- --stage ${plan.target.stage}`,
    );
  }
  await makeWorking(one, existing.role, plan, archives, cloud);
  return open([one], plan, cloud);
}

async function makeWorking(
  one: FunctionPlan,
  role: string,
  plan: Plan,
  archives: Archives,
  cloud: Cloud,
) {
  const archive = archives.get(one.key);
  if (!archive) throw new DeployError(`The function ${one.key} was not packaged.`);
  await ensureFunction(one, { archive, role }, plan, cloud);
  return check(one, cloud);
}

async function open(functions: readonly FunctionPlan[], plan: Plan, cloud: Cloud) {
  const deployed: Deployed[] = [];
  for (const one of functions) {
    deployed.push({ key: one.key, triggers: await ensureTriggers(one, plan, cloud) });
  }
  await verifyAddresses(plan, deployed, cloud);
  return deployed;
}

/** @throws DeployError if serverless.yml has none of that name */
export function functionOf({ functions }: Plan, key: string | undefined): FunctionPlan {
  const one = functions.find((each) => each.key === key);
  if (!one) throw new DeployError(`serverless.yml has no function ${key}.`);
  return one;
}

/** Only the timer's function finds the host, and every function that shares its store gets it. */
function withStoreUrl(plan: Plan, key: string, STORE_URL: unknown): Plan {
  const before = functionOf(plan, key).environment.STORE_URL;
  if (typeof STORE_URL !== "string" || STORE_URL === before) return plan;
  const functions = plan.functions.map((one) =>
    one.environment.STORE_URL === before
      ? { ...one, environment: { ...one.environment, STORE_URL } }
      : one,
  );
  return { ...plan, functions };
}

/** Deletes what belongs to this service and stage, and nothing else: roles and logs on request. */
export async function removeService(
  plan: Plan,
  cloud: Cloud,
  also: { readonly roles: boolean; readonly logs: boolean },
): Promise<void> {
  const owned = ownFunctions(await listFunctions(plan, cloud), plan);
  for (const { functionName } of owned) await removeFunction(functionName, cloud);
  if (owned.length === 0) cloud.say("No functions to delete");
  if (also.logs) await removeLogs(plan, cloud, owned.length > 0);
  if (!also.roles) return;
  const listed = [...plan.functions.map(({ key }) => key), ...FUNCTIONS.map(({ name }) => name)];
  for (const key of new Set([...listed, ...owned.map((one) => keyOf(one, plan))])) {
    await removeRole(plan.names.rightsOf(key), plan, cloud);
  }
  await removeRole(plan.names.sharedRights, plan, cloud);
}

/** Addresses, timer, logs and a line to try. It holds no value of the environment. */
export function describeDeployment(plan: Plan, deployed: readonly Deployed[]): string {
  const { names, target, functions } = plan;
  const lines: string[] = [];
  let query: string | undefined;
  for (const { key, triggers } of deployed) {
    if (triggers.length === 0) lines.push(`  ${key.padEnd(6)} without a trigger`);
    for (const { triggerName, triggerConfig, httpTrigger } of triggers) {
      const { methods = [], cronExpression, enable } = parseConfig(triggerConfig);
      const planned = functions.find((one) => one.key === key)?.triggers ?? [];
      const path = planned.find(({ name }) => name === triggerName)?.path ?? "";
      const url = httpTrigger?.urlInternet && httpTrigger.urlInternet.replace(/\/$/, "") + path;
      if (key === "query") query = url;
      const timer = `timer ${cronExpression}${enable ? "" : ", switched off"}`;
      lines.push(`  ${key.padEnd(6)} ${url ? `${methods.join(", ")} ${url}` : timer}`);
    }
  }
  const curl = `  curl "${query}?custSpaceId=self" -H "authorization: Bearer $KEY"`;
  return [
    ...[`${names.base} in ${target.region}`, ""],
    ...(lines.length > 0 ? lines : ["  nothing is deployed"]),
    ...["", `  logs   Log Service, ${names.logProject}/${names.logstore}`],
    `         npx serverless logs -f poll --stage ${target.stage} --region ${target.region}`,
    ...(query ? ["", "Try it with a key of API_KEYS:", "", curl] : []),
  ].join("\n");
}

/** What is deployed now, as the cloud has it. */
export async function describeService(plan: Plan, cloud: Cloud): Promise<string> {
  const owned = ownFunctions(await listFunctions(plan, cloud), plan);
  const deployed = owned.map(async (one) => ({
    key: keyOf(one, plan),
    triggers: await listTriggers(one.functionName, cloud),
  }));
  return describeDeployment(plan, await Promise.all(deployed));
}
