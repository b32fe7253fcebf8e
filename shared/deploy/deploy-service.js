import { DeployError } from "./deploy-error.js";
import { deployFunction, listFunctions, removeFunction } from "./deploy-functions.js";
import { deployLogs } from "./deploy-logs.js";
import { deployRole } from "./deploy-role.js";

/**
 * Brings the cloud to what the plan says. Each step looks first at what is there, so that running it
 * again after a failure, or without a change, ends in the same state. With `only`, one function.
 *
 * @param {import("./plan.js").Plan} plan
 * @param {Map<string, Buffer>} archives by function key
 * @param {import("./deploy-role.js").Cloud} cloud
 * @param {{ only?: string }} [options]
 * @returns {Promise<import("./report.js").Deployed[]>}
 * @throws {DeployError}
 */
export async function deployService(plan, archives, cloud, { only } = {}) {
  const wanted = plan.functions.filter(({ key }) => only === undefined || key === only);
  const role = await deployRole(plan, cloud);
  const logs = await deployLogs(plan, cloud);
  const { owned, foreign } = await listFunctions(plan, cloud);
  const taken = wanted.find(({ name }) =>
    foreign.some(({ functionName }) => functionName === name),
  );
  if (taken) {
    throw new DeployError(
      `The function ${taken.name} exists and was not made by this service and stage: its description does not say so. Choose another service name or stage, or delete it.`,
    );
  }
  const deployed = [];
  for (const each of wanted) {
    const exists = owned.some(({ functionName }) => functionName === each.name);
    const archive = archives.get(each.key);
    if (!archive) throw new DeployError(`The function ${each.key} was not packaged.`);
    const isNew = role.isNew || logs.isNew;
    const given = { archive, role: role.arn, isNew, exists, owner: plan.names.owner };
    deployed.push({ plan: each, triggers: await deployFunction(each, given, cloud) });
  }
  if (only === undefined) {
    for (const { functionName } of owned) {
      if (wanted.some(({ name }) => name === functionName)) continue;
      await removeFunction(functionName, cloud);
    }
  }
  return deployed;
}
