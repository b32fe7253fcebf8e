import { callCloud } from "./deploy-error.js";
import { listFunctions, removeFunction } from "./deploy-functions.js";
import { findRole, listPolicies } from "./deploy-role.js";

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
  if (also.logs) await removeLogs(plan, cloud);
  if (also.roles) await removeRole(plan, cloud, role !== undefined);
}

/**
 * @param {import("./plan.js").Plan} plan
 * @param {import("./deploy-role.js").Cloud} cloud
 * @param {boolean} roleExists
 */
async function removeRole({ names }, { clients, say }, roleExists) {
  const { role, policy } = names;
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
  const found = await callCloud(
    `look up the policy ${policy}`,
    () => clients.ram("GetPolicy", { PolicyName: policy, PolicyType: "Custom" }),
    { absent: ["EntityNotExist.Policy"] },
  );
  if (found) {
    await removeOldVersions(policy, clients);
    await callCloud(
      `delete the policy ${policy}`,
      () => clients.ram("DeletePolicy", { PolicyName: policy }),
      { absent: ["EntityNotExist.Policy"] },
    );
    say(`Policy ${policy} deleted`);
  }
  if (roleExists) {
    // The role goes last: it is what says whose names these are.
    await callCloud(
      `delete the role ${role}`,
      () => clients.ram("DeleteRole", { RoleName: role }),
      { absent: ["EntityNotExist.Role"] },
    );
    say(`Role ${role} deleted`);
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

/**
 * @param {import("./plan.js").Plan} plan
 * @param {import("./deploy-role.js").Cloud} cloud
 */
async function removeLogs({ names }, { clients, say }) {
  const { logProject: project, logstore } = names;
  const absent = ["ProjectNotExist", "LogStoreNotExist"];
  await callCloud(
    `delete the logstore ${project}/${logstore}`,
    () => clients.log("deleteLogStore", project, logstore),
    { absent },
  );
  say(`Logstore ${project}/${logstore} deleted`);
  const left = await callCloud(
    `list the logstores of ${project}`,
    () => clients.log("listLogStore", project, { size: 10 }),
    { absent },
  );
  if (left?.logstores?.length !== 0) return;
  await callCloud(
    `delete the log project ${project}`,
    () => clients.log("deleteProject", project),
    { absent },
  );
  say(`Log project ${project} deleted: nothing was left in it`);
}
