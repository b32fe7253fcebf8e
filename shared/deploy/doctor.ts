import { type Config, loadConfig } from "../config.ts";
import { createDeps } from "../deps.ts";
import { isAppError } from "../errors.ts";
import { FUNCTIONS, POLL, QUERY } from "../functions.js";
import { IDENTITY_KEY, identityRowSchema } from "../schemas/identity-row.ts";
import { openStore } from "../store/open-store.ts";
import { readRow } from "../store/rows.ts";
import { storeOf } from "../store/stores.ts";
import { createTestEvent } from "../webhook/test-event.ts";
import type { Keys } from "./clients.ts";
import { type Answer, type Cloud, CONSOLES, DeployError, maybe, reasonIn } from "./cloud.ts";
import { describeCosts } from "./cost.ts";
import { type Listed, listFunctions } from "./functions.ts";
import type { Plan } from "./plan.ts";
import { tableOf } from "./rights.ts";

/** One line of the doctor. An error stops a deployment. */
type Finding = { readonly state: "ok" | "warning" | "error"; readonly text: string };

const ok = (text: string): Finding => ({ state: "ok", text });
const warning = (text: string): Finding => ({ state: "warning", text });
const error = (text: string): Finding => ({ state: "error", text });

const FC_ROLE = "AliyunServiceRoleForFC";
const OPEN_RANGE = "WEBHOOK_ALLOW_CIDRS holds a range /0, which allows every private address";

const EXAMPLES: Readonly<Record<string, string>> = {
  API_KEYS: 'export API_KEYS="crm:$(openssl rand -hex 24)"',
  STORE_URL: "export STORE_URL=tablestore://INSTANCE.ap-southeast-1/waba_numbers",
  WEBHOOK_URL: "export WEBHOOK_URL=https://hooks.example.com/whatsapp",
  WEBHOOK_SECRET: 'export WEBHOOK_SECRET="whsec_$(openssl rand -base64 32)"',
};

/** Settings that functions would not start with. No value is named. */
export const settingsProblems = (plan: Plan): string[] => readConfigs(plan).problems;

function readConfigs(plan: Plan) {
  const configs = new Map<string, Config>();
  const problems = new Set<string>();
  for (const row of FUNCTIONS) {
    const one = plan.functions.find(({ key }) => key === row.name);
    try {
      if (one) configs.set(row.name, loadConfig(one.environment, row));
    } catch (error) {
      if (!isAppError(error) || error.code !== "ERR_CONFIG") throw error;
      for (const { path, message } of error.problems) {
        const example = EXAMPLES[path] ? `. Run: ${EXAMPLES[path]}` : "";
        problems.add(`${path}  ${message}${example}`);
      }
    }
  }
  const forgetful = `STORE_URL  must name Tablestore or PostgreSQL, because an instance of a function forgets everything. Run: ${EXAMPLES.STORE_URL}`;
  if (storeOf(storeUrlOf(plan))?.isShared === false) problems.add(forgetful);
  return { configs, problems: [...problems] };
}

const storeUrlOf = ({ functions }: Plan): string =>
  functions.find(({ environment }) => environment.STORE_URL)?.environment.STORE_URL ?? "";

/** Asks everything that a deployment needs, and changes nothing. A refusal is a finding. */
export async function examine(keys: Keys, cloud: Cloud) {
  const { plan } = cloud;
  const findings: Finding[] = [];
  const ask = async <T>(good: string, question: Promise<T>, missing?: string) => {
    try {
      const answer = await question;
      findings.push(missing && !answer ? error(missing) : ok(good));
      return answer;
    } catch (thrown) {
      if (!(thrown instanceof DeployError)) throw thrown;
      findings.push(error(reasonIn(thrown)));
      return undefined;
    }
  };
  const { region, accountId } = plan.target;
  const { log, ram } = cloud.clients;
  const listed = await ask(`Function Compute is active in ${region}`, listFunctions(cloud));
  // A user who may not ask is no reason to stop.
  const mayNotAsk = (thrown: DeployError) => thrown.facts?.status === 403 || Promise.reject(thrown);
  const role = maybe(ram("GetRole", { RoleName: FC_ROLE })).catch(mayNotAsk);
  const missing = `The service role ${FC_ROLE} is missing, without which Function Compute writes no log. Open ${CONSOLES["Function Compute"]} as an administrator and confirm its creation.`;
  await ask(`the service role ${FC_ROLE} exists`, role, missing);
  await ask(`Log Service is active in ${region}`, maybe(log("getProject", plan.names.logProject)));
  const { configs } = readConfigs(plan);
  const [first] = configs.values();
  const keyNames = (first?.apiKeys ?? []).map(
    ({ name, scope }) => `${name} (${scope === "*" ? "every customer" : "one customer"})`,
  );
  const context = { accountId, credentials: keys };
  const readIdentity = async () => {
    const deps = first && createDeps(first).storeDepsFor(context);
    const store = deps && (await openStore(storeUrlOf(plan), deps));
    return store && (await readRow(store, IDENTITY_KEY, identityRowSchema))?.value.identity;
  };
  findings.push(
    ...(await checkStore(plan, readIdentity, listed)),
    ok(`Chat App is asked by the functions' check. Activate it first: ${CONSOLES["Chat App"]}`),
    ...(keyNames.length > 0 ? [ok(`API keys: ${keyNames.join(", ")}`)] : []),
    ...checkShares(configs, plan.functions.find(({ key }) => key === QUERY.name)?.instances),
  );
  const poll = configs.get(POLL.name);
  if (poll) {
    const { environment } = plan.functions.find(({ key }) => key === POLL.name) ?? {};
    if (/\/0+\b/.test(environment?.WEBHOOK_ALLOW_CIDRS ?? "")) findings.push(warning(OPEN_RANGE));
    findings.push(await checkWebhook(poll, context), ...describeCosts(poll, plan).map(ok));
  }
  // Without the list there is an error among the findings, with which nothing goes on.
  return { findings, listed: listed as Listed };
}

