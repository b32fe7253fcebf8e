import { isDeepStrictEqual } from "node:util";
import { FUNCTIONS } from "../functions.js";
import { OPERATIONS, ramAction } from "../signing/operations.ts";
import {
  type Answer,
  type Cloud,
  call,
  ensure,
  lookUp,
  parseConfig,
  remove,
  removeOurs,
} from "./cloud.ts";
import { type FunctionPlan, isOwned, type Plan } from "./plan.ts";

type Statement = {
  readonly Effect: "Allow";
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
};

/** Such as `ots:GetRow` for the product `ots`. */
const allow = (product: string, names: readonly string[], ...Resource: string[]): Statement => ({
  Effect: "Allow",
  Action: names.map((name) => `${product}:${name}`),
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
  const isNeeded = ([setting, ...values]: readonly string[] = []) =>
    setting === undefined || values.includes(environment[setting] ?? "");
  const actions = OPERATIONS.filter(
    ({ functions, neededWith }) => functions.some((name) => name === key) && isNeeded(neededWith),
  ).map(({ operation }) => ramAction(operation).slice("cams:".length));
  const [, instance, region, table] = TABLE.exec(environment.STORE_URL ?? "") ?? [];
  const rows = FUNCTIONS.find(({ name }) => name === key)?.tableActions ?? [];
  const statements = [
    allow("log", ["PostLogStoreLogs"], `acs:log:*:${target.accountId}:${place}`),
    allow("cams", actions, "*"),
    allow("ots", instance ? rows : [], `acs:ots:${region}:*:instance/${instance}/table/${table}`),
  ];
  return statements.filter(({ Action }) => Action.length > 0);
}

const TRUST = JSON.stringify({
  Version: "1",
  Statement: [
    { Action: "sts:AssumeRole", Effect: "Allow", Principal: { Service: ["fc.aliyuncs.com"] } },
  ],
});

type Names = Pick<FunctionPlan, "role" | "policy">;

/** How a function's role and policy are looked up, and whose they are. */
function rightsOf({ role, policy }: Names, { names }: Plan, { clients: { ram } }: Cloud) {
  const isOurs = (found: Answer) => isOwned((found.Policy ?? found.Role)?.Description, names.owner);
  const policyName = { PolicyName: policy, PolicyType: "Custom" };
  return {
    policy: { what: `policy ${policy}`, find: () => ram("GetPolicy", policyName), isOurs },
    role: { what: `role ${role}`, find: () => ram("GetRole", { RoleName: role }), isOurs },
    listed: async (): Promise<{ PolicyName: string; PolicyType: string }[]> =>
      (await ram("ListPoliciesForRole", { RoleName: role })).Policies?.Policy ?? [],
  };
}

/** A function's role with its one policy. Resolves to the role's name for Function Compute. */
export async function ensureRole(one: FunctionPlan, plan: Plan, cloud: Cloud): Promise<string> {
  const { role, policy, key } = one;
  const { ram } = cloud.clients;
  const rights = rightsOf(one, plan, cloud);
  const document = { Version: "1", Statement: statementsOf(one, plan) };
  const given = { PolicyName: policy, PolicyDocument: JSON.stringify(document) };
  // RAM keeps five versions.
  const RotateStrategy = "DeleteOldestNonDefaultVersionWhenLimitExceeded";
  await ensure(cloud, {
    ...rights.policy,
    create: () => ram("CreatePolicy", { ...given, Description: plan.names.owner }),
    // RAM may answer with the document set in another way than it was sent.
    change: ({ DefaultPolicyVersion }) =>
      isDeepStrictEqual(parseConfig(DefaultPolicyVersion?.PolicyDocument), document)
        ? undefined
        : () => ram("CreatePolicyVersion", { ...given, SetAsDefault: true, RotateStrategy }),
  });
  const Description = `Of the function ${key}; ${plan.names.owner}`;
  const { Role } = await ensure(cloud, {
    ...rights.role,
    create: () =>
      ram("CreateRole", { RoleName: role, Description, AssumeRolePolicyDocument: TRUST }),
  });
  await ensure(cloud, {
    what: `right ${policy} of the role`,
    find: async () =>
      (await rights.listed()).some(({ PolicyName }) => PolicyName === policy) || undefined,
    create: () =>
      ram("AttachPolicyToRole", { PolicyType: "Custom", PolicyName: policy, RoleName: role }),
    needs: [role, policy],
  });
  return Role.Arn;
}

/** Deletes a function's role and policy if this service and stage made them. */
export async function removeRole(given: Names, plan: Plan, cloud: Cloud): Promise<void> {
  const { ram } = cloud.clients;
  const { role, policy, listed } = rightsOf(given, plan, cloud);
  const [RoleName, PolicyName] = [given.role, given.policy];
  const found = await lookUp(cloud, role.what, role.find);
  const attached =
    found && role.isOurs(found) ? await call(cloud, "list its policies", listed) : [];
  for (const { PolicyName: name, PolicyType } of attached) {
    const right = { PolicyName: name, PolicyType, RoleName };
    await remove(cloud, `right ${name} of ${role.what}`, () => ram("DetachPolicyFromRole", right));
  }
  await removeOurs(cloud, policy, async () => {
    const answer = await call(cloud, `list the versions of ${policy.what}`, () =>
      ram("ListPolicyVersions", { PolicyName, PolicyType: "Custom" }),
    );
    // RAM refuses to delete a policy that has more than its default version.
    for (const { VersionId, IsDefaultVersion } of answer.PolicyVersions?.PolicyVersion ?? []) {
      if (IsDefaultVersion) continue;
      const version = { PolicyName, VersionId };
      await remove(cloud, `${VersionId} of it`, () => ram("DeletePolicyVersion", version));
    }
    await remove(cloud, policy.what, () => ram("DeletePolicy", { PolicyName }));
  });
  await removeOurs(cloud, role, () =>
    remove(cloud, role.what, () => ram("DeleteRole", { RoleName })),
  );
}

/**
 * What the deploying user needs for a service, for every command of it. A test holds it against the
 * calls of recorded deployments.
 */
export function deployingPolicy(service: string): object {
  const role = service.replaceAll("_", "-");
  const each = (verbs: string, noun: string) => verbs.split(" ").map((verb) => `${verb}${noun}`);
  const functions = [
    ...[...each("Get Create Update Delete Invoke", "Function"), "ListTriggers"],
    ...each("Create Update Delete", "Trigger"),
    ...each("Get Put Delete", "ConcurrencyConfig"),
    ...each("Get Put Delete", "AsyncInvokeConfig"),
  ];
  const rights = [
    ...[...each("Get Create Delete Pass", "Role"), "ListPoliciesForRole", "AttachPolicyToRole"],
    ...["DetachPolicyFromRole", "ListPolicyVersions", ...each("Get Create Delete", "Policy")],
    ...each("Create Delete", "PolicyVersion"),
  ];
  const logs = [
    ...[...each("Get Create Delete", "Project"), "ListLogStores", "GetLogStoreLogs"],
    ...[...each("Get Create Delete", "LogStore"), ...each("Get Create Update", "Index")],
  ];
  const own = [`acs:ram:*:*:role/sls-${role}-*`, `acs:ram:*:*:policy/fc-${role}-*`];
  return {
    Version: "1",
    Statement: [
      allow("fc", ["ListFunctions"], "acs:fc:*:*:functions/*"),
      allow("fc", functions, `acs:fc:*:*:functions/${service}-*`),
      allow("ram", rights, ...own),
      allow("ram", ["GetRole"], "acs:ram:*:*:role/aliyunservicerolefor*"),
      allow("log", logs, "acs:log:*:*:project/sls-*"),
      allow("ots", ["GetRow"], "acs:ots:*:*:instance/*"),
    ],
  };
}
