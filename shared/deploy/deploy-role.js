import { callCloud, DeployError } from "./deploy-error.js";
import { assertPolicyOwned, findPolicy, writePolicy } from "./deploy-policy.js";
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
 * The functions' role with its one policy, as serverless.yml has it now. Both are looked up before
 * either is written.
 *
 * @param {import("./plan.js").Plan} plan
 * @param {Cloud} cloud
 * @returns {Promise<{ arn: string, isNew: boolean }>}
 */
export async function deployRole(plan, cloud) {
  const found = await findRole(plan, cloud);
  const policy = await findPolicy(plan, cloud);
  assertPolicyOwned(plan, policy);
  const role = found ?? (await createRole(plan, cloud));
  await writePolicy(plan, policy, cloud);
  await attach(plan, cloud);
  // This machine's clock may be minutes ahead of the cloud's, or behind it.
  const age = Math.abs(cloud.clock.now() - Date.parse(role.CreateDate));
  return { arn: role.Arn, isNew: found === undefined || age < NEW_MS };
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
async function createRole({ names }, { clients, say }) {
  const made = await callCloud(`create the role ${names.role}`, () =>
    clients.ram("CreateRole", {
      RoleName: names.role,
      Description: `Lets the functions reach other services; ${names.owner}`,
      AssumeRolePolicyDocument: JSON.stringify(TRUST),
    }),
  );
  say(`Role ${names.role} created`);
  return made.Role;
}

/**
 * @param {import("./plan.js").Plan} plan
 * @param {Cloud} cloud
 */
async function attach({ names }, cloud) {
  const { clients, say } = cloud;
  const attached = await listPolicies(names.role, clients);
  if (attached.some(({ PolicyName }) => PolicyName === names.policy)) return;
  await untilAccepted(cloud, true, () =>
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
