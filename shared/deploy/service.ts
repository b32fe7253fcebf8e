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

/** Deployed functions that serverless.yml no longer lists. */
export const droppedOf = (plan: Plan, found: readonly Found[]): Found[] =>
  ownFunctions(found, plan).filter(
    (one) => !plan.functions.some(({ name }) => name === one.functionName),
  );

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
  const roles = new Map<string, string>();
  for (const one of plan.functions) roles.set(one.key, await ensureRole(one, plan, cloud));
  await ensureLogs(plan, cloud);
  const make = async (one: FunctionPlan) => {
    const needs = [one.role, one.policy, plan.names.logProject, plan.names.logstore];
    const parts = { archive: archiveOf(archives, one), role: roles.get(one.key) ?? "", needs };
    await ensureFunction(one, parts, plan, cloud);
    return check(one, cloud);
  };
  // The timer's function goes first: its check makes the table and finds the store's host.
  const isTimer = (one: FunctionPlan) => one.triggers.some(({ type }) => type === "timer");
  const order = [...plan.functions].sort((a, b) => Number(isTimer(b)) - Number(isTimer(a)));
  for (const { key } of order) {
    const { store } = await make(functionOf(plan, key));
    const withHost = withStoreUrl(plan, key, store?.storeUrl);
    if (withHost === plan) continue;
    plan = withHost;
    const { host } = new URL(store.storeUrl.split("endpoint=")[1]);
    cloud.say(`The functions use the store's host ${host}`);
    await make(functionOf(plan, key));
  }
  const deployed: Deployed[] = [];
  for (const one of order) {
    deployed.push({ key: one.key, triggers: await ensureTriggers(one, plan, cloud) });
  }
  await verifyAddresses(plan, deployed, cloud);
  for (const one of droppedOf(plan, found)) {
    await removeFunction(one.functionName, cloud);
    await removeRole(plan.names.rightsOf(keyOf(one, plan)), plan, cloud);
  }
  await removeRole(plan.names.sharedRights, plan, cloud);
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
  const parts = { archive: archiveOf(archives, one), role: existing.role, needs: [] };
  await ensureFunction(one, parts, plan, cloud);
  await check(one, cloud);
  const deployed = [{ key, triggers: await ensureTriggers(one, plan, cloud) }];
  await verifyAddresses(plan, deployed, cloud);
  return deployed;
}

/** @throws DeployError if serverless.yml has none of that name */
export function functionOf({ functions }: Plan, key: string | undefined): FunctionPlan {
  const one = functions.find((each) => each.key === key);
  if (!one) throw new DeployError(`serverless.yml has no function ${key}.`);
  return one;
}

function archiveOf(archives: Archives, { key }: FunctionPlan): Buffer {
  const archive = archives.get(key);
  if (!archive) throw new DeployError(`The function ${key} was not packaged.`);
  return archive;
}

/** Only the timer's function finds the host, and every function that shares its store gets it. */
function withStoreUrl(plan: Plan, key: string, storeUrl: unknown): Plan {
  const before = functionOf(plan, key).environment.STORE_URL;
  if (typeof storeUrl !== "string" || storeUrl === before) return plan;
  const functions = plan.functions.map((one) =>
    one.environment.STORE_URL === before
      ? { ...one, environment: { ...one.environment, STORE_URL: storeUrl } }
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
  let query: string | undefined;
  const lineOf = (key: string, { triggerName, triggerConfig, httpTrigger }: Found): string => {
    const { methods = [], cronExpression, enable } = parseConfig(triggerConfig);
    if (!httpTrigger?.urlInternet)
      return `timer ${cronExpression}${enable ? "" : ", switched off"}`;
    const planned = functions.find((one) => one.key === key)?.triggers ?? [];
    const path = planned.find(({ name }) => name === triggerName)?.path ?? "";
    const url = `${String(httpTrigger.urlInternet).replace(/\/$/, "")}${path}`;
    if (key === "query") query = url;
    return `${methods.join(", ")} ${url}`;
  };
  const lines = deployed.flatMap(({ key, triggers }) => {
    const all = triggers.map((one) => lineOf(key, one));
    return (all.length > 0 ? all : ["without a trigger"]).map(
      (line) => `  ${key.padEnd(6)} ${line}`,
    );
  });
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
