import { type RpcParams, readRpcParams } from "../../../sandbox/rpc-signature.ts";
import { type CloudAnswer, type CloudCall, type CloudRequest, Refusal } from "./cloud-request.ts";
import type { CloudState, Policy } from "./cloud-state.ts";

const REQUEST_ID = "7B8E1C34-0000-4000-8000-00000000A001";
/** CreatePolicyVersion: at most five, LimitExceeded.Policy.Version. */
const MOST_VERSIONS = 5;

type Verify = (
  method: string,
  params: RpcParams,
) => { readonly code: string; readonly message?: string } | undefined;

/**
 * RAM 2015-05-01 and STS 2015-04-01, as far as a deployment needs them. Operations, names and codes are
 * those of the reference (help/en/ram/developer-reference). Only POST is taken, which is this
 * stand-in's own rule: with GET the access key stands in the address.
 */
export function createRamApi(
  state: CloudState,
  options: { readonly accountId: string; readonly verify: Verify; readonly roleUnknownFor: number },
) {
  return (request: CloudRequest): CloudCall => {
    const params = readRpcParams(request.body.toString()) ?? {};
    const { Action = "?", RoleName, PolicyName, VersionId } = params;
    const about = [RoleName, PolicyName, VersionId].filter(Boolean).join(" ");
    const api = request.host.startsWith("sts") ? "sts" : "ram";
    return {
      name: `${api} ${Action}${about ? ` ${about}` : ""}`,
      run: () => {
        if (request.method !== "POST" || request.rawQuery) throw new Refusal(400, "PostOnly");
        const refused = options.verify(request.method, params);
        if (refused) throw new Refusal(400, refused.code, refused.message);
        const wanted = api === "sts" ? "2015-04-01" : "2015-05-01";
        if (params.Version !== wanted) throw new Refusal(400, "InvalidVersion");
        const operation = operations[Action];
        if (!operation) throw new Refusal(404, "InvalidAction.NotFound");
        const answer = operation(state, params, options);
        return json(200, { RequestId: REQUEST_ID, ...answer });
      },
    };
  };
}

export function ramRefusal({ status, code, message }: Refusal): CloudAnswer {
  return json(status, { RequestId: REQUEST_ID, Code: code, Message: message });
}

type Operation = (
  state: CloudState,
  params: RpcParams,
  options: { readonly accountId: string; readonly roleUnknownFor: number },
) => object;

