import { FUNCTIONS } from "../functions.js";
import { type Cloud, DeployError } from "./cloud.ts";
import {
  ensureFunction,
  ensureTriggers,
  type Found,
  listFunctions,
  listTriggers,
  ownFunctions,
  parseConfig,
  removeFunction,
} from "./functions.ts";
import { ensureLogs, removeLogs } from "./logs.ts";
import type { FunctionPlan, Plan } from "./plan.ts";
import { ensureRole, removeRole } from "./rights.ts";
import { check, type Deployed, verifyAddresses } from "./verify.ts";

/**
 * Brings the cloud to what the plan says, and proves that it works. No timer or address exists before
 * every function has answered a check. Running it again ends in the same state.
 *
 * @param found the service's functions as they are now
 * @throws DeployError
 */
export async function deployService(
  given: Plan,
  archives: ReadonlyMap<string, Buffer>,
  cloud: Cloud,
  found: readonly Found[],
): Promise<Deployed[]> {
  let plan = given;
  const roles = new Map<string, string>();
  for (const one of plan.functions) roles.set(one.key, await ensureRole(one, plan, cloud));
  await ensureLogs(plan, cloud);
  const make = async (key: string) => {
    const one = functionOf(plan, key);
    const { role, policy } = one;
    const { logProject, logstore } = plan.names;
    const needs = [role, policy, logProject, logstore];
    await ensureFunction(
      one,
      { archive: archiveOf(archives, key), role: roles.get(key) ?? "", needs },
      plan,
      cloud,
    );
    return check(one, cloud);
  };
  // The timer's function goes first: its check makes the table and finds the store's host.
  for (const { key } of inOrder(plan)) {
    const { store } = await make(key);
    const withHost = withStoreUrl(plan, key, store?.storeUrl);
    if (withHost === plan) continue;
    plan = withHost;
    cloud.say(
      `The functions use the store's host ${new URL(store.storeUrl.split("endpoint=")[1]).host}`,
    );
    await make(key);
  }
  const deployed: Deployed[] = [];
  for (const one of inOrder(plan)) {
    deployed.push({ key: one.key, triggers: await ensureTriggers(one, plan, cloud) });
  }
  await verifyAddresses(plan, deployed, cloud);
  for (const { functionName } of droppedOf(plan, found)) {
    await removeFunction(functionName, cloud);
    await removeRole(functionName.slice(plan.names.functionPrefix.length), plan, cloud);
  }
  return plan.functions.flatMap(({ key }) => deployed.filter((one) => one.key === key));
}

/** One function that is deployed already gets new code and settings. Roles, policies and logs stay. */
export async function deployOne(
  plan: Plan,
  key: string,
  archives: ReadonlyMap<string, Buffer>,
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
  const archive = archiveOf(archives, key);
  await ensureFunction(one, { archive, role: existing.role, needs: [] }, plan, cloud);
  await check(one, cloud);
  const deployed = [{ key, triggers: await ensureTriggers(one, plan, cloud) }];
  await verifyAddresses(plan, deployed, cloud);
  return deployed;
}

const functionOf = (plan: Plan, key: string): FunctionPlan => {
  const one = plan.functions.find((each) => each.key === key);
  if (!one) throw new DeployError(`serverless.yml has no function ${key}.`);
  return one;
};

function archiveOf(archives: ReadonlyMap<string, Buffer>, key: string): Buffer {
  const archive = archives.get(key);
  if (!archive) throw new DeployError(`The function ${key} was not packaged.`);
  return archive;
}

const isTimer = ({ triggers }: FunctionPlan) => triggers.some(({ type }) => type === "timer");
const inOrder = ({ functions }: Plan) =>
  [...functions].sort((a, b) => Number(isTimer(b)) - Number(isTimer(a)));

/** Deployed functions that serverless.yml no longer lists. */
export function droppedOf(plan: Plan, found: readonly Found[]): Found[] {
  return ownFunctions(found, plan).filter(
    ({ functionName }) => !plan.functions.some(({ name }) => name === functionName),
  );
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
  const { functionPrefix } = plan.names;
  const keys = owned.map(({ functionName }) => String(functionName).slice(functionPrefix.length));
  const all = new Set([
    ...plan.functions.map(({ key }) => key),
    ...FUNCTIONS.map(({ name }) => name),
    ...keys,
  ]);
  for (const key of all) await removeRole(key, plan, cloud);
}

/** Addresses, timer, logs and a line to try. It holds no value of the environment. */
export function describeDeployment(
  { names, target, functions }: Plan,
  deployed: readonly Deployed[],
): string {
  const lines = [`${names.base} in ${target.region}`, ""];
  let query: string | undefined;
  for (const { key, triggers } of deployed) {
    const planned = functions.find((one) => one.key === key)?.triggers ?? [];
    for (const { triggerName, triggerType, triggerConfig, httpTrigger } of triggers) {
      const config = parseConfig(triggerConfig);
      const path = planned.find(({ name }) => name === triggerName)?.path ?? "";
      if (triggerType === "http" && httpTrigger?.urlInternet) {
        const url = `${String(httpTrigger.urlInternet).replace(/\/$/, "")}${path}`;
        if (key === "query") query = url;
        lines.push(`  ${key.padEnd(6)} ${(config.methods ?? []).join(", ")} ${url}`);
      } else if (triggerType === "timer") {
        const state = config.enable === false ? ", switched off" : "";
        lines.push(`  ${key.padEnd(6)} timer ${config.cronExpression}${state}`);
      }
    }
    if (triggers.length === 0) lines.push(`  ${key.padEnd(6)} without a trigger`);
  }
  if (deployed.length === 0) lines.push("  nothing is deployed");
  lines.push("", `  logs   Log Service, ${names.logProject}/${names.logstore}`);
  lines.push(
    `         npx serverless logs -f poll --stage ${target.stage} --region ${target.region}`,
  );
  if (query) {
    lines.push("", "Try it with a key of API_KEYS:", "");
    lines.push(`  curl "${query}?custSpaceId=self" -H "authorization: Bearer $KEY"`);
  }
  return lines.join("\n");
}

/** What is deployed now, as the cloud has it. */
export async function describeService(plan: Plan, cloud: Cloud): Promise<string> {
  const deployed: Deployed[] = [];
  for (const { functionName } of ownFunctions(await listFunctions(plan, cloud), plan)) {
    const key = String(functionName).slice(plan.names.functionPrefix.length);
    deployed.push({ key, triggers: await listTriggers(functionName, cloud) });
  }
  return describeDeployment(plan, deployed);
}
