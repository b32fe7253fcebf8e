import { callCloud } from "./deploy-error.js";
import { untilAccepted, untilSeen } from "./wait.js";

const KEEP_DAYS = 30;
const TOKENS = [..."\n\t ,;:='\"()[]{}?@&<>/"];

/**
 * Log project (one for the account and region, shared by all services), logstore and index. What
 * exists is used as it is: its owner may have chosen another retention.
 *
 * @param {import("./plan.js").Plan} plan
 * @param {import("./deploy-role.js").Cloud} cloud
 * @returns {Promise<{ isNew: boolean }>}
 */
export async function deployLogs({ names }, { clients, clock, say }) {
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
      () => clients.log("createProject", project, { description: "Logs of serverless services" }),
      // Another deployment was faster, or the answer of a first try was lost.
      { absent: ["ProjectAlreadyExist"] },
    );
    await untilSeen(clock, `The log project ${project}`, findProject);
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
    await untilAccepted(clock, isNew, () =>
      callCloud(
        `create the logstore ${place}`,
        () => clients.log("createLogStore", project, logstore, { ttl: KEEP_DAYS, shardCount: 1 }),
        { absent: ["LogStoreAlreadyExist"] },
      ),
    );
    await untilSeen(clock, `The logstore ${place}`, findStore);
    say(`Logstore ${place} created, keeps ${KEEP_DAYS} days`);
    isNew = true;
  }

  const index = await callCloud(
    `look up the index of ${place}`,
    () => clients.log("getIndexConfig", project, logstore),
    { absent: ["IndexConfigNotExist"] },
  );
  if (!index) {
    const text = { caseSensitive: false, token: TOKENS, type: "text" };
    const wanted = {
      ttl: KEEP_DAYS,
      line: { caseSensitive: false, token: TOKENS },
      keys: { functionName: text, requestId: text },
    };
    await untilAccepted(clock, isNew, () =>
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
