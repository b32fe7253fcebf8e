import { setTimeout as sleep } from "node:timers/promises";
import { POLL } from "../functions.js";
import { runsADay } from "./cron.js";
import { callCloud, DeployError } from "./deploy-error.js";
import { loadTypeScript } from "./load-typescript.js";

/**
 * What the text of the settings alone tells to be wrong.
 *
 * @param {import("./plan.js").Plan} plan
 * @returns {Promise<string[]>}
 */
export async function settingsProblems({ functions, target }) {
  /** @type {typeof import("./check-settings.ts")} */
  const { checkSettings } = await loadTypeScript("./check-settings.ts");
  const { findings } = checkSettings(functions, target.region);
  return findings.filter(({ state }) => state === "error").map(({ text }) => text);
}

/**
 * Runs the checks that go over the network, and prints one line for each and for what the text tells.
 *
 * @param {import("./connect.js").Connection} connection
 * @param {{ say: (text: string) => void, areFatal: boolean }} how `areFatal`: warnings count as
 *   failures too
 * @throws {DeployError} with everything that has to be mended
 */
export async function runChecks({ plan, credentials, cloud }, { say, areFatal }) {
  const { clients } = cloud;
  const { accountId, region } = plan.target;
  const request = new clients.models.ListFunctionsRequest({ fcVersion: "v3", limit: 1 });
  await callCloud(`list the functions of account ${accountId} in ${region}`, () =>
    clients.fc("listFunctions", request),
  );
  say(`ok      the credentials are of account ${accountId} and are accepted in ${region}`);

  /** @type {typeof import("./checks.ts")} */
  const { checkDeployment } = await loadTypeScript("./checks.ts");
  const poll = plan.functions.find(({ key }) => key === POLL.name);
  const findings = await checkDeployment(
    {
      functions: plan.functions,
      target: plan.target,
      poll: {
        memoryMb: Number(poll?.input.memorySize ?? 0),
        cpu: Number(poll?.input.cpu ?? 0),
        runsADay: timerRuns(poll?.triggers ?? []),
      },
      credentials,
    },
    { now: Date.now, monotonic: () => performance.now(), random: Math.random, sleep },
  );
  const marks = { ok: "ok      ", warning: "warning ", error: "error   " };
  for (const { state, text } of findings) say(`${marks[state]}${text}`);
  const fatal = findings.filter(
    ({ state }) => state === "error" || (areFatal && state === "warning"),
  );
  if (fatal.length > 0) {
    throw new DeployError(
      `To be mended before a deployment: ${fatal.map(({ text }) => text).join("; ")}.`,
    );
  }
}

/**
 * @param {readonly import("./plan.js").TriggerPlan[]} triggers
 * @returns {number | undefined} undefined: not every day has as many
 */
function timerRuns(triggers) {
  const timers = triggers.filter(({ type, config }) => type === "timer" && config.enable);
  const runs = timers.map(({ config }) => runsADay(String(config.cronExpression)));
  return runs.reduce(
    (sum, each) => (sum === undefined || each === undefined ? undefined : sum + each),
    0,
  );
}
