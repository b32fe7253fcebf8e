import { callCloud, DeployError } from "./deploy-error.js";
import { isOwned } from "./names.js";

/**
 * @param {string} functionName
 * @param {import("./clients.js").Clients} clients
 * @returns {Promise<any[]>}
 */
export async function listTriggers(functionName, clients) {
  const found = [];
  let nextToken;
  do {
    const request = new clients.models.ListTriggersRequest({ limit: 100, nextToken });
    const page = await callCloud(
      `list the triggers of ${functionName}`,
      () => clients.fc("listTriggers", functionName, request),
      { absent: ["FunctionNotFound"] },
    );
    found.push(...(page?.triggers ?? []));
    nextToken = page?.nextToken || undefined;
  } while (nextToken);
  return found;
}

/**
 * @param {import("./plan.js").FunctionPlan} wanted
 * @param {readonly any[]} existing the function's triggers as the cloud has them
 * @param {string} owner
 * @throws {DeployError} if one of the wanted names is taken by a trigger that was added by hand
 */
export function assertTriggersOwned({ name, triggers }, existing, owner) {
  const taken = existing.find(
    ({ triggerName, description }) =>
      triggers.some((trigger) => trigger.name === triggerName) && !isOwned(description, owner),
  );
  if (taken) {
    throw new DeployError(
      `The function ${name} has a trigger ${taken.triggerName} that no deployment of this service and stage made: its description does not say so. Delete it, or make it again under another name; then run the same command again.`,
    );
  }
}

/**
 * Makes the triggers what serverless.yml says. One that was added by hand is left alone.
 *
 * @param {import("./plan.js").FunctionPlan} wanted
 * @param {readonly any[]} existing the function's triggers as the cloud has them
 * @param {string} owner
 * @param {import("./deploy-role.js").Cloud} cloud
 * @returns {Promise<any[]>} as the cloud has them now
 */
export async function deployTriggers(wanted, existing, owner, { clients, say }) {
  const { models } = clients;
  const { name: functionName, triggers } = wanted;
  const result = [];
  for (const { name, type, config } of triggers) {
    const found = existing.find(({ triggerName }) => triggerName === name);
    const triggerConfig = JSON.stringify(config);
    if (found && found.triggerType !== type) await deleteTrigger(functionName, name, clients);
    if (found?.triggerType === type && hasConfig(found, config)) {
      result.push(found);
    } else if (found?.triggerType === type) {
      const body = new models.UpdateTriggerInput({ triggerConfig, description: owner });
      const updated = await callCloud(`update the trigger ${name} of ${functionName}`, () =>
        clients.fc("updateTrigger", functionName, name, new models.UpdateTriggerRequest({ body })),
      );
      // The answer to an update may leave the addresses out.
      result.push({ ...found, ...updated });
      say(`Trigger ${name} of ${functionName} updated`);
    } else {
      const body = new models.CreateTriggerInput({
        triggerName: name,
        triggerType: type,
        triggerConfig,
        description: owner,
      });
      const made = await callCloud(`create the trigger ${name} of ${functionName}`, () =>
        clients.fc("createTrigger", functionName, new models.CreateTriggerRequest({ body })),
      );
      result.push(made);
      say(`Trigger ${name} of ${functionName} created`);
    }
  }
  for (const { triggerName, description } of existing) {
    if (triggers.some(({ name }) => name === triggerName) || !isOwned(description, owner)) continue;
    await deleteTrigger(functionName, triggerName, clients);
    say(`Trigger ${triggerName} of ${functionName} deleted`);
  }
  return result;
}

/**
 * @param {string} functionName
 * @param {import("./deploy-role.js").Cloud} cloud
 */
export async function removeTriggers(functionName, { clients }) {
  for (const { triggerName } of await listTriggers(functionName, clients)) {
    await deleteTrigger(functionName, triggerName, clients);
  }
}

/**
 * @param {string} functionName
 * @param {string} name
 * @param {import("./clients.js").Clients} clients
 */
function deleteTrigger(functionName, name, clients) {
  return callCloud(
    `delete the trigger ${name} of ${functionName}`,
    () => clients.fc("deleteTrigger", functionName, name),
    { absent: [404] },
  );
}

/**
 * The cloud may add fields of its own to a trigger's configuration.
 *
 * @param {{ triggerConfig?: string }} found
 * @param {Record<string, unknown>} config
 */
function hasConfig(found, config) {
  try {
    const stored = JSON.parse(found.triggerConfig ?? "");
    return Object.entries(config).every(
      ([key, value]) => JSON.stringify(stored[key]) === JSON.stringify(value),
    );
  } catch {
    return false;
  }
}
