import { callCloud, DeployError } from "./deploy-error.js";
import {
  assertTriggersOwned,
  deployTriggers,
  listTriggers,
  removeTriggers,
} from "./deploy-triggers.js";
import { isOwned } from "./names.js";
import { untilAccepted, untilSeen } from "./wait.js";

const PAGE = 100;

/**
 * Every function that belongs to this service and stage, and those that only look as if they did.
 *
 * @param {import("./plan.js").Plan} plan
 * @param {import("./deploy-role.js").Cloud} cloud
 * @returns {Promise<{ owned: any[], foreign: any[] }>}
 */
export async function listFunctions({ names }, { clients }) {
  const found = [];
  let nextToken;
  do {
    const request = new clients.models.ListFunctionsRequest({
      prefix: names.functionPrefix,
      fcVersion: "v3",
      limit: PAGE,
      nextToken,
    });
    const page = await callCloud("list the functions", () => clients.fc("listFunctions", request));
    found.push(...(page?.functions ?? []));
    nextToken = page?.nextToken || undefined;
  } while (nextToken);
  return {
    owned: found.filter(({ description }) => isOwned(description, names.owner)),
    foreign: found.filter(({ description }) => !isOwned(description, names.owner)),
  };
}

/**
 * Creates or updates one function with its concurrency, its asynchronous calls and its triggers;
 * the triggers come last, so that a timer meets what it is meant for.
 *
 * @param {import("./plan.js").FunctionPlan} wanted
 * @param {{ archive: Buffer, role: string, isNew: boolean, exists: boolean, owner: string }} given
 *   `isNew`: role or logs may not be known everywhere yet
 * @param {import("./deploy-role.js").Cloud} cloud
 * @returns {Promise<any[]>} its triggers as the cloud has them
 */
export async function deployFunction(wanted, given, cloud) {
  const { clients, say } = cloud;
  const { models } = clients;
  const { name } = wanted;
  const input = {
    ...wanted.input,
    role: given.role,
    code: { zipFile: given.archive.toString("base64") },
  };
  const verb = given.exists ? "update" : "create";
  const triggers = given.exists ? await listTriggers(name, clients) : [];
  assertTriggersOwned(wanted, triggers, given.owner);
  const made = await untilAccepted(cloud, given.isNew, () =>
    callCloud(`${verb} the function ${name}`, () =>
      given.exists
        ? clients.fc(
            "updateFunction",
            name,
            new models.UpdateFunctionRequest({ body: new models.UpdateFunctionInput(input) }),
          )
        : clients.fc(
            "createFunction",
            new models.CreateFunctionRequest({
              body: new models.CreateFunctionInput({ functionName: name, ...input }),
            }),
          ),
    ),
  );
  await untilUsable(name, made, cloud);
  say(`Function ${name} ${verb}d`);
  await deployLimits(wanted, given.exists, cloud);
  return deployTriggers(wanted, triggers, given.owner, cloud);
}

/**
 * A function that is still being made or updated refuses further changes.
 *
 * @param {string} name
 * @param {any} made
 * @param {import("./deploy-role.js").Cloud} cloud
 */
async function untilUsable(name, made, cloud) {
  const { clients } = cloud;
  let current = made;
  await untilSeen(cloud, `The function ${name}`, async () => {
    if (current?.state === "Failed" || current?.lastUpdateStatus === "Failed") {
      throw new DeployError(
        `Function Compute could not make the function ${name}: ${reasonOf(current)}. Mend it and run the same command again.`,
      );
    }
    if (current?.state !== "Pending" && current?.lastUpdateStatus !== "InProgress") return current;
    const request = new clients.models.GetFunctionRequest({});
    current = await callCloud(`look up the function ${name}`, () =>
      clients.fc("getFunction", name, request),
    );
    return undefined;
  });
}

/** @param {any} made */
function reasonOf(made) {
  const code = String(made.stateReasonCode || made.lastUpdateStatusReasonCode);
  return /^\w{1,60}$/.test(code) ? code : "no reason given";
}

/**
 * @param {import("./plan.js").FunctionPlan} wanted
 * @param {boolean} existed
 * @param {import("./deploy-role.js").Cloud} cloud
 */
async function deployLimits({ name, reservedConcurrency, asyncConfig }, existed, { clients }) {
  const { models } = clients;
  if (reservedConcurrency !== undefined) {
    const body = new models.PutConcurrencyInput({ reservedConcurrency });
    await callCloud(`reserve instances for ${name}`, () =>
      clients.fc("putConcurrencyConfig", name, new models.PutConcurrencyConfigRequest({ body })),
    );
  } else if (existed) {
    await deleteConcurrency(name, clients);
  }
  if (asyncConfig) {
    const body = new models.PutAsyncInvokeConfigInput(asyncConfig);
    await callCloud(`set the asynchronous calls of ${name}`, () =>
      clients.fc("putAsyncInvokeConfig", name, new models.PutAsyncInvokeConfigRequest({ body })),
    );
  } else if (existed) {
    await deleteAsyncConfig(name, clients);
  }
}

// Which code a missing configuration has is not documented; that it is a 404 is.
const GONE = { absent: [404] };

/**
 * @param {string} name
 * @param {import("./clients.js").Clients} clients
 */
function deleteConcurrency(name, clients) {
  const run = () => clients.fc("deleteConcurrencyConfig", name);
  return callCloud(`free the reserved instances of ${name}`, run, GONE);
}

/**
 * @param {string} name
 * @param {import("./clients.js").Clients} clients
 */
function deleteAsyncConfig(name, clients) {
  const request = new clients.models.DeleteAsyncInvokeConfigRequest({});
  const run = () => clients.fc("deleteAsyncInvokeConfig", name, request);
  return callCloud(`forget the asynchronous calls of ${name}`, run, GONE);
}

/**
 * Deletes a function and what hangs on it: triggers first, so that nothing starts it meanwhile.
 *
 * @param {string} name
 * @param {import("./deploy-role.js").Cloud} cloud
 */
export async function removeFunction(name, cloud) {
  const { clients, say } = cloud;
  await removeTriggers(name, cloud);
  await deleteAsyncConfig(name, clients);
  await deleteConcurrency(name, clients);
  await callCloud(`delete the function ${name}`, () => clients.fc("deleteFunction", name), {
    absent: [404],
  });
  say(`Function ${name} deleted`);
}
