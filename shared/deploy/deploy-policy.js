import { callCloud, DeployError } from "./deploy-error.js";
import { isOwned } from "./names.js";

/**
 * @typedef {object} FoundPolicy
 * @property {boolean} isOurs
 * @property {unknown} document of its default version
 */

/**
 * @param {import("./plan.js").Plan} plan
 * @param {import("./deploy-role.js").Cloud} cloud
 * @returns {Promise<FoundPolicy | undefined>}
 */
export async function findPolicy({ names }, { clients }) {
  const found = await callCloud(
    `look up the policy ${names.policy}`,
    () => clients.ram("GetPolicy", { PolicyName: names.policy, PolicyType: "Custom" }),
    { absent: ["EntityNotExist.Policy"] },
  );
  return (
    found && {
      isOurs: isOwned(found.Policy?.Description, names.owner),
      document: found.DefaultPolicyVersion?.PolicyDocument,
    }
  );
}

/**
 * @param {import("./plan.js").Plan} plan
 * @param {FoundPolicy | undefined} found
 * @throws {DeployError} if another service or a person made it
 */
export function assertPolicyOwned({ names, target }, found) {
  if (!found || found.isOurs) return;
  const { service, stage } = target;
  throw new DeployError(
    `The policy ${names.policy} exists and is not of service ${service} in stage ${stage}: its description does not say so. Choose another service name or stage, or delete that policy if nothing needs it.`,
  );
}

/**
 * Makes the policy what serverless.yml says: one that differs becomes a new version, the oldest going
 * when RAM's five are used up.
 *
 * @param {import("./plan.js").Plan} plan
 * @param {FoundPolicy | undefined} found
 * @param {import("./deploy-role.js").Cloud} cloud
 */
export async function writePolicy(plan, found, { clients, say }) {
  const { policy, owner } = plan.names;
  const document = JSON.stringify(policyDocument(plan));
  if (!found) {
    await callCloud(`create the policy ${policy}`, () =>
      clients.ram("CreatePolicy", {
        PolicyName: policy,
        Description: owner,
        PolicyDocument: document,
      }),
    );
    say(`Policy ${policy} created`);
  } else if (!isSame(found.document, document)) {
    await callCloud(`update the policy ${policy}`, () =>
      clients.ram("CreatePolicyVersion", {
        PolicyName: policy,
        PolicyDocument: document,
        SetAsDefault: true,
        RotateStrategy: "DeleteOldestNonDefaultVersionWhenLimitExceeded",
      }),
    );
    say(`Policy ${policy} updated`);
  }
}

/** @param {import("./plan.js").Plan} plan */
function policyDocument({ names, statements, target }) {
  const logs = `acs:log:*:${target.accountId}:project/${names.logProject}/logstore/${names.logstore}`;
  return {
    Version: "1",
    Statement: [
      { Effect: "Allow", Action: ["log:PostLogStoreLogs"], Resource: [logs] },
      ...statements,
    ],
  };
}

/**
 * RAM may answer with the document set in another way than it was sent.
 *
 * @param {unknown} stored
 * @param {string} wanted
 */
function isSame(stored, wanted) {
  try {
    return canonical(JSON.parse(String(stored))) === canonical(JSON.parse(wanted));
  } catch {
    return false;
  }
}

/**
 * @param {unknown} value
 * @returns {string}
 */
function canonical(value) {
  return JSON.stringify(value, (_, part) =>
    part && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
