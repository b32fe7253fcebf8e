import { readFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { DeployError } from "./deploy-error.js";

/**
 * @typedef {object} DeployCredentials
 * @property {string} accessKeyId
 * @property {string} accessKeySecret
 * @property {string | undefined} securityToken
 * @property {string | undefined} accountId
 */

/**
 * The deploying user's credentials: from the environment, else from the file that
 * `provider.credentials` names, in the form the provider plugin reads (`[default]` with
 * `aliyun_access_key_id`, `aliyun_access_key_secret`, `aliyun_account_id`).
 *
 * @param {Readonly<Record<string, string | undefined>>} environment
 * @param {string | undefined} file
 * @returns {Promise<DeployCredentials>}
 * @throws {DeployError} that names what is missing
 */
export async function readCredentials(environment, file) {
  const accessKeyId = environment.ALIBABA_CLOUD_ACCESS_KEY_ID;
  const accessKeySecret = environment.ALIBABA_CLOUD_ACCESS_KEY_SECRET;
  const accountId = environment.ALIBABA_CLOUD_ACCOUNT_ID || undefined;
  if (Boolean(accessKeyId) !== Boolean(accessKeySecret)) {
    throw new DeployError(
      "Set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET together: one of them is missing. Nothing was sent.",
    );
  }
  if (accessKeyId && accessKeySecret) {
    const securityToken = environment.ALIBABA_CLOUD_SECURITY_TOKEN || undefined;
    return checked({ accessKeyId, accessKeySecret, securityToken, accountId });
  }
  if (file) {
    const found = await readProfile(file);
    return checked({
      accessKeyId: found.get("aliyun_access_key_id") ?? "",
      accessKeySecret: found.get("aliyun_access_key_secret") ?? "",
      securityToken: found.get("aliyun_security_token"),
      accountId: accountId ?? found.get("aliyun_account_id"),
    });
  }
  throw new DeployError(
    "There are no credentials: set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET (and ALIBABA_CLOUD_SECURITY_TOKEN for temporary ones), or name a file with provider.credentials. Nothing was sent.",
  );
}

/** @param {DeployCredentials} credentials */
function checked(credentials) {
  if (!credentials.accessKeyId || !credentials.accessKeySecret) {
    throw new DeployError(
      "The file of provider.credentials needs aliyun_access_key_id and aliyun_access_key_secret under [default]. Nothing was sent.",
    );
  }
  if (credentials.accountId && !/^\d{5,20}$/.test(credentials.accountId)) {
    throw new DeployError(
      "ALIBABA_CLOUD_ACCOUNT_ID must be the account's number. Nothing was sent.",
    );
  }
  return credentials;
}

/**
 * @param {string} file
 * @returns {Promise<Map<string, string>>}
 */
async function readProfile(file) {
  const place = file.startsWith("~") ? path.join(os.homedir(), file.slice(1)) : file;
  const text = await readFile(place, "utf8").catch(() => {
    throw new DeployError(
      "The file that provider.credentials names cannot be read. Nothing was sent.",
    );
  });
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
