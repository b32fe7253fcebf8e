import { FUNCTIONS } from "../functions.js";
import { OPERATIONS, ramAction } from "../signing/operations.ts";
import { type Cloud, call, ensure, lookUp, remove } from "./cloud.ts";
import { type FunctionPlan, isOwned, type Names, type Plan, type Target } from "./plan.ts";

type Statement = {
  readonly Effect: "Allow";
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
};

const allow = (Action: readonly string[], ...Resource: string[]): Statement => ({
  Effect: "Allow",
  Action,
  Resource,
});

const TABLE = /^tablestore:\/\/([a-z][a-z0-9-]*)\.([a-z0-9-]+)\/([A-Za-z_][A-Za-z0-9_]*)/;

/**
 * What the role of one function may do, and no more: write its log, call the upstream's operations
 * that its settings use, and use its rows. The upstream knows no finer resource than `*`.
 */
export function statementsOf({ key, environment }: FunctionPlan, plan: Plan): Statement[] {
  const { names, target } = plan;
  const place = `project/${names.logProject}/logstore/${names.logstore}`;
  const isNeeded = (neededWith: readonly string[] | undefined) => {
    const [setting, ...values] = neededWith ?? [];
    return setting === undefined || values.includes(environment[setting] ?? "");
  };
  const actions = OPERATIONS.filter(
    ({ functions, neededWith }) => functions.some((name) => name === key) && isNeeded(neededWith),
  ).map(({ operation }) => ramAction(operation));
  const [, instance, region, table] = TABLE.exec(environment.STORE_URL ?? "") ?? [];
  const rows = FUNCTIONS.find(({ name }) => name === key)?.tableActions ?? [];
  const tableName = `acs:ots:${region}:*:instance/${instance}/table/${table}`;
  return [
    allow(["log:PostLogStoreLogs"], `acs:log:*:${target.accountId}:${place}`),
    ...(actions.length > 0 ? [allow(actions, "*")] : []),
    ...(instance
      ? [
          allow(
            rows.map((action) => `ots:${action}`),
            tableName,
          ),
        ]
      : []),
  ];
}

const TRUST = {
  Version: "1",
  Statement: [
    { Action: "sts:AssumeRole", Effect: "Allow", Principal: { Service: ["fc.aliyuncs.com"] } },
  ],
};

const taken = (what: string, { service, stage }: Target) =>
  `The ${what} exists, and its description does not say that service ${service} in stage ${stage} made it. Choose another stage (--stage), or delete it if nothing needs it.`;

/** A function's role with its one policy. Resolves to the role's name for Function Compute. */
export async function ensureRole(
  { role, policy, key }: FunctionPlan,
  plan: Plan,
  cloud: Cloud,
): Promise<string> {
  const { names, target } = plan;
  const { ram } = cloud.clients;
  const wanted = plan.functions.find((one) => one.key === key);
  const statements = wanted ? statementsOf(wanted, plan) : [];
  const document = JSON.stringify({ Version: "1", Statement: statements });
  await ensure(cloud, {
    what: `policy ${policy}`,
    find: () => ram("GetPolicy", { PolicyName: policy, PolicyType: "Custom" }),
    create: () =>
      ram("CreatePolicy", {
        PolicyName: policy,
        Description: names.owner,
        PolicyDocument: document,
      }),
    refuse: ({ Policy }) =>
      isOwned(Policy?.Description, names.owner) ? undefined : taken(`policy ${policy}`, target),
    change: ({ DefaultPolicyVersion }) =>
      isSame(DefaultPolicyVersion?.PolicyDocument, document)
        ? undefined
        : () =>
            ram("CreatePolicyVersion", {
              PolicyName: policy,
              PolicyDocument: document,
              SetAsDefault: true,
              // RAM keeps five.
              RotateStrategy: "DeleteOldestNonDefaultVersionWhenLimitExceeded",
            }),
  });
  const { Role } = await ensure(cloud, {
    what: `role ${role}`,
    find: () => ram("GetRole", { RoleName: role }),
    create: () =>
      ram("CreateRole", {
        RoleName: role,
        Description: `Of the function ${key}; ${names.owner}`,
        AssumeRolePolicyDocument: JSON.stringify(TRUST),
      }),
    refuse: (found) =>
      isOwned(found.Role?.Description, names.owner) ? undefined : taken(`role ${role}`, target),
  });
  await ensure(cloud, {
    what: `right ${policy} of the role`,
    find: async () => {
      const attached = await policiesOf(role, cloud);
      if (attached.some(({ PolicyName }) => PolicyName === policy)) return true;
      throw Object.assign(new Error(), { code: "EntityNotExist.Role.Policy" });
    },
    create: () =>
      ram("AttachPolicyToRole", { PolicyType: "Custom", PolicyName: policy, RoleName: role }),
    needs: [role, policy],
  });
  return Role.Arn;
}

async function policiesOf(
  role: string,
  { clients }: Cloud,
): Promise<{ PolicyName: string; PolicyType: string }[]> {
  return (await clients.ram("ListPoliciesForRole", { RoleName: role })).Policies?.Policy ?? [];
}

