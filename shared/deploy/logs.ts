import { type Answer, type Cloud, DeployError, ensure, holds, maybe, removeOurs } from "./cloud.ts";

/** In the description of the log project, which all services of the account and region share. */
const PROJECT_DESCRIPTION = "Logs of serverless services";

const KEEP_DAYS = 30;
const token = [..."\n\t ,;:='\"()[]{}?@&<>/"];
const text = { type: "text", caseSensitive: false, token };
const count = { type: "long" };

/** A line of a function is JSON in the field `message`. These of its fields can be searched. */
const LINE_FIELDS = {
  ...{ level: text, message: text, code: text },
  ...{ pending: count, failed: count, durationMs: count },
  ...{ "freshness.sweep": count, "freshness.onboarding": count },
};

/** Log project, logstore and index: how each is found and made, and whose it is. */
function logResources({ plan, clients: { log } }: Cloud) {
  const { logProject: project, logstore, logMark, oldLogMark } = plan.names;
  const place = `${project}/${logstore}`;
  const message = { type: "json", caseSensitive: false, token, json_keys: LINE_FIELDS };
  const keys = { functionName: text, requestId: text, message, [logMark]: text };
  const wanted = { ttl: KEEP_DAYS, line: { caseSensitive: false, token }, keys };
  const isMarked = ({ keys = {} }: Answer) => logMark in keys || oldLogMark in keys;
  return {
    isMarked,
    project: {
      what: `log project ${project}`,
      find: () => log("getProject", project),
      create: () => log("createProject", project, { description: PROJECT_DESCRIPTION }),
    },
    store: {
      what: `logstore ${place}`,
      find: () => log("getLogStore", project, logstore),
      create: () => log("createLogStore", project, logstore, { ttl: KEEP_DAYS, shardCount: 1 }),
      needs: [project],
    },
    index: {
      what: `index of ${place}`,
      find: () => log("getIndexConfig", project, logstore),
      create: () => log("createIndex", project, logstore, wanted),
      needs: [project, logstore],
      // An index without any mark is a person's, whose logstore may be used.
      isOurs: (found: Answer) =>
        isMarked(found) || !/"serverless(__|:)/.test(JSON.stringify(found.keys ?? {})),
      change: (found: Answer) => {
        if (!isMarked(found) || holds(found.keys, keys)) return undefined;
        const { [oldLogMark]: _, ...kept } = found.keys ?? {};
        const updated = { ...found, keys: { ...kept, ...keys } };
        return () => log("updateIndex", project, logstore, updated);
      },
    },
  };
}

/** What exists keeps its retention, because its owner may have chosen another. An index gets fields. */
export async function ensureLogs(cloud: Cloud): Promise<void> {
  const { project, store, index } = logResources(cloud);
  for (const wanted of [project, store, index]) await ensure(cloud, wanted);
}

/** Deletes this service's logstore, and the log project if a deployment made it and it is empty. */
export async function removeLogs(cloud: Cloud, hasFunctions: boolean): Promise<void> {
  const { log } = cloud.clients;
  const { logProject, logstore } = cloud.plan.names;
  const { project, store, index, isMarked } = logResources(cloud);
  const mark = await maybe(index.find());
  // Without an index it is a first deployment's that did not get further, if there is one.
  const isOurs = () => (mark ? isMarked(mark) : hasFunctions);
  await removeOurs(cloud, { ...store, isOurs }, () => log("deleteLogStore", logProject, logstore));
  const left = await maybe(log("listLogStore", logProject, { size: 10 }));
  if (left?.logstores?.length !== 0) return;
  const wasMade = ({ description }: Answer) => description === PROJECT_DESCRIPTION;
  await removeOurs(cloud, { ...project, isOurs: wasMade }, () => log("deleteProject", logProject));
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** A function's last 100 lines, oldest first. Its topic leaves out what only measures requests. */
export async function readLogs(name: string, since: string, cloud: Cloud): Promise<string> {
  const { logProject, logstore } = cloud.plan.names;
  const [, amount, unit = ""] = /^(\d{1,5})([smhd])$/.exec(since) ?? [];
  if (!amount) throw new DeployError("--startTime must be like 10m, 2h or 1d.");
  const now = cloud.clock.now();
  const from = new Date(now - Number(amount) * (UNITS[unit] ?? 0) * 1000);
  const query = { query: `__topic__: "FCLogs:${name}"`, line: 100, reverse: true };
  const rows = await cloud.clients.log("getLogs", logProject, logstore, from, new Date(now), query);
  const lineOf = ({ __time__, message = "" }: Answer) =>
    `${new Date(Number(__time__) * 1000).toISOString()} ${message.trimEnd()}`;
  return Object.values(rows).map(lineOf).reverse().join("\n") || `No log lines since ${since}.`;
}
