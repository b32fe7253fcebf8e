import {
  type Answer,
  type Cloud,
  DeployError,
  ensure,
  holds,
  parseConfig,
  unlessAbsent,
} from "./cloud.ts";
import { type FunctionPlan, isOwned, type Plan } from "./plan.ts";

/** A function or trigger as Function Compute describes it. */
export type Found = Readonly<Record<string, Answer>>;

async function pages(
  { clients }: Cloud,
  list: "functions" | "triggers",
  place: readonly string[],
  given: object = {},
): Promise<Found[]> {
  const operation = list === "functions" ? "listFunctions" : "listTriggers";
  const found: Found[] = [];
  let nextToken: string | undefined;
  do {
    const page = await clients.fc(operation, place, { query: { ...given, limit: 100, nextToken } });
    found.push(...(page?.[list] ?? []));
    nextToken = page?.nextToken || undefined;
  } while (nextToken);
  return found;
}

/** What is deployed: this stage's functions by key, and others whose names begin as the service's. */
export async function listFunctions({ target, names }: Plan, cloud: Cloud) {
  const own = new Map<string, Found>();
  const others: Found[] = [];
  const given = { prefix: `${target.service}-`, fcVersion: "v3" };
  for (const listed of await pages(cloud, "functions", [], given)) {
    const name = String(listed.functionName);
    // A list may leave the environment out, and what would disappear must be seen.
    const isWhole = Boolean(listed.environmentVariables);
    const one = isWhole ? listed : await unlessAbsent(cloud.clients.fc("getFunction", [name]));
    if (name.startsWith(names.functionPrefix) && isOwned(listed.description, names.owner)) {
      own.set(name.slice(names.functionPrefix.length), one ?? listed);
    } else others.push(one ?? listed);
  }
  return { own, others };
}

export type Listed = Awaited<ReturnType<typeof listFunctions>>;

export const listTriggers = async (name: string, cloud: Cloud): Promise<Found[]> =>
  (await unlessAbsent(pages(cloud, "triggers", [name]))) ?? [];

/**
 * Makes one function what its plan says, without triggers. What is as planned is not sent.
 *
 * @param role the resource name of the role that it has
 */
export async function ensureFunction(
  one: FunctionPlan,
  { archive, role }: { readonly archive: Buffer; readonly role: string },
  { names }: Plan,
  cloud: Cloud,
): Promise<void> {
  const { fc } = cloud.clients;
  const { name } = one;
  const input = { ...one.input, role, environmentVariables: one.environment };
  const withCode = { ...input, code: { zipFile: archive.toString("base64") } };
  let isNew = false;
  await ensure(cloud, {
    what: `function ${name}`,
    find: () => findUsable(name, cloud),
    create: () => {
      isNew = true;
      return fc("createFunction", [], { body: { functionName: name, ...withCode } });
    },
    needs: [one.role, one.policy, names.logProject, names.logstore],
    isOurs: ({ description }) => isOwned(description, names.owner),
    change: (found) => {
      const isCode = found.codeChecksum === crc64(archive);
      if (isCode && holds(found, input)) return undefined;
      return () => fc("updateFunction", [name], { body: isCode ? input : withCode });
    },
  });
  for (const [kind, body] of Object.entries(one.limits)) {
    const found = isNew ? undefined : await unlessAbsent(fc(`get${kind}`, [name]));
    if (body && !holds(found, body)) await fc(`put${kind}`, [name], { body });
    if (!body && found) await unlessAbsent(fc(`delete${kind}`, [name]));
  }
}

/** Undefined while it is being made or updated, because it refuses further changes until then. */
async function findUsable(name: string, { clients, hide }: Cloud): Promise<Found | undefined> {
  const made = await clients.fc("getFunction", [name]);
  if (made.state === "Failed" || made.lastUpdateStatus === "Failed") {
    const { stateReason, lastUpdateStatusReason, stateReasonCode } = made;
    const reason = stateReason || lastUpdateStatusReason || stateReasonCode || "no reason given";
    throw new DeployError(
      `Function Compute could not make the function ${name}: ${hide(String(reason))}. Correct it and run the same command again.`,
    );
  }
  return made.state === "Pending" || made.lastUpdateStatus === "InProgress" ? undefined : made;
}

/** Makes the triggers what serverless.yml says. One that was added by hand is left alone. */
export async function ensureTriggers(
  { name, triggers }: FunctionPlan,
  { names: { owner: description } }: Plan,
  cloud: Cloud,
): Promise<Found[]> {
  const { fc } = cloud.clients;
  for (const { name: triggerName, type: triggerType, config } of triggers) {
    const body = { triggerConfig: JSON.stringify(config), description };
    await ensure(cloud, {
      what: `trigger ${triggerName} of ${name}`,
      find: async () =>
        (await listTriggers(name, cloud)).find((one) => one.triggerName === triggerName),
      create: () => fc("createTrigger", [name], { body: { triggerName, triggerType, ...body } }),
      isOurs: (found) => isOwned(found.description, description),
      change: (found) =>
        holds(parseConfig(found.triggerConfig), config)
          ? undefined
          : () => fc("updateTrigger", [name, triggerName], { body }),
    });
  }
  const isWanted = (one: Found) => triggers.some((trigger) => trigger.name === one.triggerName);
  const existing = await listTriggers(name, cloud);
  const dropped = existing.filter((one) => !isWanted(one) && isOwned(one.description, description));
  await removeTriggers(name, dropped, cloud);
  return existing.filter((one) => !dropped.includes(one));
}

async function removeTriggers(name: string, triggers: readonly Found[], cloud: Cloud) {
  for (const { triggerName } of triggers) {
    await unlessAbsent(cloud.clients.fc("deleteTrigger", [name, triggerName]));
    cloud.say(`Trigger ${triggerName} of ${name} deleted`);
  }
}

/** Deletes a function: its triggers first, so that nothing starts it meanwhile. */
export async function removeFunction(name: string, cloud: Cloud): Promise<void> {
  await removeTriggers(name, await listTriggers(name, cloud), cloud);
  for (const kind of ["ConcurrencyConfig", "AsyncInvokeConfig", "Function"]) {
    await unlessAbsent(cloud.clients.fc(`delete${kind}`, [name]));
  }
  cloud.say(`Function ${name} deleted`);
}

/** CRC-64 as Function Compute gives it for a function's code (GetFunction, codeChecksum: ECMA-182). */
export function crc64(bytes: Uint8Array): string {
  const mask = 0xffffffffffffffffn;
  let value = mask;
  for (const byte of bytes) {
    value ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) {
      value = value & 1n ? (value >> 1n) ^ 0xc96c5795d7870f42n : value >> 1n;
    }
  }
  return String(value ^ mask);
}
