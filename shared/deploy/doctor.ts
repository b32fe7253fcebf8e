import { setTimeout as sleep } from "node:timers/promises";
import { type Config, loadConfig } from "../config.ts";
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
import { type Cloud, CONSOLES, DeployError, lookUp } from "./cloud.ts";
import { type Found, isOther, listFunctions } from "./functions.ts";
import type { FunctionPlan, Plan } from "./plan.ts";
import { checkShares } from "./shares.ts";
import { describeCost, runsADay } from "./timer.ts";

/** One line of the doctor. An error stops a deployment. */
export type Finding = { readonly state: "ok" | "warning" | "error"; readonly text: string };

const MAX_IDLE_MS = 5_000;
const FC_ROLE = "AliyunServiceRoleForFC";

/** Settings that functions would not start with. No value is named. */
export function settingsProblems({ functions }: Plan): string[] {
  const { problems } = readConfigs(functions);
  const storeUrl = storeUrlOf(functions);
  if (storeUrl && storeOf(storeUrl)?.isShared === false) {
    problems.push(
      "STORE_URL  must name Tablestore or PostgreSQL, because an instance of a function forgets everything. Run: export STORE_URL=tablestore://INSTANCE.REGION/TABLE",
    );
  }
  return problems;
}

/** How to set what is required. */
const EXAMPLES: Readonly<Record<string, string>> = {
  API_KEYS: 'export API_KEYS="crm:$(openssl rand -hex 24)"',
  STORE_URL: "export STORE_URL=tablestore://INSTANCE.ap-southeast-1/waba_numbers",
  WEBHOOK_URL: "export WEBHOOK_URL=https://hooks.example.com/whatsapp",
  WEBHOOK_SECRET: 'export WEBHOOK_SECRET="whsec_$(openssl rand -base64 32)"',
};

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
  const tell = (state: Finding["state"], text: string) => findings.push({ state, text });
  const ask = async <T>(good: string, run: () => Promise<T>): Promise<T | undefined> => {
    try {
      const answer = await run();
      if (good) tell("ok", good);
      return answer;
    } catch (error) {
      if (!(error instanceof DeployError)) throw error;
      const [first = "", ...rest] = error.message.split("\n").slice(0, -1);
      tell("error", [first, ...rest].join("\n"));
      return undefined;
    }
  };
  const { region } = plan.target;
  const functions =
    (await ask(`Function Compute is active in ${region}`, () => listFunctions(plan, cloud))) ?? [];
  const role = await ask("", () => findServiceRole(cloud));
  if (role === null) {
    tell(
      "error",
      `The service role ${FC_ROLE} is missing, without which Function Compute writes no log. Open ${CONSOLES["Function Compute"]} as an administrator and confirm its creation.`,
    );
  } else if (role) tell("ok", `the service role ${FC_ROLE} exists`);
  const { logProject } = plan.names;
  await ask(`Log Service is active in ${region}`, () =>
    lookUp(cloud, `the log project ${logProject}`, () =>
      cloud.clients.log("getProject", logProject),
    ),
  );
  findings.push(...(await checkStore(plan, functions, keys)));
  tell(
    "ok",
    `Chat App is asked by the functions' check. Activate it first: ${CONSOLES["Chat App"]}`,
  );
  const { configs } = readConfigs(plan.functions);
  findings.push(...describeKeys(configs));
  const instances = plan.functions.find(({ key }) => key === QUERY.name)?.reservedConcurrency;
  findings.push(...checkShares(configs, instances));
  const poll = configs.get(POLL.name);
  const cidrs = plan.functions.find(({ key }) => key === POLL.name)?.environment
    .WEBHOOK_ALLOW_CIDRS;
  if (/\/0+\b/.test(cidrs ?? "")) {
    tell("warning", "WEBHOOK_ALLOW_CIDRS holds a range /0, which allows every private address");
  }
  if (poll) findings.push(await checkWebhook(poll, plan), ...describeCosts(poll, plan));
  return { findings, functions };
}

