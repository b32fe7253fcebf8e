import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { text as readText } from "node:stream/consumers";
import { insecureProblems } from "../signing/insecure.ts";
import { type Answer, type Cloud, DeployError, refusalOf } from "./cloud.ts";
import type { Target } from "./plan.ts";

const require = createRequire(import.meta.url);
/** A package that comes with another one. */
const through = (owner: string, name: string) => createRequire(require.resolve(owner))(name);

const TIMEOUT_MS = 30_000;
/** An invocation may take as long as the function's own timeout. */
const INVOKE_TIMEOUT_MS = 120_000;

/** @throws DeployError that lists the variables with which nothing is sent, and how to unset them */
export function assertSecure(environment: NodeJS.ProcessEnv): void {
  const problems = insecureProblems(environment);
  const names = problems.map((text) => text.split(" ", 1)[0]);
  if (problems.length > 0)
    throw new DeployError([...problems, `Run: unset ${names.join(" ")}`].join("\n"));
}

export type Keys = {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken: string | undefined;
};

const NO_KEYS = `ALIBABA_CLOUD_ACCESS_KEY_ID  is not set, and no profile of the aliyun CLI was found.
  Run: export ALIBABA_CLOUD_ACCESS_KEY_ID=… ALIBABA_CLOUD_ACCESS_KEY_SECRET=… (or: aliyun configure)`;

/** By an explicit chain: the package's own ends with the metadata address and a host `undefined`. */
export async function findKeys(
  environment: NodeJS.ProcessEnv,
): Promise<{ readonly keys: Keys } | { readonly problem: string }> {
  const of = (name: string) => environment[`ALIBABA_CLOUD_${name}`] || undefined;
  const [accessKeyId, accessKeySecret] = [of("ACCESS_KEY_ID"), of("ACCESS_KEY_SECRET")];
  if (accessKeyId && accessKeySecret) {
    return { keys: { accessKeyId, accessKeySecret, securityToken: of("SECURITY_TOKEN") } };
  }
  if (accessKeyId || accessKeySecret) {
    const missing = `ALIBABA_CLOUD_ACCESS_KEY_${accessKeyId ? "SECRET" : "ID"}`;
    return { problem: `${missing}  is not set, but its other half is. Run: export ${missing}=…` };
  }
  const chain = require("@alicloud/credentials");
  const profile = of("PROFILE");
  const role = of("ECS_METADATA");
  const hasProfile = profile || existsSync(path.join(os.homedir(), ".aliyun", "config.json"));
  const places = [
    [of("OIDC_TOKEN_FILE") && of("ROLE_ARN"), "ALIBABA_CLOUD_OIDC_TOKEN_FILE", "OIDCRoleArn"],
    [hasProfile, `profile ${profile ?? "in use"}`, "CLIProfile"],
    [role, "ALIBABA_CLOUD_ECS_METADATA", "ECSRAMRole"],
  ] as const;
  const [, name, kind] = places.find(([isGiven]) => isGiven) ?? [];
  if (!name) return { problem: NO_KEYS };
  try {
    const builder = chain[`${kind}CredentialsProvider`].builder();
    if (role) builder.withRoleName?.(role);
    const found = await builder.build().getCredentials();
    const { accessKeyId, accessKeySecret, securityToken = undefined } = found;
    if (accessKeyId && accessKeySecret)
      return { keys: { accessKeyId, accessKeySecret, securityToken } };
  } catch {
    // Its errors may hold the whole configuration file.
  }
  return { problem: `No credentials came from ${name}. Run: aliyun sts GetCallerIdentity` };
}

type FcInput = { query?: object; body?: Answer; headers?: object; readTimeout?: number };

