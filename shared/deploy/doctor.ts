import { setTimeout as sleep } from "node:timers/promises";
import { type Config, loadConfig } from "../config.ts";
import { sleepReal } from "../deps.ts";
import { isAppError } from "../errors.ts";
import { FUNCTIONS, POLL, QUERY } from "../functions.js";
import { createAgent } from "../http-agent.ts";
import { IDENTITY_KEY, identityRowSchema } from "../schemas/identity-row.ts";
import { Secret } from "../secret.ts";
import { openStore } from "../store/open-store.ts";
import { readRow } from "../store/rows.ts";
import { storeOf } from "../store/stores.ts";
import { parseTablestoreUrl } from "../store/tablestore-url.ts";
import { createSender } from "../webhook/attempt.ts";
import { guardedLookup } from "../webhook/target.ts";
import { createTestEvent } from "../webhook/test-event.ts";
import type { Keys } from "./clients.ts";
import { type Cloud, CONSOLES, DeployError, unlessAbsent } from "./cloud.ts";
import { describeCosts } from "./cost.ts";
import { type Found, listFunctions } from "./functions.ts";
import { type FunctionPlan, isOwned, type Plan } from "./plan.ts";

/** One line of the doctor. An error stops a deployment. */
export type Finding = { readonly state: "ok" | "warning" | "error"; readonly text: string };

const finding =
  (state: Finding["state"]) =>
  (text: string): Finding => ({ state, text });
const [ok, warning, error] = [finding("ok"), finding("warning"), finding("error")];

const MAX_IDLE_MS = 5_000;
const FC_ROLE = "AliyunServiceRoleForFC";

/** How to set what is required. */
const EXAMPLES: Readonly<Record<string, string>> = {
  API_KEYS: 'export API_KEYS="crm:$(openssl rand -hex 24)"',
  STORE_URL: "export STORE_URL=tablestore://INSTANCE.ap-southeast-1/waba_numbers",
  WEBHOOK_URL: "export WEBHOOK_URL=https://hooks.example.com/whatsapp",
  WEBHOOK_SECRET: 'export WEBHOOK_SECRET="whsec_$(openssl rand -base64 32)"',
};

/** Settings that functions would not start with. No value is named. */
export function settingsProblems({ functions }: Plan): string[] {
  const { problems } = readConfigs(functions);
  const storeUrl = storeUrlOf(functions);
  if (storeUrl && storeOf(storeUrl)?.isShared === false) {
    problems.push(
      `STORE_URL  must name Tablestore or PostgreSQL, because an instance of a function forgets everything. Run: ${EXAMPLES.STORE_URL}`,
    );
  }
  return problems;
}

function readConfigs(functions: readonly FunctionPlan[]) {
  const configs = new Map<string, Config>();
  const problems = new Set<string>();
  for (const row of FUNCTIONS) {
    const environment = functions.find(({ key }) => key === row.name)?.environment;
    if (!environment) continue;
    try {
      configs.set(row.name, loadConfig(environment, row));
    } catch (error) {
      if (!isAppError(error) || error.code !== "ERR_CONFIG") throw error;
      for (const { path, message } of error.problems) {
        const example = EXAMPLES[path];
        problems.add(`${path}  ${message}${example ? `. Run: ${example}` : ""}`);
      }
    }
  }
  return { configs, problems: [...problems] };
}

const storeUrlOf = (functions: readonly FunctionPlan[]) =>
  functions.find(({ environment }) => environment.STORE_URL)?.environment.STORE_URL;

/**
 * Asks everything that a deployment needs, and changes nothing. A refusal is a finding.
 *
 * @returns the service's functions of every stage, as they are now
 */
