import { readFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

/**
 * @typedef {object} DeployCredentials
 * @property {string} accessKeyId
 * @property {string} accessKeySecret
 * @property {string | undefined} securityToken
 * @property {string | undefined} accountId the one that the user means, if it was told
 */

/**
 * The deploying user's credentials: from the environment, else from the file that
 * `provider.credentials` names, in the form the provider plugin reads (`[default]` with
 * `aliyun_access_key_id`, `aliyun_access_key_secret`, `aliyun_account_id`).
 *
 * @param {Readonly<Record<string, string | undefined>>} environment
 * @param {string | undefined} file
 * @returns {Promise<{ credentials: DeployCredentials } | { problem: string }>} what is missing, else
 */
export async function findCredentials(environment, file) {
  const accessKeyId = environment.ALIBABA_CLOUD_ACCESS_KEY_ID;
  const accessKeySecret = environment.ALIBABA_CLOUD_ACCESS_KEY_SECRET;
  const accountId = environment.ALIBABA_CLOUD_ACCOUNT_ID || undefined;
  if (Boolean(accessKeyId) !== Boolean(accessKeySecret)) {
    return {
      problem:
        "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET together: one of them is missing",
    };
  }
  if (accessKeyId && accessKeySecret) {
    const securityToken = environment.ALIBABA_CLOUD_SECURITY_TOKEN || undefined;
    return checked({ accessKeyId, accessKeySecret, securityToken, accountId });
  }
  if (file) {
    const found = await readProfile(file);
    if (!found) return { problem: "the file that provider.credentials names cannot be read" };
    return checked({
      accessKeyId: found.get("aliyun_access_key_id") ?? "",
      accessKeySecret: found.get("aliyun_access_key_secret") ?? "",
      securityToken: found.get("aliyun_security_token"),
      accountId: accountId ?? found.get("aliyun_account_id"),
    });
  }
  return {
    problem:
      "there are no credentials: set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET (and ALIBABA_CLOUD_SECURITY_TOKEN for temporary ones), or name a file with provider.credentials",
  };
}

/**
 * @param {DeployCredentials} credentials
 * @returns {{ credentials: DeployCredentials } | { problem: string }}
 */
function checked(credentials) {
  if (!credentials.accessKeyId || !credentials.accessKeySecret) {
    return {
      problem:
        "the file of provider.credentials needs aliyun_access_key_id and aliyun_access_key_secret under [default]",
    };
  }
  if (credentials.accountId && !/^\d{5,20}$/.test(credentials.accountId)) {
    return { problem: "ALIBABA_CLOUD_ACCOUNT_ID must be the account's number" };
  }
  return { credentials };
}

/**
 * @param {string} file
 * @returns {Promise<Map<string, string> | undefined>}
 */
async function readProfile(file) {
  const place = file.startsWith("~") ? path.join(os.homedir(), file.slice(1)) : file;
  const text = await readFile(place, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const values = new Map();
  let section = "";
  for (const line of text.split(/\r?\n/)) {
    const heading = /^\s*\[(.+)\]\s*$/.exec(line);
    if (heading) section = heading[1] ?? "";
    const [, key, value] = /^\s*([\w.]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (section === "default" && key && value) values.set(key, value.replace(/^"(.*)"$/, "$1"));
  }
  return values;
}
