import { type Config, type Environment, loadConfig } from "../config.ts";
import { isAppError } from "../errors.ts";
import { FUNCTIONS } from "../functions.js";
import { storeOf } from "../store/stores.js";
import { parseTablestoreUrl } from "../store/tablestore-url.ts";

export type Finding = { readonly state: "ok" | "warning" | "error"; readonly text: string };

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
  for (const row of FUNCTIONS) {
    const environment = functions.find(({ key }) => key === row.name)?.environment;
    if (!environment) continue;
    try {
      configs.set(row.name, loadConfig(environment, row));
    } catch (error) {
      if (!isAppError(error) || error.code !== "ERR_CONFIG") throw error;
      for (const { path, message } of error.problems) problems.add(`${path} ${message}`);
    }
  }
  const findings: Finding[] = [...problems].map((text) => ({ state: "error", text }));
  findings.push(...checkStoreUrl(storeUrlOf(functions), region));
  const keyed = [...configs.values()].find(({ apiKeys }) => apiKeys.length > 0);
  if (keyed) {
    const names = keyed.apiKeys.map(
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
