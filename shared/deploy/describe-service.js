import { listFunctions } from "./deploy-functions.js";
import { listTriggers } from "./deploy-triggers.js";
import { describeDeployment } from "./report.js";

/**
 * What is deployed now, as the cloud tells it.
 *
 * @param {import("./plan.js").Plan} plan
 * @param {import("./deploy-role.js").Cloud} cloud
 * @returns {Promise<string>}
 */
export async function describeService(plan, cloud) {
  const { owned } = await listFunctions(plan, cloud);
  const deployed = [];
  for (const { functionName } of owned) {
    const key = functionName.slice(plan.names.functionPrefix.length);
    const known = plan.functions.find(({ name }) => name === functionName);
    const found = known ?? unlisted(key, functionName);
    deployed.push({ plan: found, triggers: await listTriggers(functionName, cloud.clients) });
  }
  return describeDeployment(plan, deployed);
}

/**
 * A function that serverless.yml no longer lists: the next deployment deletes it.
 *
 * @param {string} key
 * @param {string} name
 * @returns {import("./plan.js").FunctionPlan}
 */
function unlisted(key, name) {
  return {
    key,
    name,
    file: key,
    input: {},
    environment: {},
    reservedConcurrency: undefined,
    asyncConfig: undefined,
    triggers: [],
  };
}