/** Null: it is not there. Undefined: this user may not ask, which is no reason to stop. */
async function findServiceRole(cloud: Cloud): Promise<object | null | undefined> {
  try {
    const find = () => cloud.clients.ram("GetRole", { RoleName: FC_ROLE });
    return (await lookUp(cloud, `the role ${FC_ROLE}`, find)) ?? null;
  } catch (error) {
    if (error instanceof DeployError && error.facts.status === 403) return undefined;
    throw error;
  }
}

/** Prints one line a finding. @throws DeployError if one of them stops what was asked for */
export function report(findings: readonly Finding[], cloud: Cloud, warningsStop: boolean): void {
  for (const { state, text } of findings) {
    cloud.say(`${state.padEnd(8)}${text.replaceAll("\n", "\n        ")}`);
  }
  const bad = findings.filter(({ state }) => state === "error" || (warningsStop && state !== "ok"));
  if (bad.length === 0) return;
  const count = bad.length === 1 ? "1 line" : `${bad.length} lines`;
  throw new DeployError(
    `${count} above to fix. Nothing was changed.\nThen run: npm run ${warningsStop ? "doctor" : "deploy"}`,
  );
}

/** A table of another stage is an error. What this machine cannot reach, poll's check reaches. */
async function checkStore(plan: Plan, functions: readonly Found[], keys: Keys): Promise<Finding[]> {
  const { target } = plan;
  const url = storeUrlOf(plan.functions);
  const table = url ? parseTablestoreUrl(url) : undefined;
  if (!url || !table) {
    return [{ state: "ok", text: "the store is PostgreSQL, which the functions' check opens" }];
  }
  const bare = (text: unknown) => String(text ?? "").split("?endpoint=")[0];
  const other = functions.find(
    (one) =>
      isOther(one, plan) &&
      bare(Object(one.environmentVariables).STORE_URL) === bare(url) &&
      Object(one.environmentVariables).STAGE !== target.stage,
  );
  const own = `${target.accountId}:${target.stage}`;
  const found = other
    ? { identity: `${target.accountId}:${other.environmentVariables.STAGE}` }
    : await readIdentity(url, keys);
  const findings: Finding[] = [];
  if (url.includes(".") && !url.startsWith(`tablestore://${table.instance}.${target.region}/`)) {
    findings.push({
      state: "warning",
      text: `STORE_URL names a store outside ${target.region}: every call crosses regions`,
    });
  }
  if ("reason" in found) {
    const text =
      found.reason === "OTSObjectNotExist"
        ? `the table ${table.table} does not exist yet`
        : `the table ${table.table} cannot be reached from this machine (${found.reason}), which is usual for a new instance`;
    findings.push({
      state: "ok",
      text: `${text}: poll's check makes it if it is absent.\nIts SDK makes it without encryption at rest, which cannot be switched on later. To have it encrypted, make it first in ${CONSOLES.Tablestore}: primary key k of type String, encryption on.`,
    });
  } else if (found.identity !== undefined && found.identity !== own) {
    findings.push({
      state: "error",
      text: `The table ${table.table} belongs to ${found.identity}, and this is ${own}. Give each stage its own table. Run: export STORE_URL=${bare(url)}_${target.stage.replaceAll("-", "_")}`,
    });
  } else findings.push({ state: "ok", text: `the table ${table.table} exists` });
  return findings;
}

/** Whose the store is, as far as this machine can read it. */
async function readIdentity(
  url: string,
  { accessKeyId, accessKeySecret, securityToken }: Keys,
): Promise<{ readonly identity: string | undefined } | { readonly reason: string }> {
  const agents = new Set<ReturnType<typeof createAgent>>();
  const agentFor = ({ protocol }: URL) => {
    const scheme = protocol === "http:" ? "http:" : "https:";
    const agent = createAgent(scheme, { maxIdleMs: MAX_IDLE_MS, now: Date.now });
    agents.add(agent);
    return agent;
  };
  try {
    const store = await openStore(url, {
      newVersion: () => crypto.randomUUID(),
      tablestore: {
        credentials: () => ({
          accessKeyId,
          accessKeySecret: new Secret(accessKeySecret),
          securityToken: securityToken ? new Secret(securityToken) : undefined,
        }),
        agentFor,
        random: Math.random,
        sleep: async (ms) => {
          await sleep(ms);
        },
      },
    });
    return { identity: (await readRow(store, IDENTITY_KEY, identityRowSchema))?.value.identity };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { reason: "reason" in error && error.reason ? error.reason : error.code };
  } finally {
    for (const agent of agents) agent.destroy();
  }
}

