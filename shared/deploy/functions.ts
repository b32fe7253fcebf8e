import { isDeepStrictEqual } from "node:util";
import { type Answer, type Cloud, call, DeployError, ensure, lookUp, remove } from "./cloud.ts";
import { type FunctionPlan, isOwned, type Plan } from "./plan.ts";

const PAGE = 100;

/** A function or trigger as Function Compute describes it. */
export type Found = Readonly<Record<string, Answer>>;

async function pages(read: (nextToken: string | undefined) => Promise<Answer>, list: string) {
  const found: Found[] = [];
  let nextToken: string | undefined;
  do {
    const page = await read(nextToken);
    found.push(...(page?.[list] ?? []));
    nextToken = page?.nextToken || undefined;
  } while (nextToken);
  return found;
}

/** Every function whose name begins as this service's do, those of its other stages included. */
export async function listFunctions({ target }: Plan, cloud: Cloud): Promise<Found[]> {
  const found = await pages((nextToken) => {
    const query = { prefix: `${target.service}-`, fcVersion: "v3", limit: PAGE, nextToken };
    return call(cloud, `list the functions in ${target.region}`, () =>
      cloud.clients.fc("listFunctions", [], { query }),
    );
  }, "functions");
  // A list may leave the environment out, and what would disappear must be seen.
  const whole = async (one: Found) =>
    one.environmentVariables
      ? one
      : ((await lookUp(cloud, `the function ${one.functionName}`, () =>
          cloud.clients.fc("getFunction", [one.functionName]),
        )) ?? one);
  return Promise.all(found.map(whole));
}

/** Those of this service and stage. */
export function ownFunctions(found: readonly Found[], { names }: Plan): Found[] {
  return found.filter(
    ({ functionName, description }) =>
      String(functionName).startsWith(names.functionPrefix) && isOwned(description, names.owner),
  );
}

/** Whether it is another stage's of the same service, or looks as if it were. */
export function isOther({ description }: Found, { names }: Plan): boolean {
  return !isOwned(description, names.owner);
}

export async function listTriggers(name: string, cloud: Cloud): Promise<Found[]> {
  const listed = await lookUp(cloud, `the triggers of ${name}`, () =>
    pages(
      (nextToken) =>
        cloud.clients.fc("listTriggers", [name], { query: { limit: PAGE, nextToken } }),
      "triggers",
    ),
  );
  return listed ?? [];
}

type Given = { readonly archive: Buffer; readonly role: string; readonly needs: readonly string[] };

/** Makes one function what its plan says, without triggers. What is as planned is not sent. */
export async function ensureFunction(
  wanted: FunctionPlan,
  { archive, role, needs }: Given,
  { names, target }: Plan,
  cloud: Cloud,
): Promise<void> {
  const { fc } = cloud.clients;
  const { name, environment } = wanted;
  const input = { ...wanted.input, role, environmentVariables: environment };
  const code = { zipFile: archive.toString("base64") };
  const checksum = crc64(archive);
  let isNew = false;
  await ensure<Found | undefined>(cloud, {
    what: `function ${name}`,
    find: () => findUsable(name, cloud),
    create: () => {
      isNew = true;
      return fc("createFunction", [], { body: { functionName: name, ...input, code } });
    },
    needs,
    refuse: (found) =>
      isOwned(found?.description, names.owner)
        ? undefined
        : `The function ${name} exists, and its description does not say that service ${target.service} in stage ${target.stage} made it. Choose another stage (--stage), or delete it.`,
    change: (found) => {
      const isCode = found?.codeChecksum === checksum;
      if (isCode && holds(found, input)) return undefined;
      const body = isCode ? input : { ...input, code };
      return () => fc("updateFunction", [name], { body });
    },
  });
  await ensureLimits(wanted, isNew, cloud);
}

/** Undefined while it is being made or updated, because it refuses further changes until then. */
async function findUsable(name: string, cloud: Cloud): Promise<Found | undefined> {
  const made = await cloud.clients.fc("getFunction", [name]);
  if (made.state === "Failed" || made.lastUpdateStatus === "Failed") {
    const { stateReason, lastUpdateStatusReason, stateReasonCode } = made;
    const reason = stateReason || lastUpdateStatusReason || stateReasonCode || "no reason given";
    throw new DeployError(
      `Function Compute could not make the function ${name}: ${cloud.hide(String(reason))}. Correct it and run the same command again.`,
    );
  }
  return made.state === "Pending" || made.lastUpdateStatus === "InProgress" ? undefined : made;
}

/** Whether what the cloud has holds all that is wanted. It adds fields of its own. */
function holds(found: unknown, wanted: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null || Array.isArray(wanted)) {
    return isDeepStrictEqual(found, wanted);
  }
  return Object.entries(wanted).every(([name, value]) =>
    // A setting that is no longer wanted must go, so this one is compared as a whole.
    name === "environmentVariables"
      ? isDeepStrictEqual({ ...Object(found)[name] }, { ...value })
      : holds(Object(found)[name], value),
  );
}

