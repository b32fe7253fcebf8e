import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createRequire } from "node:module";
import { Readable } from "node:stream";

const require = createRequire(import.meta.url);

/** @param {string} name of a package that comes with the provider plugin */
const ofPlugin = (name) =>
  createRequire(require.resolve("serverless-aliyun-function-compute"))(name);

/** Node tells of each answer to a request here. */
const RESPONSES = "http.client.response.finish";

const TIMEOUT_MS = 30_000;
/** An invocation may take as long as the function's own timeout. */
const INVOKE_TIMEOUT_MS = 120_000;

/**
 * The three APIs of a deployment, each over TLS. RAM and Log Service are spoken to with the provider
 * plugin's own SDKs; RAM by POST, as with GET the access key stands in the address.
 *
 * @param {import("./credentials.js").DeployCredentials & { accountId: string }} credentials
 * @param {string} region
 */
export function createClients(credentials, region) {
  const { accessKeyId, accessKeySecret, securityToken, accountId } = credentials;
  const fc = require("@alicloud/fc20230330");
  // Not stated as dependencies of this project: they come with the SDK and with the plugin.
  const ofSdk = createRequire(require.resolve("@alicloud/fc20230330"));
  const { Config } = ofSdk("@alicloud/openapi-core").$OpenApiUtil;
  const { RuntimeOptions } = ofSdk("@darabonba/typescript");
  const Log = ofPlugin("@alicloud/log");
  const keys = { accessKeyId, accessKeySecret, securityToken };

  /** @type {any} the operations are called by name */
  const client = new fc.default(
    new Config({
      ...keys,
      type: securityToken ? "sts" : "access_key",
      endpoint: `${accountId}.${region}.fc.aliyuncs.com`,
      protocol: "HTTPS",
      regionId: region,
    }),
  );
  const log = new Log({ ...keys, endpoint: `https://${region}.log.aliyuncs.com` });
  const ram = createRpc(keys, "https://ram.aliyuncs.com", "2015-05-01");
  /** @param {number} readTimeout */
  const runtime = (readTimeout) =>
    new RuntimeOptions({ autoretry: false, connectTimeout: 10_000, readTimeout });

  /**
   * @param {string} method
   * @param {...unknown} args
   * @returns {Promise<any>}
   */
  const callLog = async (method, ...args) => {
    const answer = await log[method](...args, { timeout: TIMEOUT_MS });
    // The SDK looks at the body only: a proxy's error page would count as done.
    if (typeof answer === "string" && answer.trim() !== "") {
      throw Object.assign(new Error("unreadable"), { code: "UnreadableAnswer" });
    }
    return answer;
  };

  return {
    /**
     * @param {string} operation a method of the SDK, without `WithOptions`
     * @param {...unknown} args
     * @returns {Promise<any>} the answer's body
     */
    async fc(operation, ...args) {
      const answer = await client[`${operation}WithOptions`](...args, {}, runtime(TIMEOUT_MS));
      return answer.body;
    },
    /** The SDK's classes of requests. */
    models: fc,
    /**
     * @param {string} name
     * @param {string} payload
     * @returns {Promise<{ text: string, failed: boolean }>}
     */
    async invoke(name, payload) {
      const answer = await client.invokeFunctionWithOptions(
        name,
        new fc.InvokeFunctionRequest({ body: Readable.from([Buffer.from(payload)]) }),
        new fc.InvokeFunctionHeaders({ xFcInvocationType: "Sync" }),
        runtime(INVOKE_TIMEOUT_MS),
      );
      const chunks = [];
      for await (const chunk of answer.body) chunks.push(chunk);
      return {
        text: Buffer.concat(chunks).toString(),
        failed: Boolean(answer.headers?.["x-fc-error-type"]),
      };
    },
    ram,
    /** A method of the Log Service SDK, by name. */
    log: callLog,
    /**
     * One page of log lines; one call at a time.
     *
     * @param {string} project
     * @param {string} logstore
     * @param {{ from: Date, until: Date, query: string, offset: number, line: number }} page
     * @returns {Promise<{ rows: any[], isComplete: boolean }>} `isComplete`: all was searched
     */
    async readLogs(project, logstore, { from, until, ...page }) {
      const options = { ...page, reverse: false };
      /** @type {string | undefined} */
      let progress;
      // Only a header tells how far the search came, and the SDK keeps headers to itself.
      /** @param {any} message */
      const listen = ({ response }) => {
        progress = response?.headers?.["x-log-progress"] ?? progress;
      };
      subscribe(RESPONSES, listen);
      try {
        const answer = await callLog("getLogs", project, logstore, from, until, options);
        const rows = Array.isArray(answer) ? answer : Object.values(answer ?? {});
        return { rows, isComplete: progress !== "Incomplete" };
      } finally {
        unsubscribe(RESPONSES, listen);
      }
    },
  };
}

/** @typedef {ReturnType<typeof createClients>} Clients */

/**
 * Asks whose credentials these are, which every user may.
 *
 * @param {import("./credentials.js").DeployCredentials} credentials
 * @returns {Promise<string>} the account's number
 */
export async function askAccountId({ accessKeyId, accessKeySecret, securityToken }) {
  const keys = { accessKeyId, accessKeySecret, securityToken };
  const sts = createRpc(keys, "https://sts.aliyuncs.com", "2015-04-01");
  const { AccountId } = await sts("GetCallerIdentity", {});
  if (!/^\d{5,20}$/.test(String(AccountId))) {
    throw Object.assign(new Error("unreadable"), { code: "UnreadableAnswer" });
  }
  return String(AccountId);
}

/**
 * @param {{ accessKeyId: string, accessKeySecret: string, securityToken: string | undefined }} keys
 * @param {string} endpoint
 * @param {string} version
 * @returns {(action: string, params: Record<string, unknown>) => Promise<any>}
 */
function createRpc(keys, endpoint, version) {
  const Ram = ofPlugin("@alicloud/ram");
  const client = new Ram({ ...keys, endpoint });
  client.apiVersion = version;
  return async (action, params) => {
    const answer = await client.request(action, params, { method: "POST", timeout: TIMEOUT_MS });
    // The SDK takes any JSON without a Code for an answer, whatever the HTTP status.
    if (typeof answer?.RequestId !== "string") {
      throw Object.assign(new Error("unreadable"), { code: "UnreadableAnswer" });
    }
    return answer;
  };
}
