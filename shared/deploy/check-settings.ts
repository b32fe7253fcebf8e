import { type Config, type Environment, type FunctionName, loadConfig } from "../config.ts";
import { isAppError } from "../errors.ts";
import { storeOf } from "../store/stores.js";
import { parseTablestoreUrl } from "../store/tablestore-url.ts";

export type Finding = { readonly state: "ok" | "warning" | "error"; readonly text: string };

const NAMES: readonly FunctionName[] = ["add", "query", "poll"];

/**
 * What the text of the functions' environments tells, without a call. No finding holds a value of a
 * setting. `configs` has the functions whose settings are right.
 */
export function checkSettings(
  functions: readonly { readonly key: string; readonly environment: Environment }[],
  region: string,
): { findings: Finding[]; configs: ReadonlyMap<string, Config> } {
  const configs = new Map<string, Config>();
  const problems = new Set<string>();
  for (const name of NAMES) {
    const environment = functions.find(({ key }) => key === name)?.environment;
    if (!environment) continue;
    try {
      configs.set(name, loadConfig(environment, name));
    } catch (error) {
      if (!isAppError(error) || error.code !== "ERR_CONFIG") throw error;
      for (const { path, message } of error.problems) problems.add(`${path} ${message}`);
    }
  }
  const findings: Finding[] = [...problems].map((text) => ({ state: "error", text }));
  findings.push(...checkStoreUrl(storeUrlOf(functions), region));
  const keys = configs.get("add")?.apiKeys ?? configs.get("query")?.apiKeys;
  if (keys) {
    const names = keys.map(
      ({ name, scope }) => `${name} (${scope === "*" ? "every customer" : "one customer"})`,
    );
    findings.push({ state: "ok", text: `API keys: ${names.join(", ")}` });
  }
  return { findings, configs };
}

/** One store serves all functions. */
export function storeUrlOf(
  functions: readonly { readonly environment: Environment }[],
): string | undefined {
  return functions.find(({ environment }) => environment.STORE_URL)?.environment.STORE_URL;
}

function checkStoreUrl(url: string | undefined, region: string): Finding[] {
  if (!url) return [];
  if (storeOf(url)?.isShared === false) {
    return [
      {
        state: "error",
        text: "STORE_URL must name Tablestore or PostgreSQL: an instance of a function forgets everything",
      },
    ];
  }
  const place = parseTablestoreUrl(url)?.endpoint;
  if (place?.endsWith(".ots.aliyuncs.com") && !place.includes(`.${region}.`)) {
    return [
      {
        state: "warning",
        text: "STORE_URL names a store in another region: every call crosses over",
      },
    ];
  }
  return [];
}