const SETTINGS = {
  ConcurrencyConfig: "the ceiling of instances",
  AsyncInvokeConfig: "the asynchronous calls",
} as const;

/** Ceiling of instances and asynchronous calls: set if wanted, and taken away if not. */
async function ensureLimits(
  { name, reservedConcurrency, asyncConfig }: FunctionPlan,
  isNew: boolean,
  cloud: Cloud,
) {
  const { fc } = cloud.clients;
  const ceiling = reservedConcurrency && { reservedConcurrency };
  for (const [kind, body] of Object.entries({
    ConcurrencyConfig: ceiling || undefined,
    AsyncInvokeConfig: asyncConfig,
  })) {
    const what = `${SETTINGS[kind as keyof typeof SETTINGS]} of ${name}`;
    const found = isNew ? undefined : await lookUp(cloud, what, () => fc(`get${kind}`, [name]));
    if (body ? holds(found, body) : found === undefined) continue;
    if (body) await call(cloud, `set ${what}`, () => fc(`put${kind}`, [name], { body }));
    else await remove(cloud, what, () => fc(`delete${kind}`, [name]));
  }
}

/**
 * Makes the triggers what serverless.yml says. One that was added by hand under another name is left
 * alone.
 */
export async function ensureTriggers(
  { name, triggers }: FunctionPlan,
  { names }: Plan,
  cloud: Cloud,
): Promise<Found[]> {
  const { fc } = cloud.clients;
  let existing = await listTriggers(name, cloud);
  const before = JSON.stringify(existing);
  for (const { name: triggerName, type, config } of triggers) {
    const triggerConfig = JSON.stringify(config);
    const find = () => existing.find((one) => one.triggerName === triggerName);
    const other = find();
    if (other && other.triggerType !== type && isOwned(other.description, names.owner)) {
      await removeTrigger(name, triggerName, cloud);
      existing = existing.filter((one) => one !== other);
    }
    await ensure<Found | undefined>(cloud, {
      what: `trigger ${triggerName} of ${name}`,
      find: async () => find(),
      create: () => {
        const made = { triggerName, triggerType: type, triggerConfig, description: names.owner };
        existing.push(made);
        return fc("createTrigger", [name], { body: made });
      },
      refuse: (found) =>
        isOwned(found?.description, names.owner)
          ? undefined
          : `The function ${name} has a trigger ${triggerName} that this service did not make: its description does not say so. Delete it, or make it again under another name. Then run the same command again.`,
      change: (found) =>
        holds(parseConfig(found?.triggerConfig), config)
          ? undefined
          : () => {
              existing = existing.map((one) => (one === found ? { ...one, triggerConfig } : one));
              const body = { triggerConfig, description: names.owner };
              return fc("updateTrigger", [name, triggerName], { body });
            },
    });
  }
  for (const { triggerName, description } of existing) {
    const isWanted = triggers.some((trigger) => trigger.name === triggerName);
    if (isWanted || !isOwned(description, names.owner)) continue;
    await removeTrigger(name, triggerName, cloud);
    existing = existing.filter((one) => one.triggerName !== triggerName);
  }
  // Only the cloud has the address of a trigger that was made now.
  return JSON.stringify(existing) === before ? existing : listTriggers(name, cloud);
}

async function removeTrigger(name: string, trigger: string, cloud: Cloud) {
  await remove(cloud, `the trigger ${trigger} of ${name}`, () =>
    cloud.clients.fc("deleteTrigger", [name, trigger]),
  );
  cloud.say(`Trigger ${trigger} of ${name} deleted`);
}

/** Deletes a function: its triggers first, so that nothing starts it meanwhile. */
export async function removeFunction(name: string, cloud: Cloud): Promise<void> {
  const { fc } = cloud.clients;
  for (const { triggerName } of await listTriggers(name, cloud)) {
    await removeTrigger(name, triggerName, cloud);
  }
  for (const kind of Object.keys(SETTINGS) as (keyof typeof SETTINGS)[]) {
    await remove(cloud, `${SETTINGS[kind]} of ${name}`, () => fc(`delete${kind}`, [name]));
  }
  await remove(cloud, `the function ${name}`, () => fc("deleteFunction", [name]));
  cloud.say(`Function ${name} deleted`);
}

export function parseConfig(text: unknown): Record<string, Answer> {
  try {
    return JSON.parse(String(text));
  } catch {
    return {};
  }
}

const CRC64_TABLE = Array.from({ length: 256 }, (_, index) => {
  let value = BigInt(index);
  for (let bit = 0; bit < 8; bit += 1) {
    value = value & 1n ? (value >> 1n) ^ 0xc96c5795d7870f42n : value >> 1n;
  }
  return value;
});

/** CRC-64 as Function Compute gives it for a function's code (GetFunction, codeChecksum: ECMA-182). */
export function crc64(bytes: Uint8Array): string {
  const mask = 0xffffffffffffffffn;
  let value = mask;
  for (const byte of bytes) {
    value = (CRC64_TABLE[Number((value ^ BigInt(byte)) & 0xffn)] ?? 0n) ^ (value >> 8n);
  }
  return String(value ^ mask);
}
