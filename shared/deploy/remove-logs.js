import { callCloud } from "./deploy-error.js";
import { findIndex, ownerOf, PROJECT_DESCRIPTION } from "./deploy-logs.js";

const ABSENT = ["ProjectNotExist", "LogStoreNotExist"];

/**
 * Deletes this service's logstore, and the log project if a deployment made it and nothing is left in
 * it. The index says whose a logstore is, so that logs which were kept can be deleted when role and
 * functions are long gone, and those of another service with the same names cannot.
 *
 * @param {import("./plan.js").Plan} plan
 * @param {import("./deploy-role.js").Cloud} cloud
 * @param {boolean} isDeployed whether role or functions of this service are there
 */
export async function removeLogs(plan, cloud, isDeployed) {
  const { clients, say } = cloud;
  const { logProject: project, logstore } = plan.names;
  const place = `${project}/${logstore}`;
  const found = await callCloud(
    `look up the logstore ${place}`,
    () => clients.log("getLogStore", project, logstore),
    { absent: ABSENT },
  );
  if (!found) {
    say("No logs to delete");
  } else {
    const index = await findIndex(plan, cloud);
    // Without an index it is a first deployment's that did not get further, if there is one.
    const isOurs = index ? ownerOf(index, plan.names) === "ours" : isDeployed;
    if (!isOurs) {
      say(
        `Logstore ${place} kept: nothing says that this service and stage made it. Delete it by hand if nothing needs it`,
      );
      return;
    }
    const deleted = await callCloud(
      `delete the logstore ${place}`,
      () => clients.log("deleteLogStore", project, logstore),
      { absent: ABSENT },
    );
    if (deleted !== undefined) say(`Logstore ${place} deleted`);
  }
  await removeProject(project, cloud);
}

/**
 * @param {string} project
 * @param {import("./deploy-role.js").Cloud} cloud
 */
async function removeProject(project, { clients, say }) {
  const left = await callCloud(
    `list the logstores of ${project}`,
    () => clients.log("listLogStore", project, { size: 10 }),
    { absent: ABSENT },
  );
  if (left?.logstores?.length !== 0) return;
  const found = await callCloud(
    `look up the log project ${project}`,
    () => clients.log("getProject", project),
    { absent: ABSENT },
  );
  if (found?.description !== PROJECT_DESCRIPTION) {
    if (found) say(`Log project ${project} kept: it is empty, but no deployment made it`);
    return;
  }
  const deleted = await callCloud(
    `delete the log project ${project}`,
    () => clients.log("deleteProject", project),
    { absent: ABSENT },
  );
  if (deleted !== undefined) say(`Log project ${project} deleted: nothing was left in it`);
}