export async function examine(
  plan: Plan,
  keys: Keys,
  cloud: Cloud,
): Promise<{ readonly findings: Finding[]; readonly functions: Found[] }> {
  const findings: Finding[] = [];
  const ask = async <T>(good: string, run: () => Promise<T>): Promise<T | undefined> => {
    try {
      const answer = await run();
      findings.push(ok(good));
      return answer;
    } catch (thrown) {
      if (!(thrown instanceof DeployError)) throw thrown;
      // Without its last line, of a deployment that has begun.
      findings.push(error(thrown.message.split("\n").slice(0, -1).join("\n")));
      return undefined;
    }
  };
  const { region } = plan.target;
  const { logProject } = plan.names;
  const { log, ram } = cloud.clients;
  const functions = await ask(`Function Compute is active in ${region}`, () =>
    listFunctions(plan, cloud),
  );
  await ask(`the service role ${FC_ROLE} exists`, async () => {
    const role = unlessAbsent(ram("GetRole", { RoleName: FC_ROLE }));
    // A user who may not ask is no reason to stop.
    const mayNotAsk = (thrown: unknown) =>
      thrown instanceof DeployError && thrown.facts.status === 403;
    if (await role.catch((thrown) => mayNotAsk(thrown) || Promise.reject(thrown))) return;
    throw new DeployError(
      `The service role ${FC_ROLE} is missing, without which Function Compute writes no log. Open ${CONSOLES["Function Compute"]} as an administrator and confirm its creation.\n`,
    );
  });
  await ask(`Log Service is active in ${region}`, () =>
    unlessAbsent(log("getProject", logProject)),
  );
  const { configs } = readConfigs(plan.functions);
  findings.push(
    ...(await checkStore(plan, functions ?? [], keys)),
    ok(`Chat App is asked by the functions' check. Activate it first: ${CONSOLES["Chat App"]}`),
    ...describeKeys(configs),
    ...checkShares(configs, plan.functions.find(({ key }) => key === QUERY.name)?.instances),
  );
  const poll = plan.functions.find(({ key }) => key === POLL.name);
  if (/\/0+\b/.test(poll?.environment.WEBHOOK_ALLOW_CIDRS ?? "")) {
    findings.push(
      warning("WEBHOOK_ALLOW_CIDRS holds a range /0, which allows every private address"),
    );
  }
  const config = configs.get(POLL.name);
  if (config)
    findings.push(await checkWebhook(config, plan), ...describeCosts(config, plan).map(ok));
  return { findings, functions: functions ?? [] };
}

/** Prints one line a finding. @throws DeployError if one of them stops what was asked for */
export function report(findings: readonly Finding[], cloud: Cloud, warningsStop: boolean): void {
  for (const { state, text } of findings) {
    cloud.say(`${state.padEnd(8)}${text.replaceAll("\n", "\n        ")}`);
  }
  const bad = findings.filter(({ state }) => state === "error" || (warningsStop && state !== "ok"));
  if (bad.length === 0) return;
  const count = bad.length === 1 ? "1 line" : `${bad.length} lines`;
  const command = warningsStop ? "doctor" : "deploy";
  throw new DeployError(
    `${count} above to fix. Nothing was changed.\nThen run: npm run ${command}`,
  );
}

/** A table of another stage is an error. What this machine cannot reach, poll's check reaches. */
async function checkStore(plan: Plan, functions: readonly Found[], keys: Keys): Promise<Finding[]> {
  const { region, stage, accountId } = plan.target;
  const url = storeUrlOf(plan.functions);
  const target = url ? parseTablestoreUrl(url) : undefined;
  if (!url || !target) return [ok("the store is PostgreSQL, which the functions' check opens")];
  const { table } = target;
  const bare = (text: unknown) => String(text ?? "").split("?endpoint=")[0];
  const other = functions
    .filter(({ description }) => !isOwned(description, plan.names.owner))
    .map(({ environmentVariables }) => Object(environmentVariables))
    .find(({ STORE_URL, STAGE }) => bare(STORE_URL) === bare(url) && STAGE !== stage);
  const own = `${accountId}:${stage}`;
  const found = other ? { identity: `${accountId}:${other.STAGE}` } : await readIdentity(url, keys);
  const [, storeRegion] = /^tablestore:\/\/[^.]+\.([a-z0-9-]+)\//.exec(url) ?? [];
  const far = `the store is in ${storeRegion}, and the functions are in ${region}: every call crosses regions. Run: export ALIBABA_CLOUD_REGION=${storeRegion}`;
  const regions = storeRegion === region ? [] : [warning(far)];
  if (found.reason) {
    const state =
      found.reason === "OTSObjectNotExist"
        ? "does not exist yet"
        : `cannot be reached from this machine (${found.reason}), which is usual for a new instance`;
    return [
      ...regions,
      ok(
        `the table ${table} ${state}: poll's check makes it if it is absent.\nIts SDK makes it without encryption at rest, which cannot be switched on later. To have it encrypted, make it first in ${CONSOLES.Tablestore}: primary key k of type String, encryption on.`,
      ),
    ];
  }
  if (found.identity === undefined || found.identity === own) {
    return [...regions, ok(`the table ${table} exists`)];
  }
  const better = `${bare(url)}_${stage.replaceAll("-", "_")}`;
  return [
    ...regions,
    error(
      `The table ${table} belongs to ${found.identity}, and this is ${own}. Give each stage its own table. Run: export STORE_URL=${better}`,
    ),
  ];
}

