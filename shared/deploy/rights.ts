import { isDeepStrictEqual } from "node:util";
import { FUNCTIONS } from "../functions.js";
import { OPERATIONS, ramAction } from "../signing/operations.ts";
import { type Answer, type Cloud, ensure, maybe, parseJson, removeOurs } from "./cloud.ts";
import { type FunctionPlan, isOwned, type Plan } from "./plan.ts";

/** Such as `ots:GetRow` for the product `ots`. */
const allow = (product: string, names: readonly string[], ...Resource: string[]) => ({
  Effect: "Allow",
  Action: names.map((name) => `${product}:${name}`),
  Resource,
});

/** Undefined with another store than Tablestore. */
export const tableOf = (storeUrl: string) =>
  /^tablestore:\/\/(?<instance>[^./]+)\.(?<region>[^./]+)\/(?<table>\w+)/.exec(storeUrl)?.groups;

/** All that a function's role may do. The upstream knows no finer resource than `*`. */
export function statementsOf({ key, environment }: FunctionPlan, { names, target }: Plan) {
  const place = `project/${names.logProject}/logstore/${names.logstore}`;
  const isNeeded = ([setting, ...values]: readonly string[] = []) =>
    setting === undefined || values.includes((environment[setting] ?? "").toLowerCase());
  const actions = OPERATIONS.filter(
    ({ functions, neededWith }) => functions.some((name) => name === key) && isNeeded(neededWith),
  ).map(({ operation }) => ramAction(operation).slice("cams:".length));
  const { instance, region, table } = tableOf(environment.STORE_URL ?? "") ?? {};
  const rows = FUNCTIONS.find(({ name }) => name === key)?.tableActions ?? [];
  const statements = [
    allow("log", ["PostLogStoreLogs"], `acs:log:*:${target.accountId}:${place}`),
    allow("cams", actions, "*"),
    allow("ots", instance ? rows : [], `acs:ots:${region}:*:instance/${instance}/table/${table}`),
  ];
  return statements.filter(({ Action }) => Action.length > 0);
}

const documentOf = <T>(Statement: T[]) => ({ Version: "1", Statement });
const Principal = { Service: ["fc.aliyuncs.com"] };
const TRUST = documentOf([{ Action: "sts:AssumeRole", Effect: "Allow", Principal }]);

type Names = Pick<FunctionPlan, "role" | "policy">;

/** How a function's role and policy are looked up, and whose they are. */
function rightsOf({ role, policy }: Names, { plan, clients: { ram } }: Cloud) {
  const { owner } = plan.names;
  const isOurs = (found: Answer) => isOwned((found.Policy ?? found.Role)?.Description, owner);
  const policyName = { PolicyName: policy, PolicyType: "Custom" };
  return {
    policy: { what: `policy ${policy}`, find: () => ram("GetPolicy", policyName), isOurs },
    role: { what: `role ${role}`, find: () => ram("GetRole", { RoleName: role }), isOurs },
    attached: async () => {
      const listed = await ram("ListPoliciesForRole", { RoleName: role });
      const all: { PolicyName: string; PolicyType: string }[] = listed.Policies?.Policy ?? [];
      return all.map(({ PolicyName, PolicyType }) => ({ PolicyName, PolicyType }));
    },
  };
}

