import { type Config, type Environment, type FunctionName, loadConfig } from "../config.ts";
import { isAppError } from "../errors.ts";
import { EVENT_TYPES } from "../schemas/event.ts";
import { Secret } from "../secret.ts";
import { createAgent } from "../sockets.ts";
import { createTable } from "../store/tablestore.ts";
import { parseTablestoreUrl } from "../store/tablestore-url.ts";
import { createSender } from "../webhook/attempt.ts";
import { guardedLookup } from "../webhook/target.ts";

export type Finding = { readonly state: "ok" | "warning" | "error"; readonly text: string };

export type Deployment = {
  readonly functions: readonly { readonly key: string; readonly environment: Environment }[];
  readonly target: { readonly region: string; readonly stage: string; readonly accountId: string };
  readonly poll: { readonly memoryMb: number; readonly cpu: number };
  /** The deploying user's, with which the table is made. */
  readonly credentials: {
    readonly accessKeyId: string;
    readonly accessKeySecret: string;
    readonly securityToken: string | undefined;
  };
};

type World = {
  /** ms */
  readonly now: () => number;
  /** ms, only ever forward */
  readonly monotonic: () => number;
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
};

const NAMES: readonly FunctionName[] = ["add", "query", "poll"];
const MAX_IDLE_MS = 5_000;
const DAY_SECONDS = 86_400;

/**
 * Looks at everything that can be wrong before a deployment: first what the text alone tells, and
 * only when that is right, the store and the webhook. No finding holds a value of a setting.
 */
export async function checkDeployment(given: Deployment, world: World): Promise<Finding[]> {
  const { target } = given;
  const findings: Finding[] = [
    { state: "ok", text: `credentials found for account ${target.accountId}` },
  ];
  const configs = new Map<string, Config>();
  const problems = new Set<string>();
  for (const name of NAMES) {
    const environment = given.functions.find(({ key }) => key === name)?.environment;
    if (!environment) continue;
    try {
      configs.set(name, loadConfig(environment, name));
    } catch (error) {
      if (!isAppError(error) || error.code !== "ERR_CONFIG") throw error;
      for (const { path, message } of error.problems) problems.add(`${path} ${message}`);
    }
  }
  for (const text of problems) findings.push({ state: "error", text });
  const storeUrl = given.functions.find(({ environment }) => environment.STORE_URL)?.environment
    .STORE_URL;
  findings.push(...checkStoreUrl(storeUrl, target.region));
  if (findings.some(({ state }) => state === "error")) return findings;

  const keys = configs.get("add")?.apiKeys ?? configs.get("query")?.apiKeys;
  if (keys) {
    const names = keys.map(
      ({ name, scope }) => `${name} (${scope === "*" ? "every customer" : "one customer"})`,
    );
    findings.push({ state: "ok", text: `API keys: ${names.join(", ")}` });
  }
  if (storeUrl) findings.push(...(await checkTable(storeUrl, given.credentials, world)));
  const poll = configs.get("poll");
  if (poll) {
    findings.push(await checkWebhook(poll, given.target, world));
    findings.push({ state: "ok", text: describeCost(poll, given.poll) });
  }
  return findings;
}

function checkStoreUrl(url: string | undefined, region: string): Finding[] {
  if (!url) return [];
  if (/^(memory|pglite):/.test(url)) {
    return [
      {
        state: "error",
        text: "STORE_URL must name Tablestore or PostgreSQL: an instance of a function forgets everything",
      },
    ];
  }
  const place = parseTablestoreUrl(url)?.endpoint;
  if (place?.endsWith(".ots.aliyuncs.com") && !place.includes(`.${region}.`)) {
    return [
      {
        state: "warning",
        text: "STORE_URL names a store in another region: every call crosses over",
      },
    ];
  }
  return [];
}