/** Whose the store is, as far as this machine can read it. */
async function readIdentity(
  url: string,
  { accessKeyId, accessKeySecret, securityToken: token }: Keys,
): Promise<{ readonly identity?: string | undefined; readonly reason?: string }> {
  const agents: ReturnType<typeof createAgent>[] = [];
  const credentials = {
    accessKeyId,
    accessKeySecret: new Secret(accessKeySecret),
    securityToken: token ? new Secret(token) : undefined,
  };
  const tablestore = {
    credentials: () => credentials,
    agentFor: ({ protocol }: URL) => {
      const agent = createAgent(protocol === "http:" ? "http:" : "https:", {
        maxIdleMs: MAX_IDLE_MS,
        now: Date.now,
      });
      agents.push(agent);
      return agent;
    },
    random: Math.random,
    sleep: (ms: number) => sleep<void>(ms),
  };
  try {
    const store = await openStore(url, { newVersion: () => crypto.randomUUID(), tablestore });
    return { identity: (await readRow(store, IDENTITY_KEY, identityRowSchema))?.value.identity };
  } catch (thrown) {
    if (!isAppError(thrown)) throw thrown;
    return { reason: "reason" in thrown && thrown.reason ? thrown.reason : thrown.code };
  } finally {
    for (const agent of agents) agent.destroy();
  }
}

async function checkWebhook({ webhook }: Config, { target }: Plan): Promise<Finding> {
  if (!webhook) return error(`WEBHOOK_URL is not set. Run: ${EXAMPLES.WEBHOOK_URL}`);
  const monotonic = () => performance.now();
  const agent = createAgent(webhook.url.protocol === "https:" ? "https:" : "http:", {
    maxIdleMs: MAX_IDLE_MS,
    now: Date.now,
    connect: { lookup: guardedLookup(webhook.guard.isAllowed) },
  });
  const source = `urn:waba-numbers:${target.accountId}:${target.stage}`;
  const message =
    "This asks, before a deployment, whether the receiver verifies and accepts events.";
  const newId = () => crypto.randomUUID();
  const event = createTestEvent(source, { now: Date.now, newId }, { message });
  const send = createSender({ ...webhook, agent }, { now: Date.now, monotonic, sleep: sleepReal });
  const result = await send(event, { deadlineAt: monotonic() + 15_000 });
  agent.destroy();
  if (result.kind === "delivered") {
    return ok(`the webhook accepted a signed webhook.test with ${result.status}`);
  }
  const status = "status" in result && result.status ? `HTTP ${result.status}` : undefined;
  const why = status ?? ("reason" in result ? result.reason : result.kind);
  return warning(
    `the webhook did not accept a signed webhook.test (${why}), so events will wait. Start the receiver, or correct WEBHOOK_URL and WEBHOOK_SECRET. Then run: npm run ctl -- webhook test --stage ${target.stage}`,
  );
}

function describeKeys(configs: ReadonlyMap<string, Config>): Finding[] {
  const keys = [...configs.values()].find(({ apiKeys }) => apiKeys.length > 0)?.apiKeys ?? [];
  const names = keys.map(
    ({ name, scope }) => `${name} (${scope === "*" ? "every customer" : "one customer"})`,
  );
  return names.length > 0 ? [ok(`API keys: ${names.join(", ")}`)] : [];
}

/** Calls a second that an account has for one operation, by the operation's page. */
const ACCOUNT_QPS = 10;
/** For the query after an unclear add, and for commands. */
const SPARE_QPS = 1;

/**
 * A warning if query, poll and what is left for the rest come to more calls than the account has.
 *
 * @param instances the most that query has at a time
 */
export function checkShares(
  configs: ReadonlyMap<string, Config>,
  instances: number | undefined,
): Finding[] {
  const [query, poll] = [configs.get(QUERY.name), configs.get(POLL.name)];
  if (!query || !poll || instances === undefined) return [];
  const live = instances * query.queryQps;
  const sum = poll.qps + live + SPARE_QPS;
  const shares = `UPSTREAM_QPS ${poll.qps}, live queries ${live} (reservedConcurrency ${instances} x QUERY_QPS ${query.queryQps}), ${SPARE_QPS} for adds and commands`;
  if (sum <= ACCOUNT_QPS) return [];
  return [
    warning(
      `the shares come to ${sum} calls a second, and an account has ${ACCOUNT_QPS}: ${shares}. Lower one, or have the limit raised in the Quota Center`,
    ),
  ];
}
