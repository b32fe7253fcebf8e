import { callCloud } from "./deploy-error.js";
import { listFunctions, removeFunction } from "./deploy-functions.js";
import { findPolicy } from "./deploy-policy.js";
import { findRole, listPolicies } from "./deploy-role.js";
import { removeLogs } from "./remove-logs.js";

/**
 * Deletes what belongs to this service and stage and nothing else: its functions with their
 * triggers; on request its role and policy, and its logstore with the logs (and the log project of
 * the account and region when nothing else is left in it).
 *
 * @param {import("./plan.js").Plan} plan
 * @param {import("./deploy-role.js").Cloud} cloud
 * @param {{ roles: boolean, logs: boolean }} also
 * @throws {DeployError}
 */
export async function removeService(plan, cloud, also) {
  // Found first: a role of another service says that everything of these names is that one's.
  const role = await findRole(plan, cloud);
  const { owned } = await listFunctions(plan, cloud);
  for (const { functionName } of owned) await removeFunction(functionName, cloud);
  if (owned.length === 0) cloud.say("No functions to delete");
  if (also.logs) await removeLogs(plan, cloud, role !== undefined || owned.length > 0);
  if (also.roles) await removeRole(plan, cloud, role !== undefined);
}

/**
 * @param {import("./plan.js").Plan} plan
 * @param {import("./deploy-role.js").Cloud} cloud
 * @param {boolean} roleExists
 */
async function removeRole(plan, cloud, roleExists) {
  const { clients, say } = cloud;
  const { role, policy } = plan.names;
  if (roleExists) {
    for (const { PolicyName, PolicyType } of await listPolicies(role, clients)) {
      const params = { PolicyName, PolicyType, RoleName: role };
      await callCloud(
        `detach the policy ${PolicyName}`,
        () => clients.ram("DetachPolicyFromRole", params),
        { absent: ["EntityNotExist.Role.Policy"] },
      );
    }
  }
  const found = await findPolicy(plan, cloud);
  if (found && !found.isOurs) {
    say(`Policy ${policy} kept: its description does not say that this service and stage made it`);
  } else if (found) {
    await removeOldVersions(policy, clients);
    const deleted = await callCloud(
      `delete the policy ${policy}`,
      () => clients.ram("DeletePolicy", { PolicyName: policy }),
      { absent: ["EntityNotExist.Policy"] },
    );
    if (deleted) say(`Policy ${policy} deleted`);
  }
  if (roleExists) {
    // The role goes last: it is what says whose names these are.
    const deleted = await callCloud(
      `delete the role ${role}`,
      () => clients.ram("DeleteRole", { RoleName: role }),
      { absent: ["EntityNotExist.Role"] },
    );
    if (deleted) say(`Role ${role} deleted`);
  }
}

/**
 * RAM refuses to delete a policy that has more than its default version.
 *
 * @param {string} policy
 * @param {import("./clients.js").Clients} clients
 */
async function removeOldVersions(policy, clients) {
  const params = { PolicyName: policy, PolicyType: "Custom" };
  const answer = await callCloud(`list the versions of the policy ${policy}`, () =>
    clients.ram("ListPolicyVersions", params),
  );
  for (const { VersionId, IsDefaultVersion } of answer?.PolicyVersions?.PolicyVersion ?? []) {
    if (IsDefaultVersion) continue;
    await callCloud(
      `delete version ${VersionId} of the policy ${policy}`,
      () => clients.ram("DeletePolicyVersion", { PolicyName: policy, VersionId }),
      { absent: ["EntityNotExist.Policy.Version"] },
    );
  }
}