/** The APIs of a deployment, each over TLS. A failed call becomes a DeployError without a secret. */
export function createClients(keys: Keys, { accountId, region }: Target, hide: Cloud["hide"]) {
  const call = <T>(product: string, operation: string, about: string, run: () => Promise<T>) =>
    run().catch((error): never => {
      const words = operation.replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
      throw refusalOf(error, `${words} ${about}`.trim(), product, hide);
    });

  const { default: Client } = require("@alicloud/fc20230330");
  const { Config } = through("@alicloud/fc20230330", "@alicloud/openapi-core").$OpenApiUtil;
  const { RuntimeOptions } = through("@alicloud/fc20230330", "@darabonba/typescript");
  const type = keys.securityToken ? "sts" : "access_key";
  const endpoint = `${accountId}.${region}.fc.aliyuncs.com`;
  const config = { ...keys, type, endpoint, protocol: "HTTPS", regionId: region };
  const client = new Client(new Config(config));
  const runFc = (operation: string, place: readonly string[], given: FcInput): Promise<Answer> => {
    const { query, body, headers = {}, readTimeout = TIMEOUT_MS } = given;
    const run = client[`${operation}WithOptions`];
    // Only some operations take a request, before the headers and the options.
    const request = { ...query, body, validate: () => undefined };
    const args = run.length > place.length + 2 ? [...place, request] : place;
    const runtime = { autoretry: false, connectTimeout: 10_000, readTimeout };
    return run.call(client, ...args, headers, new RuntimeOptions(runtime));
  };

  const ofPlugin = (name: string) => through("serverless-aliyun-function-compute", name);
  /** By POST, because with GET the access key stands in the address. */
  const createRpc = (product: string, version: string) => {
    const endpoint = `https://${product.toLowerCase()}.aliyuncs.com`;
    const rpc = new (ofPlugin("@alicloud/ram"))({ ...keys, endpoint });
    rpc.apiVersion = version;
    return (action: string, params: Record<string, unknown> = {}): Promise<Answer> =>
      call(product, action, String(params.PolicyName ?? params.RoleName ?? ""), async () => {
        const answer = await rpc.request(action, params, { method: "POST", timeout: TIMEOUT_MS });
        // The SDK takes any JSON without a Code for an answer, whatever the HTTP status.
        if (typeof answer?.RequestId !== "string") throw new Error("unreadable");
        return answer;
      });
  };
  const logEndpoint = `https://${region}.log.aliyuncs.com`;
  const log = new (ofPlugin("@alicloud/log"))({ ...keys, endpoint: logEndpoint });

  return {
    /** One operation by its SDK's name: on a function or trigger, with a body or a query. */
    fc: (operation: string, place: readonly string[], given: FcInput = {}): Promise<Answer> => {
      const about = place.join(" ") || given.body?.functionName || `in ${region}`;
      const run = async () => (await runFc(operation, place, given)).body;
      return call("Function Compute", operation, about, run);
    },
    /** A direct invocation. `failed`: the function ended with an error, which `text` holds. */
    invoke: (name: string, payload: string) =>
      call("Function Compute", "invokeFunction", name, async () => {
        const body = Readable.from([Buffer.from(payload)]);
        const headers = { xFcInvocationType: "Sync" };
        const given = { body, headers, readTimeout: INVOKE_TIMEOUT_MS };
        const answer = await runFc("invokeFunction", [name], given);
        const failed = Boolean(answer.headers?.["x-fc-error-type"]);
        return { text: await readText(answer.body), failed };
      }),
    ram: createRpc("RAM", "2015-05-01"),
    sts: createRpc("STS", "2015-04-01"),
    log: (method: string, ...args: unknown[]): Promise<Answer> => {
      const about = args.filter((one) => typeof one === "string").join("/");
      return call("Log Service", method, about, async () => {
        const answer = await log[method](...args, { timeout: TIMEOUT_MS });
        // The SDK looks at the body only: a proxy's error page would count as done.
        if (typeof answer === "string" && answer.trim() !== "") throw new Error("unreadable");
        return answer;
      });
    },
  };
}

export type Clients = ReturnType<typeof createClients>;