const operations: Readonly<Record<string, Operation>> = {
  GetCallerIdentity: (_, __, { accountId }) => ({
    AccountId: accountId,
    Arn: `acs:ram::${accountId}:user/deployer`,
  }),

  GetRole: (state, { RoleName = "" }, { accountId }) => {
    const role = need(state.roles, RoleName, "EntityNotExist.Role");
    return { Role: describeRole(RoleName, role.description, role.createdAt, accountId) };
  },
  CreateRole: (state, params, { accountId, roleUnknownFor }) => {
    const { RoleName = "", Description = "", AssumeRolePolicyDocument = "" } = params;
    if (!/^[A-Za-z0-9.-]{1,64}$/.test(RoleName))
      throw new Refusal(400, "InvalidParameter.RoleName");
    if (state.roles.has(RoleName)) throw new Refusal(409, "EntityAlreadyExists.Role");
    JSON.parse(AssumeRolePolicyDocument);
    const createdAt = Date.now();
    state.roles.set(RoleName, {
      description: Description,
      trust: AssumeRolePolicyDocument,
      createdAt,
      policies: new Set(),
      unknownFor: roleUnknownFor,
    });
    return { Role: describeRole(RoleName, Description, createdAt, accountId) };
  },
  DeleteRole: (state, { RoleName = "" }) => {
    const role = need(state.roles, RoleName, "EntityNotExist.Role");
    if (role.policies.size > 0) throw new Refusal(409, "DeleteConflict.Role.Policy");
    state.roles.delete(RoleName);
    return {};
  },
  ListPoliciesForRole: (state, { RoleName = "" }) => {
    const role = need(state.roles, RoleName, "EntityNotExist.Role");
    const list = [...role.policies].map((PolicyName) => ({ PolicyName, PolicyType: "Custom" }));
    return { Policies: { Policy: list } };
  },
  AttachPolicyToRole: (state, { RoleName = "", PolicyName = "" }) => {
    const role = need(state.roles, RoleName, "EntityNotExist.Role");
    need(state.policies, PolicyName, "EntityNotExist.Policy");
    if (role.policies.has(PolicyName)) throw new Refusal(409, "EntityAlreadyExists.Role.Policy");
    role.policies.add(PolicyName);
    return {};
  },
  DetachPolicyFromRole: (state, { RoleName = "", PolicyName = "" }) => {
    const role = need(state.roles, RoleName, "EntityNotExist.Role");
    if (!role.policies.delete(PolicyName)) throw new Refusal(404, "EntityNotExist.Role.Policy");
    return {};
  },
  GetPolicy: (state, { PolicyName = "" }) => {
    const policy = need(state.policies, PolicyName, "EntityNotExist.Policy");
    const current = policy.versions.find(({ isDefault }) => isDefault);
    return {
      Policy: {
        PolicyName,
        PolicyType: "Custom",
        Description: policy.description,
        DefaultVersion: current?.id,
      },
      DefaultPolicyVersion: { VersionId: current?.id, PolicyDocument: current?.document },
    };
  },
  CreatePolicy: (state, { PolicyName = "", Description = "", PolicyDocument = "" }) => {
    if (!/^[A-Za-z0-9-]{1,128}$/.test(PolicyName)) throw new Refusal(400, "InvalidParameter");
    if (state.policies.has(PolicyName)) throw new Refusal(409, "EntityAlreadyExists.Policy");
    const policy: Policy = { description: Description, versions: [], made: 0 };
    addVersion(policy, PolicyDocument);
    state.policies.set(PolicyName, policy);
    return { Policy: { PolicyName } };
  },
  CreatePolicyVersion: (state, params) => {
    const { PolicyName = "", PolicyDocument = "", RotateStrategy } = params;
    const policy = need(state.policies, PolicyName, "EntityNotExist.Policy");
    if (policy.versions.length >= MOST_VERSIONS) {
      const oldest = policy.versions.findIndex(({ isDefault }) => !isDefault);
      if (RotateStrategy !== "DeleteOldestNonDefaultVersionWhenLimitExceeded" || oldest < 0) {
        throw new Refusal(409, "LimitExceeded.Policy.Version");
      }
      policy.versions.splice(oldest, 1);
    }
    if (params.SetAsDefault === "true") {
      for (const version of policy.versions) version.isDefault = false;
    }
    addVersion(policy, PolicyDocument);
    return { PolicyVersion: { VersionId: policy.versions.at(-1)?.id } };
  },
  ListPolicyVersions: (state, { PolicyName = "" }) => {
    const { versions } = need(state.policies, PolicyName, "EntityNotExist.Policy");
    const list = versions.map(({ id, isDefault }) => ({
      VersionId: id,
      IsDefaultVersion: isDefault,
    }));
    return { PolicyVersions: { PolicyVersion: list } };
  },
  DeletePolicyVersion: (state, { PolicyName = "", VersionId = "" }) => {
    const { versions } = need(state.policies, PolicyName, "EntityNotExist.Policy");
    const at = versions.findIndex(({ id }) => id === VersionId);
    if (at < 0) throw new Refusal(404, "EntityNotExist.Policy.Version");
    if (versions[at]?.isDefault) throw new Refusal(409, "DeleteConflict.PolicyVersion.Default");
    versions.splice(at, 1);
    return {};
  },
  DeletePolicy: (state, { PolicyName = "" }) => {
    const { versions } = need(state.policies, PolicyName, "EntityNotExist.Policy");
    if (versions.length > 1) throw new Refusal(409, "DeleteConflict.Policy.Version");
    const isAttached = [...state.roles.values()].some(({ policies }) => policies.has(PolicyName));
    if (isAttached) throw new Refusal(409, "DeleteConflict.Policy.Role");
    state.policies.delete(PolicyName);
    return {};
  },
};

function addVersion(policy: Policy, document: string): void {
  const { Version, Statement } = JSON.parse(document) as { Version: string; Statement: unknown[] };
  if (Version !== "1" || !Array.isArray(Statement))
    throw new Refusal(400, "MalformedPolicyDocument");
  policy.made += 1;
  policy.versions.push({ id: `v${policy.made}`, document, isDefault: true });
}

function describeRole(name: string, description: string, createdAt: number, accountId: string) {
  return {
    RoleName: name,
    Description: description,
    Arn: `acs:ram::${accountId}:role/${name.toLowerCase()}`,
    CreateDate: new Date(createdAt).toISOString(),
  };
}

function need<T>(map: ReadonlyMap<string, T>, name: string, code: string): T {
  const found = map.get(name);
  if (found === undefined) throw new Refusal(404, code);
  return found;
}

function json(status: number, body: object): CloudAnswer {
  return {
    status,
    headers: { "content-type": "application/json;charset=utf-8" },
    body: JSON.stringify(body),
  };
}
