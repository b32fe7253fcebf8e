import type { Config, Environment } from "../config.ts";
import { isAppError } from "../errors.ts";
import { POLL } from "../functions.js";
import { createAgent } from "../http-agent.ts";
import { Secret } from "../secret.ts";
import { createTablestoreTable } from "../store/tablestore.ts";
import { parseTablestoreUrl } from "../store/tablestore-url.ts";
import { createSender } from "../webhook/attempt.ts";
import { guardedLookup } from "../webhook/target.ts";
import { createTestEvent } from "../webhook/test-event.ts";
import { checkSettings, type Finding, storeUrlOf } from "./check-settings.ts";
import { describeCost } from "./daily-cost.ts";

export type Deployment = {
  readonly functions: readonly { readonly key: string; readonly environment: Environment }[];
  readonly target: { readonly region: string; readonly stage: string; readonly accountId: string };
  readonly poll: {
    readonly memoryMb: number;
    readonly cpu: number;
    /** By its timers; undefined when not every day has as many. */
    readonly runsADay: number | undefined;
  };
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

const MAX_IDLE_MS = 5_000;

/**
 * Looks at what can be wrong before a deployment: settings whose text was found right, the store and
 * the webhook. No finding holds a value of a setting.
 */
export async function checkDeployment(given: Deployment, world: World): Promise<Finding[]> {
  const { findings, configs } = checkSettings(given.functions, given.target.region);
  const storeUrl = storeUrlOf(given.functions);
  if (storeUrl) findings.push(...(await checkTable(storeUrl, given.credentials, world)));
  const poll = configs.get(POLL.name);
  if (poll) {
    findings.push(await checkWebhook(poll, given.target, world));
    findings.push({ state: "ok", text: describeCost(poll, given.poll.runsADay, given.poll) });
  }
  return findings;
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
    const outcome = await createTablestoreTable({
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
  const event = createTestEvent(
    `urn:waba-numbers:${accountId}:${stage}`,
    { now: world.now, newId: () => crypto.randomUUID() },
    "This asks, before a deployment, whether the receiver verifies and accepts events.",
  );
  const send = createSender({ ...webhook, agent }, world);
  const result = await send(event, { deadlineAt: world.monotonic() + 15_000 });
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