async function checkTable(
  storeUrl: string,
  { accessKeyId, accessKeySecret, securityToken }: Deployment["credentials"],
  { now, random, sleep }: World,
): Promise<Finding[]> {
  const table = parseTablestoreUrl(storeUrl);
  if (!table)
    return [{ state: "ok", text: "the store is PostgreSQL, which is not called from here" }];
  const protocol = table.endpoint.startsWith("http:") ? "http:" : "https:";
  const agent = createAgent(protocol, { maxIdleMs: MAX_IDLE_MS, now });
  try {
    const outcome = await createTable({
      target: table,
      agent,
      credentials: () => ({
        accessKeyId,
        accessKeySecret: new Secret(accessKeySecret),
        securityToken: securityToken ? new Secret(securityToken) : undefined,
      }),
      random,
      sleep: async (ms) => {
        await sleep(ms);
      },
    });
    return [
      {
        state: "ok",
        text: `the table ${table.table} ${outcome === "created" ? "was created" : "exists"}`,
      },
    ];
  } catch (error) {
    if (!isAppError(error) || error.code !== "ERR_STORE") throw error;
    const { reason } = error;
    const text = `the table ${table.table} cannot be looked up or created (${reason ?? "unknown"})`;
    // These two are a table that would lose rows; for the rest another user may have made it.
    const isUnfit = reason === "OTHER_PRIMARY_KEY" || reason === "ROWS_EXPIRE";
    return [{ state: isUnfit ? "error" : "warning", text }];
  } finally {
    agent.destroy();
  }
}

async function checkWebhook(
  { webhook }: Config,
  { accountId, stage }: Deployment["target"],
  world: World,
): Promise<Finding> {
  if (!webhook) return { state: "error", text: "WEBHOOK_URL must be set" };
  const protocol = webhook.url.protocol === "https:" ? "https:" : "http:";
  const lookup = guardedLookup(webhook.guard.isAllowed);
  const agent = createAgent(protocol, {
    maxIdleMs: MAX_IDLE_MS,
    now: world.now,
    connect: { lookup },
  });
  const id = `evt_test_${crypto.randomUUID()}`;
  const body = JSON.stringify({
    specversion: "1.0",
    id,
    source: `urn:waba-numbers:${accountId}:${stage}`,
    type: EVENT_TYPES.test,
    time: new Date(world.now()).toISOString(),
    datacontenttype: "application/json",
    data: {
      message: "This asks, before a deployment, whether the receiver verifies and accepts events.",
    },
  });
  const send = createSender({ ...webhook, agent }, world);
  const result = await send({ id, body }, { deadlineAt: world.monotonic() + 15_000 });
  agent.destroy();
  if (result.kind === "delivered") {
    return {
      state: "ok",
      text: `the webhook accepted a signed webhook.test with ${result.status}`,
    };
  }
  const status = "status" in result && result.status ? `HTTP ${result.status}` : undefined;
  const why = status ?? ("reason" in result ? result.reason : result.kind);
  return {
    state: "warning",
    text: `the webhook did not accept a signed webhook.test (${why}); events will wait for it`,
  };
}

/**
 * Of the customers named in WATCH_CUST_SPACES; those added later cost the same each. A tick is billed
 * from its start to its end: about a second, and the time that its reads need at UPSTREAM_QPS.
 */
function describeCost(poll: Config, { memoryMb, cpu }: Deployment["poll"]): string {
  const customers = poll.watch.length;
  const sweepSeconds = Math.max(poll.pollIntervalMs / 1000, customers / poll.qps);
  const reads = Math.round((customers * DAY_SECONDS) / sweepSeconds);
  const ticks = DAY_SECONDS / 60;
  const seconds = Math.round(ticks * Math.min(poll.tickMs / 1000, 1 + reads / ticks / poll.qps));
  const gigabyteSeconds = Math.round((seconds * memoryMb) / 1024);
  return (
    `a day of poll with one timer a minute and ${customers} listed customers: about ${reads} upstream calls, ` +
    `${seconds} s billed (${Math.round(seconds * cpu)} vCPU-s, ${gigabyteSeconds} GB-s), ${ticks} invocations`
  );
}
