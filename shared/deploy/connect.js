import { setTimeout as sleep } from "node:timers/promises";
import { settingsProblems } from "./checks-runner.js";
import { askAccountId, createClients } from "./clients.js";
import { findCredentials } from "./credentials.js";
import { callCloud, DeployError, nothingSent } from "./deploy-error.js";
import { asserted, planProblems } from "./plan-problems.js";

/** Stands for the account where nothing is sent to it. */
export const NO_ACCOUNT = "00000";

/**
 * @typedef {object} Connection
 * @property {import("./plan.js").Plan} plan
 * @property {import("./credentials.js").DeployCredentials & { accountId: string }} credentials
 * @property {import("./deploy-role.js").Cloud} cloud
 */

/**
 * Finds credentials and asks whose they are: before anything is written, and after all that the text
 * alone tells to be wrong was told at once.
 *
 * @param {(accountId: string) => import("./plan.js").Plan} planFor
 * @param {object} given
 * @param {Readonly<Record<string, string | undefined>>} given.environment
 * @param {string | undefined} given.credentialsFile
 * @param {boolean} given.sendsSettings whether the functions' settings have to be right: all of them,
 *   as one role serves all
 * @param {(text: string) => void} given.say
 * @returns {Promise<Connection>}
 * @throws {DeployError}
 */
export async function connect(planFor, { environment, credentialsFile, sendsSettings, say }) {
  const draft = planFor(NO_ACCOUNT);
  const found = await findCredentials(environment, credentialsFile);
  const problems = [
    ...("problem" in found ? [found.problem] : []),
    ...planProblems(draft),
    ...(sendsSettings ? await settingsProblems(draft) : []),
  ];
  if ("problem" in found || problems.length > 0) throw nothingSent(problems);

  const meant = found.credentials.accountId;
  const accountId = String(
    await callCloud("ask for the account of these credentials", () =>
      askAccountId(found.credentials),
    ),
  );
  if (meant && meant !== accountId) {
    throw new DeployError(
      `The credentials are of account ${accountId}, and ALIBABA_CLOUD_ACCOUNT_ID (or the credentials file) says ${meant}: correct one of the two. Nothing was changed.`,
    );
  }
  const credentials = { ...found.credentials, accountId };
  const plan = asserted(planFor(accountId));
  return {
    plan,
    credentials,
    cloud: {
      clients: createClients(credentials, plan.target.region),
      clock: { now: Date.now, sleep },
      say,
    },
  };
}