/** A function's role with its one policy. Resolves to the role's name for Function Compute. */
export async function ensureRole(one: FunctionPlan, cloud: Cloud): Promise<string> {
  const { role: RoleName, policy: PolicyName } = one;
  const { ram } = cloud.clients;
  const { owner } = cloud.plan.names;
  const { policy, role, attached } = rightsOf(one, cloud);
  const document = documentOf(statementsOf(one, cloud.plan));
  const given = { PolicyName, PolicyDocument: JSON.stringify(document) };
  // RAM keeps five versions.
  const RotateStrategy = "DeleteOldestNonDefaultVersionWhenLimitExceeded";
  await ensure(cloud, {
    ...policy,
    create: () => ram("CreatePolicy", { ...given, Description: owner }),
    // RAM may answer with the document set in another way than it was sent.
    change: ({ DefaultPolicyVersion }) =>
      isDeepStrictEqual(parseJson(DefaultPolicyVersion?.PolicyDocument), document)
        ? undefined
        : () => ram("CreatePolicyVersion", { ...given, SetAsDefault: true, RotateStrategy }),
  });
  const Description = `Of the function ${one.key}; ${owner}`;
  const trusted = { RoleName, Description, AssumeRolePolicyDocument: JSON.stringify(TRUST) };
  const { Role } = await ensure(cloud, { ...role, create: () => ram("CreateRole", trusted) });
  await ensure(cloud, {
    what: `right ${PolicyName} of the role`,
    find: async () => (await attached()).find((right) => right.PolicyName === PolicyName),
    create: () => ram("AttachPolicyToRole", { PolicyType: "Custom", PolicyName, RoleName }),
    needs: [RoleName, PolicyName],
  });
  return Role.Arn;
}

/** Deletes a function's role and policy if this service and stage made them. */
export async function removeRole(given: Names, cloud: Cloud): Promise<void> {
  const { ram } = cloud.clients;
  const { role, policy, attached } = rightsOf(given, cloud);
  const { role: RoleName, policy: PolicyName } = given;
  const found = await maybe(role.find());
  for (const right of found && role.isOurs(found) ? await attached() : []) {
    await maybe(ram("DetachPolicyFromRole", { ...right, RoleName }));
  }
  await removeOurs(cloud, policy, async () => {
    const answer = await ram("ListPolicyVersions", { PolicyName, PolicyType: "Custom" });
    // RAM refuses to delete a policy that has more than its default version.
    for (const { VersionId, IsDefaultVersion } of answer.PolicyVersions?.PolicyVersion ?? []) {
      if (IsDefaultVersion) continue;
      await maybe(ram("DeletePolicyVersion", { PolicyName, VersionId }));
    }
    await ram("DeletePolicy", { PolicyName });
  });
  await removeOurs(cloud, role, () => ram("DeleteRole", { RoleName }));
}

/** Each verb with each noun. */
const each = (verbs: string, nouns: string): string[] =>
  verbs.split(" ").flatMap((verb) => nouns.split(" ").map((noun) => verb + noun));

const OF_FUNCTIONS = [
  ...each("Get Create Update Delete Invoke", "Function"),
  ...["ListTriggers", ...each("Create Update Delete", "Trigger")],
  ...each("Get Put Delete", "ConcurrencyConfig AsyncInvokeConfig"),
];
const OF_RIGHTS = [
  ...["PassRole", ...each("Get Create Delete", "Role Policy"), "ListPoliciesForRole"],
  ...[...each("Create Delete", "PolicyVersion"), "ListPolicyVersions"],
  ...["AttachPolicyToRole", "DetachPolicyFromRole"],
];
const OF_LOGS = [
  ...[...each("Get Create Delete", "Project LogStore"), ...each("Get Create Update", "Index")],
  ...["ListLogStores", "GetLogStoreLogs"],
];

/** What the deploying user needs. A test holds it against the calls of recorded deployments. */
export function deployingPolicy(service: string) {
  const role = service.replaceAll("_", "-");
  return documentOf([
    allow("fc", ["ListFunctions"], "acs:fc:*:*:functions/*"),
    allow("fc", OF_FUNCTIONS, `acs:fc:*:*:functions/${service}-*`),
    allow("ram", OF_RIGHTS, `acs:ram:*:*:role/sls-${role}-*`, `acs:ram:*:*:policy/fc-${role}-*`),
    allow("ram", ["GetRole"], "acs:ram:*:*:role/aliyunservicerolefor*"),
    allow("log", OF_LOGS, "acs:log:*:*:project/sls-*"),
    allow("ots", ["GetRow"], "acs:ots:*:*:instance/*"),
  ]);
}
