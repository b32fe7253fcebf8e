import { callCloud, DeployError } from "./deploy-error.js";
import { LOG_MARK } from "./names.js";
import { untilAccepted, untilSeen } from "./wait.js";

/** In the description of the log project: it is shared by all services of the account and region. */
export const PROJECT_DESCRIPTION = "Logs of serverless services";

const KEEP_DAYS = 30;
const TOKENS = [..."\n\t ,;:='\"()[]{}?@&<>/"];

/**
 * Log project (one for the account and region, shared by all services), logstore and index. What
 * exists is used as it is: its owner may have chosen another retention.
 *
 * @param {import("./plan.js").Plan} plan
 * @param {import("./deploy-role.js").Cloud} cloud
 * @returns {Promise<{ isNew: boolean }>}
 * @throws {DeployError} also if the logstore is another service's
 */
export async function deployLogs({ names, target }, cloud) {
  const { clients, say } = cloud;
  const { logProject: project, logstore } = names;
  const place = `${project}/${logstore}`;
  let isNew = false;

  const findProject = () =>
    callCloud(`look up the log project ${project}`, () => clients.log("getProject", project), {
      absent: ["ProjectNotExist"],
    });
  if (!(await findProject())) {
    await callCloud(
      `create the log project ${project}`,
      () => clients.log("createProject", project, { description: PROJECT_DESCRIPTION }),
      // Another deployment was faster, or the answer of a first try was lost.
      { absent: ["ProjectAlreadyExist"] },
    );
    await untilSeen(cloud, `The log project ${project}`, findProject);
    say(`Log project ${project} created`);
    isNew = true;
  }

  const findStore = () =>
    callCloud(
      `look up the logstore ${place}`,
      () => clients.log("getLogStore", project, logstore),
      {
        absent: ["LogStoreNotExist", "ProjectNotExist"],
      },
    );
  if (!(await findStore())) {
    await untilAccepted(cloud, isNew, () =>
      callCloud(
        `create the logstore ${place}`,
        () => clients.log("createLogStore", project, logstore, { ttl: KEEP_DAYS, shardCount: 1 }),
        { absent: ["LogStoreAlreadyExist"] },
      ),
    );
    await untilSeen(cloud, `The logstore ${place}`, findStore);
    say(`Logstore ${place} created, keeps ${KEEP_DAYS} days`);
    isNew = true;
  }

  const index = await findIndex({ names }, cloud);
  if (index && ownerOf(index, names) === "another") {
    throw new DeployError(
      `The logstore ${place} holds the logs of another service than ${target.service} in stage ${target.stage}: its index says so. Choose another service name or stage, or delete that logstore if nothing needs it.`,
    );
  }
  if (!index) {
    const text = { caseSensitive: false, token: TOKENS, type: "text" };
    const wanted = {
      ttl: KEEP_DAYS,
      line: { caseSensitive: false, token: TOKENS },
      keys: { functionName: text, requestId: text, [names.logMark]: text },
    };
    await untilAccepted(cloud, isNew, () =>
      callCloud(
        `create the index of ${place}`,
        () => clients.log("createIndex", project, logstore, wanted),
        { absent: ["IndexAlreadyExist"] },
      ),
    );
    say(`Index of ${place} created`);
  }
  return { isNew };
}

/**
 * @param {Pick<import("./plan.js").Plan, "names">} plan
 * @param {import("./deploy-role.js").Cloud} cloud
 * @returns {Promise<{ keys?: Record<string, unknown> } | undefined>}
 */
export function findIndex({ names }, { clients }) {
  const { logProject: project, logstore } = names;
  return callCloud(
    `look up the index of ${project}/${logstore}`,
    () => clients.log("getIndexConfig", project, logstore),
    { absent: ["IndexConfigNotExist"] },
  );
}

/**
 * Whose deployment made this index: a logstore has no description that could say it.
 *
 * @param {{ keys?: Record<string, unknown> }} index
 * @param {import("./plan.js").Plan["names"]} names
 * @returns {"ours" | "another" | "unknown"}
 */
export function ownerOf({ keys = {} }, { logMark }) {
  if (logMark in keys) return "ours";
  return Object.keys(keys).some((key) => key.startsWith(LOG_MARK)) ? "another" : "unknown";
}