/** Prints one line a finding. @throws DeployError if one of them stops what was asked for */
export function report(findings: readonly Finding[], stops: string[], cloud: Cloud): void {
  for (const { state, text } of findings) {
    cloud.say(`${state.padEnd(8)}${text.replaceAll("\n", "\n        ")}`);
  }
  const count = findings.filter(({ state }) => stops.includes(state)).length;
  const lines = `${count} line${count === 1 ? "" : "s"} above to fix. Nothing was changed.`;
  if (count > 0) throw new DeployError(`${lines}\nThen run: ${cloud.again}`);
}

/** A table of another stage is an error. What this machine cannot reach, poll's check reaches. */
async function checkStore(plan: Plan, readIdentity: () => Promise<unknown>, listed?: Listed) {
  const { region, stage, accountId } = plan.target;
  const url = storeUrlOf(plan);
  const target = tableOf(url);
  if (!target) return [ok("the store is PostgreSQL, which the functions' check opens")];
  const { table } = target;
  const far = `the store is in ${target.region}, and the functions are in ${region}: every call crosses regions. Run: export ALIBABA_CLOUD_REGION=${target.region}`;
  const regions = target.region === region ? [] : [warning(far)];
  const bare = (text: unknown) => String(text ?? "").split("?endpoint=")[0];
  const isHere = ({ environmentVariables }: Answer) =>
    bare(Object(environmentVariables).STORE_URL) === bare(url);
  // A stage that uses the table already may not lose it to one that was tried there later.
  const isNew = ![...(listed?.own.values() ?? [])].some(isHere);
  const other = isNew ? listed?.others.find(isHere)?.environmentVariables : undefined;
  const own = `${accountId}:${stage}`;
  try {
    const identity = other ? `${accountId}:${other.STAGE}` : ((await readIdentity()) ?? own);
    if (identity === own) return [...regions, ok(`the table ${table} exists`)];
    const better = `${bare(url)}_${stage.replaceAll("-", "_")}`;
    const taken = `The table ${table} belongs to ${identity}, and this is ${own}. Give each stage its own table. Run: export STORE_URL=${better}`;
    return [...regions, error(taken)];
  } catch (thrown) {
    if (!isAppError(thrown)) throw thrown;
    if (!isNew) return [...regions, ok(`the table ${table} is in use by this stage`)];
    const reason = "reason" in thrown && thrown.reason ? thrown.reason : thrown.code;
    const unreachable = `cannot be reached from this machine (${reason})`;
    const advice = `If the instance is not new, check its name and region in STORE_URL, and whose it is: ${CONSOLES.Tablestore}`;
    if (!/^OTS(ObjectNotExist|AuthFailed)$/.test(reason))
      return [...regions, warning(`the table ${table} ${unreachable}. ${advice}`)];
    const [state, hint] =
      reason === "OTSObjectNotExist"
        ? ["does not exist yet", ""]
        : [`${unreachable}, which is usual for a new instance`, `\n${advice}`];
    const made = `the table ${table} ${state}: poll's check makes it if it is absent.\nIts SDK makes it without encryption at rest, which cannot be switched on later. To have it encrypted, make it first in ${CONSOLES.Tablestore}: primary key k of type String, encryption on.${hint}`;
    return [...regions, ok(made)];
  }
}

async function checkWebhook(config: Config, context: object): Promise<Finding> {
  const { send, sourceFor, now, newId, monotonic } = createDeps(config);
  const event = createTestEvent(sourceFor(context), { now, newId });
  const result = await send(event, { deadlineAt: monotonic() + 15_000 });
  if (result.kind === "delivered") {
    return ok(`the webhook accepted a signed webhook.test with ${result.status}`);
  }
  const { status, transportCode, reason }: Answer = result;
  const why = status ? `HTTP ${status}` : (transportCode ?? reason);
  const text = `the webhook did not accept a signed webhook.test (${why}), so events will wait. Start the receiver, or correct WEBHOOK_URL and WEBHOOK_SECRET. Then run: npm run ctl -- webhook test --stage ${config.stage}`;
  return warning(text);
}

/** Calls a second that an account has for one operation, by the operation's page. */
const ACCOUNT_QPS = 10;
/** For the query after an unclear add, and for commands. */
const SPARE_QPS = 1;

/** A warning if query, poll and what is left for the rest come to more calls than the account has. */
export function checkShares(configs: ReadonlyMap<string, Config>, instances?: number): Finding[] {
  const [query, poll] = [configs.get(QUERY.name), configs.get(POLL.name)];
  if (!query || !poll || instances === undefined) return [];
  const live = instances * query.queryQps;
  const sum = poll.qps + live + SPARE_QPS;
  if (sum <= ACCOUNT_QPS) return [];
  const shares = `UPSTREAM_QPS ${poll.qps}, live queries ${live} (reservedConcurrency ${instances} x QUERY_QPS ${query.queryQps}), ${SPARE_QPS} for adds and commands`;
  const over = `the shares come to ${sum} calls a second, and an account has ${ACCOUNT_QPS}: ${shares}. Lower one, or have the limit raised in the Quota Center`;
  return [warning(over)];
}