async function checkWebhook({ webhook }: Config, { target }: Plan): Promise<Finding> {
  if (!webhook)
    return { state: "error", text: `WEBHOOK_URL is not set. Run: ${EXAMPLES.WEBHOOK_URL}` };
  const monotonic = () => performance.now();
  const agent = createAgent(webhook.url.protocol === "https:" ? "https:" : "http:", {
    maxIdleMs: MAX_IDLE_MS,
    now: Date.now,
    connect: { lookup: guardedLookup(webhook.guard.isAllowed) },
  });
  const event = createTestEvent(
    `urn:waba-numbers:${target.accountId}:${target.stage}`,
    { now: Date.now, newId: () => crypto.randomUUID() },
    {
      message: "This asks, before a deployment, whether the receiver verifies and accepts events.",
    },
  );
  const send = createSender({ ...webhook, agent }, { now: Date.now, monotonic });
  const result = await send(event, { deadlineAt: monotonic() + 15_000 });
  agent.destroy();
  if (result.kind === "delivered") {
    const text = `the webhook accepted a signed webhook.test with ${result.status}`;
    return { state: "ok", text };
  }
  const status = "status" in result && result.status ? `HTTP ${result.status}` : undefined;
  const why = status ?? ("reason" in result ? result.reason : result.kind);
  const text = `the webhook did not accept a signed webhook.test (${why}), so events will wait. Start the receiver, or correct WEBHOOK_URL and WEBHOOK_SECRET. Then run: npm run ctl -- webhook test --stage ${target.stage}`;
  return { state: "warning", text };
}

function describeKeys(configs: ReadonlyMap<string, Config>): Finding[] {
  const keyed = [...configs.values()].find(({ apiKeys }) => apiKeys.length > 0);
  if (!keyed) return [];
  const names = keyed.apiKeys.map(
    ({ name, scope }) => `${name} (${scope === "*" ? "every customer" : "one customer"})`,
  );
  return [{ state: "ok", text: `API keys: ${names.join(", ")}` }];
}

/** What poll costs, and what callers can make the other functions cost at most. */
function describeCosts(config: Config, { functions }: Plan): Finding[] {
  const poll = functions.find(({ key }) => key === POLL.name);
  const timers = (poll?.triggers ?? []).filter(
    ({ type, config: { enable } }) => type === "timer" && enable,
  );
  const runs = timers.map(({ config: { cronExpression } }) => runsADay(String(cronExpression)));
  const day = runs.reduce<number | undefined>(
    (sum, each) => (sum === undefined || each === undefined ? undefined : sum + each),
    0,
  );
  const { memorySize, cpu } = poll?.input ?? {};
  const size = { memoryMb: Number(memorySize), cpu: Number(cpu) };
  const http = functions.filter(({ triggers }) => triggers.some(({ type }) => type === "http"));
  const most = http.map(({ key, reservedConcurrency, input }) => {
    if (!reservedConcurrency) return `${key} has no ceiling of instances`;
    const seconds = reservedConcurrency * 86_400;
    const gigabytes = Math.round((seconds * Number(input.memorySize)) / 1024);
    return `${key} ${reservedConcurrency} instances, ${Math.round(seconds * Number(input.cpu))} vCPU-s and ${gigabytes} GB-s`;
  });
  return [
    { state: "ok", text: describeCost(config, day, size) },
    { state: "ok", text: `at most, called without a pause all day: ${most.join("; ")}` },
  ];
}
