import { type Cloud, call, DeployError, ensure, lookUp, remove } from "./cloud.ts";
import type { Names, Plan } from "./plan.ts";

/** In the description of the log project, which all services of the account and region share. */
const PROJECT_DESCRIPTION = "Logs of serverless services";

const KEEP_DAYS = 30;
const token = [..."\n\t ,;:='\"()[]{}?@&<>/"];
const text = { type: "text", caseSensitive: false, token };

/** A line of a function is JSON in the field `message`. These of its fields can be searched. */
const LINE_FIELDS = {
  level: text,
  message: text,
  code: text,
  pending: { type: "long" },
  failed: { type: "long" },
  durationMs: { type: "long" },
  "freshness.sweep": { type: "long" },
  "freshness.onboarding": { type: "long" },
};

type Index = { readonly keys?: Readonly<Record<string, unknown>> };

function indexOf({ logMark }: Names) {
  const message = { type: "json", caseSensitive: false, token, json_keys: LINE_FIELDS };
  const keys = { functionName: text, requestId: text, message, [logMark]: text };
  return { ttl: KEEP_DAYS, line: { caseSensitive: false, token }, keys };
}

/**
 * Log project, logstore and index. What exists is kept as it is, because its owner may have chosen
 * another retention. An index gets the fields that it lacks.
 */
export async function ensureLogs(plan: Plan, cloud: Cloud): Promise<void> {
  const { names, target } = plan;
  const { log } = cloud.clients;
  const { logProject: project, logstore } = names;
  await ensure(cloud, {
    what: `log project ${project}`,
    find: () => log("getProject", project),
    create: () => log("createProject", project, { description: PROJECT_DESCRIPTION }),
  });
  await ensure(cloud, {
    what: `logstore ${project}/${logstore}`,
    find: () => log("getLogStore", project, logstore),
    create: () => log("createLogStore", project, logstore, { ttl: KEEP_DAYS, shardCount: 1 }),
    needs: [project],
  });
  const wanted = indexOf(names);
  await ensure<Index>(cloud, {
    what: `index of ${project}/${logstore}`,
    find: () => log("getIndexConfig", project, logstore),
    create: () => log("createIndex", project, logstore, wanted),
    needs: [project, logstore],
    refuse: (found) =>
      ownerOf(found, names) === "another"
        ? `The logstore ${project}/${logstore} holds the logs of another service than ${target.service} in stage ${target.stage}: its index says so. Choose another stage (--stage), or delete that logstore if nothing needs it.`
        : undefined,
    change: (found) => {
      // A person's own logstore stays theirs.
      if (ownerOf(found, names) !== "ours" || hasFields(found.keys, wanted.keys)) return undefined;
      const { [names.oldLogMark]: _, ...kept } = found.keys ?? {};
      const keys = { ...kept, ...wanted.keys };
      return () => log("updateIndex", project, logstore, { ...found, keys });
    },
  });
}

/** Log Service adds fields of its own to each key. */
function hasFields(found: unknown, wanted: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null || Array.isArray(wanted)) {
    return JSON.stringify(found) === JSON.stringify(wanted);
  }
  return Object.entries(wanted).every(([name, value]) => hasFields(Object(found)[name], value));
}

/** Whose deployment made this index: a logstore has no description that could say it. */
function ownerOf({ keys = {} }: Index, names: Names): "ours" | "another" | "unknown" {
  if (names.logMark in keys || names.oldLogMark in keys) return "ours";
  const isMarked = Object.keys(keys).some((key) => /^serverless(__|:)/.test(key));
  return isMarked ? "another" : "unknown";
}

/**
 * Deletes this service's logstore, and the log project if a deployment made it and it is empty.
 *
 * @param isDeployed whether functions of this service are there
 */
export async function removeLogs({ names }: Plan, cloud: Cloud, isDeployed: boolean) {
  const { log } = cloud.clients;
  const { logProject: project, logstore } = names;
  const place = `${project}/${logstore}`;
  const find = () => log("getLogStore", project, logstore);
  if (await lookUp(cloud, `the logstore ${place}`, find)) {
    const index: Index | undefined = await lookUp(cloud, `the index of ${place}`, () =>
      log("getIndexConfig", project, logstore),
    );
    // Without an index it is a first deployment's that did not get further, if there is one.
    if (!(index ? ownerOf(index, names) === "ours" : isDeployed)) {
      cloud.say(
        `Logstore ${place} kept: nothing says that this service and stage made it. Delete it by hand if nothing needs it`,
      );
      return;
    }
    await remove(cloud, `the logstore ${place}`, () => log("deleteLogStore", project, logstore));
    cloud.say(`Logstore ${place} deleted`);
  }
  const left = await lookUp(cloud, `the logstores of ${project}`, () =>
    log("listLogStore", project, { size: 10 }),
  );
  if (left?.logstores?.length !== 0) return;
  const found = await lookUp(cloud, `the log project ${project}`, () => log("getProject", project));
  if (found?.description !== PROJECT_DESCRIPTION) {
    cloud.say(`Log project ${project} kept: it is empty, but no deployment made it`);
    return;
  }
  await remove(cloud, `the log project ${project}`, () => log("deleteProject", project));
  cloud.say(`Log project ${project} deleted: it was empty`);
}

const PAGE = 100;
const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

type LogOptions = { readonly startTime?: string; readonly filter?: string };

/** A function's log lines, oldest first. Its topic leaves out what only measures requests. */
export async function readLogs(
  { names }: Plan,
  functionName: string,
  cloud: Cloud,
  { startTime = "10m", filter }: LogOptions,
): Promise<string[]> {
  const now = cloud.clock.now();
  const [, amount, unit] = /^(\d{1,5})([smhd])$/.exec(startTime) ?? [];
  const start = unit
    ? now - Number(amount) * UNITS[unit as keyof typeof UNITS]
    : Date.parse(startTime);
  if (Number.isNaN(start)) {
    throw new DeployError("--startTime must be like 10m, 2h, 1d or a date.");
  }
  const words = filter ? ` and "${filter.replaceAll('"', "")}"` : "";
  const query = `__topic__: "FCLogs:${functionName}"${words}`;
  const lines: string[] = [];
  for (let offset = 0; ; offset += PAGE) {
    const page = { query, offset, line: PAGE, reverse: false };
    const rows: { __time__: string; message?: string }[] = Object.values(
      await call(cloud, "read the logs", () =>
        cloud.clients.log(
          "getLogs",
          names.logProject,
          names.logstore,
          new Date(start),
          new Date(now),
          page,
        ),
      ),
    );
    for (const { __time__, message = "" } of rows) {
      lines.push(`${new Date(Number(__time__) * 1000).toISOString()} ${message.trimEnd()}`);
    }
    if (rows.length < PAGE) return lines;
  }
}
