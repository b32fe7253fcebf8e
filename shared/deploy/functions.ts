import { isDeepStrictEqual } from "node:util";
import { crc64 } from "../bundle/bundle.ts";
import { type Answer, type Cloud, DeployError, ensure, holds, maybe, parseJson } from "./cloud.ts";
import { type FunctionPlan, isOwned } from "./plan.ts";
import { removeRole } from "./rights.ts";

async function list(cloud: Cloud, kind: "Functions" | "Triggers", place: string[], given = {}) {
  const found: Answer[] = [];
  let nextToken: string | undefined;
  do {
    const query = { ...given, limit: 100, nextToken };
    const page = await cloud.clients.fc(`list${kind}`, place, { query });
    found.push(...(page?.[kind.toLowerCase()] ?? []));
    nextToken = page?.nextToken || undefined;
  } while (nextToken);
  return found;
}

/** What is deployed: this stage's functions by key, and others whose names begin as the service's. */
export async function listFunctions(cloud: Cloud) {
  const { target, names } = cloud.plan;
  const own = new Map<string, Answer>();
  const others: Answer[] = [];
  const given = { prefix: `${target.service}-`, fcVersion: "v3" };
  for (const listed of await list(cloud, "Functions", [], given)) {
    const { functionName: name, description, environmentVariables } = listed;
    // A list may leave the environment out, and what would disappear must be seen.
    const one = environmentVariables
      ? listed
      : await maybe(cloud.clients.fc("getFunction", [name]));
    const isOwn = name.startsWith(`${names.base}-`) && isOwned(description, names.owner);
    if (isOwn) own.set(name.slice(names.base.length + 1), one ?? listed);
    else others.push(one ?? listed);
  }
  return { own, others };
}

export type Listed = Awaited<ReturnType<typeof listFunctions>>;

export const listTriggers = async (name: string, cloud: Cloud) =>
  (await maybe(list(cloud, "Triggers", [name]))) ?? [];

/** What this service and stage made of a function's triggers, in the words of a plan. */
export const ownTriggers = async (functionName: string, cloud: Cloud) =>
  (await listTriggers(functionName, cloud))
    .filter(({ description }) => isOwned(description, cloud.plan.names.owner))
    .map((one) => ({ name: one.triggerName, config: parseJson(one.triggerConfig) }));

type Parts = { readonly archive: Buffer; readonly role: string };

/** Makes one function what its plan says, without triggers. What is as planned is not sent. */
export async function ensureFunction(one: FunctionPlan, { archive, role }: Parts, cloud: Cloud) {
  const { fc } = cloud.clients;
  const { names } = cloud.plan;
  const { name } = one;
  const input = { ...one.input, role, environmentVariables: one.environment };
  const withCode = { ...input, code: { zipFile: archive.toString("base64") } };
  await ensure(cloud, {
    what: `function ${name}`,
    find: () => findUsable(name, cloud),
    create: () => fc("createFunction", [], { body: { functionName: name, ...withCode } }),
    needs: [one.role, one.policy, names.logProject, names.logstore],
    isOurs: ({ description }) => isOwned(description, names.owner),
    change: (found) => {
      const isCode = found.codeChecksum === crc64(archive);
      // A setting that is no longer wanted must go, so these are compared as a whole.
      const isSame = isDeepStrictEqual({ ...found.environmentVariables }, { ...one.environment });
      if (isCode && isSame && holds(found, input)) return undefined;
      return () => fc("updateFunction", [name], { body: isCode ? input : withCode });
    },
  });
  for (const [kind, body] of Object.entries(one.limits)) {
    const found = await maybe(fc(`get${kind}`, [name]));
    if (body && !holds(found, body)) await fc(`put${kind}`, [name], { body });
    if (!body && found) await maybe(fc(`delete${kind}`, [name]));
  }
}

/** Undefined while it is being made or updated, because it refuses further changes until then. */
async function findUsable(name: string, { clients, hide }: Cloud): Promise<Answer> {
  const made = await clients.fc("getFunction", [name]);
  const states = [made.state, made.lastUpdateStatus];
  const reason = made.stateReason || made.lastUpdateStatusReason || made.stateReasonCode;
  const failed = `Function Compute could not make the function ${name}: ${hide(String(reason))}. Correct it and run the same command again.`;
  if (states.includes("Failed")) throw new DeployError(failed);
  return states.includes("Pending") || states.includes("InProgress") ? undefined : made;
}

/** Makes the triggers what serverless.yml says. One that was added by hand is left alone. */
export async function ensureTriggers({ name, triggers }: FunctionPlan, cloud: Cloud) {
  const { fc } = cloud.clients;
  const description = cloud.plan.names.owner;
  for (const { name: triggerName, type: triggerType, config } of triggers) {
    const body = { triggerConfig: JSON.stringify(config), description };
    await ensure(cloud, {
      what: `trigger ${triggerName} of ${name}`,
      find: async () =>
        (await listTriggers(name, cloud)).find((one) => one.triggerName === triggerName),
      create: () => fc("createTrigger", [name], { body: { triggerName, triggerType, ...body } }),
      isOurs: (found) => isOwned(found.description, description),
      change: (found) =>
        holds(parseJson(found.triggerConfig), config)
          ? undefined
          : () => fc("updateTrigger", [name, triggerName], { body }),
    });
  }
  const isWanted = (one: Answer) => triggers.some(({ name }) => name === one.triggerName);
  const existing = await listTriggers(name, cloud);
  const dropped = existing.filter((one) => !isWanted(one) && isOwned(one.description, description));
  await removeTriggers(name, dropped, cloud);
  return existing.filter((one) => !dropped.includes(one));
}

async function removeTriggers(name: string, triggers: readonly Answer[], cloud: Cloud) {
  for (const { triggerName } of triggers) {
    await maybe(cloud.clients.fc("deleteTrigger", [name, triggerName]));
    cloud.say(`Trigger ${triggerName} of ${name} deleted`);
  }
}

/** Deletes a function: its triggers first, so that nothing starts it meanwhile. */
export async function removeFunction(key: string, cloud: Cloud, withRights: boolean) {
  const { base, rightsOf } = cloud.plan.names;
  const name = `${base}-${key}`;
  await removeTriggers(name, await listTriggers(name, cloud), cloud);
  // Before the function, by which alone a second try finds what the first one left.
  if (withRights) await removeRole(rightsOf(key), cloud);
  for (const kind of ["ConcurrencyConfig", "AsyncInvokeConfig", "Function"]) {
    await maybe(cloud.clients.fc(`delete${kind}`, [name]));
  }
  cloud.say(`Function ${name} deleted`);
}
