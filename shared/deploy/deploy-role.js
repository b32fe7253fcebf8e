import { callCloud, DeployError } from "./deploy-error.js";
import { isOwned } from "./names.js";
import { untilAccepted } from "./wait.js";

/**
 * @typedef {object} Cloud
 * @property {import("./clients.js").Clients} clients
 * @property {import("./wait.js").Clock} clock
 * @property {(text: string) => void} say tells the user what was done
 */

const TRUST = {
  Version: "1",
  Statement: [
    {
      Action: "sts:AssumeRole",
      Effect: "Allow",
      Principal: { Service: ["fc.aliyuncs.com"] },
    },
  ],
};

/** How long a new role may be unknown to Function Compute. */
const NEW_MS = 120_000;

/**
 * The functions' role with its one policy, as serverless.yml has it now: a policy that differs
 * becomes a new version, the oldest going when RAM's five are used up.
 *
 * @param {import("./plan.js").Plan} plan
 * @param {Cloud} cloud
 * @returns {Promise<{ arn: string, isNew: boolean }>}
 */
export async function deployRole(plan, cloud) {
  const role = await ensureRole(plan, cloud);
  await ensurePolicy(plan, cloud);
  await attach(plan, cloud);
  return { arn: role.Arn, isNew: cloud.clock.now() - Date.parse(role.CreateDate) < NEW_MS };
}

/**
 * Looks the role up; one of another service is an error, as what is named alike is then not ours
 * either.
 *
 * @param {import("./plan.js").Plan} plan
 * @param {Cloud} cloud
 * @returns {Promise<{ Arn: string, CreateDate: string } | undefined>}
 */
export async function findRole({ names, target }, { clients }) {
  const found = await callCloud(
    `look up the role ${names.role}`,
    () => clients.ram("GetRole", { RoleName: names.role }),
    { absent: ["EntityNotExist.Role"] },
  );
  if (found && !isOwned(found.Role.Description, names.owner)) {
    const { service, stage } = target;
    throw new DeployError(
      `The role ${names.role} exists and is not of service ${service} in stage ${stage}: its description does not say so. Choose another service name or stage, or delete that role if nothing needs it.`,
    );
  }
  return found?.Role;
}

/**
 * @param {import("./plan.js").Plan} plan
 * @param {Cloud} cloud
 */
async function ensureRole(plan, cloud) {
  const { names } = plan;
  const found = await findRole(plan, cloud);
  if (found) return found;
  const made = await callCloud(`create the role ${names.role}`, () =>
    cloud.clients.ram("CreateRole", {
      RoleName: names.role,
      Description: `Lets the functions reach other services; ${names.owner}`,
      AssumeRolePolicyDocument: JSON.stringify(TRUST),
    }),
  );
  cloud.say(`Role ${names.role} created`);
  return made.Role;
}

/**
 * @param {import("./plan.js").Plan} plan
 * @param {Cloud} cloud
 */
async function ensurePolicy(plan, { clients, say }) {
  const { policy } = plan.names;
  const document = JSON.stringify(policyDocument(plan));
  const found = await callCloud(
    `look up the policy ${policy}`,
    () => clients.ram("GetPolicy", { PolicyName: policy, PolicyType: "Custom" }),
    { absent: ["EntityNotExist.Policy"] },
  );
  if (!found) {
    await callCloud(`create the policy ${policy}`, () =>
      clients.ram("CreatePolicy", {
        PolicyName: policy,
        Description: plan.names.owner,
        PolicyDocument: document,
      }),
    );
    say(`Policy ${policy} created`);
  } else if (!isSame(found.DefaultPolicyVersion?.PolicyDocument, document)) {
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

/**
 * @param {import("./plan.js").Plan} plan
 * @param {Cloud} cloud
 */
async function attach({ names }, { clients, clock, say }) {
  const attached = await listPolicies(names.role, clients);
  if (attached.some(({ PolicyName }) => PolicyName === names.policy)) return;
  await untilAccepted(clock, true, () =>
    callCloud(
      `attach the policy ${names.policy}`,
      () =>
        clients.ram("AttachPolicyToRole", {
          PolicyType: "Custom",
          PolicyName: names.policy,
          RoleName: names.role,
        }),
      { absent: ["EntityAlreadyExists.Role.Policy"] },
    ),
  );
  say(`Policy ${names.policy} attached`);
}

/**
 * @param {string} role
 * @param {import("./clients.js").Clients} clients
 * @returns {Promise<{ PolicyName: string, PolicyType: string }[]>}
 */
export async function listPolicies(role, clients) {
  const answer = await callCloud(
    `list the policies of the role ${role}`,
    () => clients.ram("ListPoliciesForRole", { RoleName: role }),
    { absent: ["EntityNotExist.Role"] },
  );
  return answer?.Policies?.Policy ?? [];
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
