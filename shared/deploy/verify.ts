import https from "node:https";
import { FUNCTIONS } from "../functions.js";
import { type Answer, type Cloud, CONSOLES, DeployError, parseConfig, waitFor } from "./cloud.ts";
import type { Found } from "./functions.ts";
import type { FunctionPlan, Plan } from "./plan.ts";

export type Deployed = { readonly key: string; readonly triggers: readonly Found[] };

/** Refusals that end once a new role is known everywhere, and calls that found nobody for a moment. */
const PASSING = /NoPermission|PermissionDeny|Forbidden|TIMEOUT|ERR_UPSTREAM_UNAVAILABLE/;
const CHECK_TRIES = 4;
const CHECK_PAUSE_MS = 10_000;

/**
 * Asks a function, over an invocation that needs a permission of RAM, whether it works.
 *
 * @throws DeployError with the function's own reason
 */
export async function check({ name }: FunctionPlan, cloud: Cloud): Promise<Record<string, Answer>> {
  for (let tries = 1; ; tries += 1) {
    const { text, failed } = await cloud.clients.invoke(name, '{"command":"check"}');
    const answer = parseConfig(text);
    if (!failed && answer.ok === true) return answer;
    if (tries === CHECK_TRIES || !PASSING.test(text)) {
      const lines = failed ? [answer.errorMessage ?? "It ended with an error."] : reasonsOf(answer);
      const reasons = lines.map((line) => `  ${cloud.hide(line)}`).join("\n");
      throw new DeployError(
        `The function ${name} was made, but it does not work:\n${reasons}\nIt has no new trigger. Correct this and run the same command again.`,
      );
    }
    cloud.say(`The function ${name} does not work yet: trying again in 10 s`);
    await cloud.clock.sleep(CHECK_PAUSE_MS);
  }
}

/** What to do, by a word of the function's answer. */
const ADVICE = {
  OTSAuthFailed: `In ${CONSOLES.Tablestore}, open the instance, then Network Management, and allow VPC access. Check the instance's name and region in STORE_URL.`,
  ERR_STORE_IDENTITY:
    "Give each stage its own table. Run: export STORE_URL=tablestore://INSTANCE.REGION/OTHER_TABLE",
  NoPermission: "The role's policy came from this deployment: check that nobody changed it.",
  "Product.Unsubscript": `Activate Chat App Message Service for this account: ${CONSOLES["Chat App"]}`,
};

/** What is wrong with each part, in the function's own words, and what to do. */
function reasonsOf(answer: Record<string, Answer>): string[] {
  const parts = ["settings", "store", "upstream"].filter((part) => answer[part]?.ok === false);
  const lines = parts.flatMap((part) => {
    const { code, error, reason, facts, expected, found, problems } = answer[part];
    const identity = expected && `expected ${expected}, found ${found}`;
    const details = [code, reason, facts?.action, facts?.upstreamCode, identity].filter(Boolean);
    const listed = problems?.map((one: Answer) => `${one.path} ${one.message}`).join(", ");
    const isMeant = ([word]: readonly [string, string]) => details.join(" ").includes(word);
    const [, ...advice] = Object.entries(ADVICE).find(isMeant) ?? [];
    return [`${part}: ${listed ?? `${error} (${details.join(", ")})`}`, ...advice];
  });
  return lines.length > 0 ? lines : ["It gave no answer to a check."];
}

/** Calls each open address with a wrong key: 401 is the right answer. A new one needs some seconds. */
export async function verifyAddresses(plan: Plan, deployed: readonly Deployed[], cloud: Cloud) {
  const all = deployed.flatMap(({ key, triggers }) => triggers.map((one) => ({ key, ...one })));
  for (const { key, httpTrigger, triggerConfig } of all as Found[]) {
    const url = httpTrigger?.urlInternet;
    const { authType, methods } = parseConfig(triggerConfig);
    if (!url || authType !== "anonymous" || !FUNCTIONS.some(({ name }) => name === key)) continue;
    let status: number | string | undefined;
    const isRight = async () => {
      status = await statusOf(methods?.[0] ?? "GET", url);
      return status === 401 || undefined;
    };
    await waitFor(cloud, `address of ${key}`, isRight).catch(() => {
      throw new DeployError(
        `${url} of ${plan.names.functionPrefix}${key} answers a wrong API key with ${status}, and must with 401. To see why, run: npx serverless logs -f ${key} --stage ${plan.target.stage}`,
      );
    });
  }
}

function statusOf(method: string, url: string): Promise<number | string | undefined> {
  const headers = { authorization: "Bearer a-wrong-key", "content-type": "application/json" };
  return new Promise((resolve) => {
    const request = https.request(url, { method, headers, timeout: 15_000 }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on("timeout", () => request.destroy());
    request.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "no answer"));
    request.end();
  });
}