/** RAM may answer with the document set in another way than it was sent. */
function isSame(stored: unknown, wanted: string): boolean {
  try {
    return canonical(JSON.parse(String(stored))) === canonical(JSON.parse(wanted));
  } catch {
    return false;
  }
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part) =>
    part && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** Deletes a function's role and policy if this service and stage made them. The role goes last. */
export async function removeRole(key: string, { names }: { names: Names }, cloud: Cloud) {
  const { ram } = cloud.clients;
  const [role, policy] = [names.roleOf(key), names.policyOf(key)];
  const found = await lookUp(cloud, `the role ${role}`, () => ram("GetRole", { RoleName: role }));
  const isOurs = isOwned(found?.Role?.Description, names.owner);
  if (found && !isOurs) {
    cloud.say(`Role ${role} kept: its description does not say that this service made it`);
  }
  if (isOurs) {
    const listed = await call(cloud, `list the policies of ${role}`, () => policiesOf(role, cloud));
    for (const { PolicyName, PolicyType } of listed) {
      const params = { PolicyName, PolicyType, RoleName: role };
      await remove(cloud, `the right ${PolicyName} of ${role}`, () =>
        ram("DetachPolicyFromRole", params),
      );
    }
  }
  await removePolicy(policy, names.owner, cloud);
  if (isOurs) {
    await remove(cloud, `the role ${role}`, () => ram("DeleteRole", { RoleName: role }));
    cloud.say(`Role ${role} deleted`);
  }
}

async function removePolicy(policy: string, owner: string, cloud: Cloud) {
  const { ram } = cloud.clients;
  const params = { PolicyName: policy, PolicyType: "Custom" };
  const found = await lookUp(cloud, `the policy ${policy}`, () => ram("GetPolicy", params));
  if (!found) return;
  if (!isOwned(found.Policy?.Description, owner)) {
    cloud.say(`Policy ${policy} kept: its description does not say that this service made it`);
    return;
  }
  const answer = await call(cloud, `list the versions of ${policy}`, () =>
    ram("ListPolicyVersions", params),
  );
  // RAM refuses to delete a policy that has more than its default version.
  for (const { VersionId, IsDefaultVersion } of answer.PolicyVersions?.PolicyVersion ?? []) {
    if (IsDefaultVersion) continue;
    await remove(cloud, `version ${VersionId} of ${policy}`, () =>
      ram("DeletePolicyVersion", { PolicyName: policy, VersionId }),
    );
  }
  await remove(cloud, `the policy ${policy}`, () => ram("DeletePolicy", { PolicyName: policy }));
  cloud.say(`Policy ${policy} deleted`);
}

const fc = (...names: string[]) => names.map((name) => `fc:${name}`);
const ramActions = (...names: string[]) => names.map((name) => `ram:${name}`);
const log = (...names: string[]) => names.map((name) => `log:${name}`);

/**
 * What the deploying user needs for a service, for every command of it. A test holds it against the
 * calls of recorded deployments.
 */
export function deployingPolicy(service: string): object {
  const role = service.replaceAll("_", "-");
  return {
    Version: "1",
    Statement: [
      allow(fc("ListFunctions"), "acs:fc:*:*:functions/*"),
      allow(
        [
          ...fc("GetFunction", "CreateFunction", "UpdateFunction", "DeleteFunction"),
          ...fc("InvokeFunction", "ListTriggers", "CreateTrigger", "UpdateTrigger"),
          ...fc("DeleteTrigger", "GetConcurrencyConfig", "PutConcurrencyConfig"),
          ...fc("DeleteConcurrencyConfig", "GetAsyncInvokeConfig", "PutAsyncInvokeConfig"),
          ...fc("DeleteAsyncInvokeConfig"),
        ],
        `acs:fc:*:*:functions/${service}-*`,
      ),
      allow(
        [
          ...ramActions("GetRole", "CreateRole", "DeleteRole", "PassRole", "ListPoliciesForRole"),
          ...ramActions("AttachPolicyToRole", "DetachPolicyFromRole", "GetPolicy", "CreatePolicy"),
          ...ramActions("DeletePolicy", "CreatePolicyVersion", "ListPolicyVersions"),
          ...ramActions("DeletePolicyVersion"),
        ],
        `acs:ram:*:*:role/sls-${role}-*`,
        `acs:ram:*:*:policy/fc-${role}-*`,
      ),
      allow(ramActions("GetRole"), "acs:ram:*:*:role/aliyunservicerolefor*"),
      allow(
        [
          ...log("GetProject", "CreateProject", "DeleteProject", "ListLogStores", "GetLogStore"),
          ...log("CreateLogStore", "DeleteLogStore", "GetIndex", "CreateIndex", "UpdateIndex"),
          ...log("GetLogStoreLogs"),
        ],
        "acs:log:*:*:project/sls-*",
      ),
      allow(["ots:GetRow"], "acs:ots:*:*:instance/*"),
    ],
  };
}
