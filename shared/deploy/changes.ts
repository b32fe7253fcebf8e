import { DeployError } from "./cloud.ts";
import { type Found, ownFunctions } from "./functions.ts";
import type { Plan } from "./plan.ts";
import { droppedKeys } from "./service.ts";

/** The functions' STORE_URL names the host that poll's check found, which the user does not write. */
export function withDeployedHost(plan: Plan, found: readonly Found[]): Plan {
  const deployed: unknown[] = ownFunctions(found, plan).map(
    ({ environmentVariables }) => Object(environmentVariables).STORE_URL,
  );
  const functions = plan.functions.map((one) => {
    const wanted = one.environment.STORE_URL;
    if (!wanted?.startsWith("tablestore://") || wanted.includes("?endpoint=")) return one;
    const withHost = deployed.find((url) => String(url).startsWith(`${wanted}?endpoint=`));
    return { ...one, environment: { ...one.environment, STORE_URL: String(withHost ?? wanted) } };
  });
  return { ...plan, functions };
}

const SIZES = ["runtime", "memorySize", "cpu", "timeout"];
/** Their values may hold a key, a password or a token. */
const SECRET = /KEY|SECRET|TOKEN|PASSWORD|URL/;

/**
 * What a deployment changes of what runs, by name, and the values of what is no secret.
 *
 * @param only the one function that is deployed
 * @throws DeployError if a setting or function that runs would disappear, and `mayLose` is false
 */
export function showChanges(
  plan: Plan,
  found: readonly Found[],
  say: (text: string) => void,
  { only, mayLose }: { readonly only: string | undefined; readonly mayLose: boolean },
): void {
  const gone = new Set<string>();
  const own = ownFunctions(found, plan);
  for (const { key, name, environment, input } of plan.functions) {
    const now = own.find(({ functionName }) => functionName === name);
    if (!now || (only !== undefined && key !== only)) continue;
    const settingsOf = (all: Found, variables: object): Record<string, unknown> =>
      Object.fromEntries([...SIZES.map((size) => [size, all[size]]), ...Object.entries(variables)]);
    const before = settingsOf(now, Object(now.environmentVariables));
    const after = settingsOf(input, environment);
    for (const setting of Object.keys({ ...before, ...after }).sort()) {
      const [old, next] = [before[setting], after[setting]];
      if (old === next) continue;
      const values = [old, next].filter((value) => value !== undefined).map(String);
      const isOpen =
        !SECRET.test(setting) || values.every((text) => text.startsWith("tablestore:"));
      const sign = old === undefined ? "+" : next === undefined ? "-" : "~";
      say(`${sign} ${key}  ${setting}${isOpen ? ` ${values.join(" -> ")}` : ""}`);
      if (next === undefined) gone.add(setting);
    }
  }
  for (const key of only === undefined ? droppedKeys(plan, found) : []) {
    say(`- ${key}  the function`);
    gone.add(key);
  }
  if (gone.size === 0 || mayLose) return;
  const { stage } = plan.target;
  throw new DeployError(
    `What runs in stage ${stage} now would disappear: ${[...gone].join(", ")}. Nothing was changed.
To keep it, set it in .env.${stage} or in this shell, or list it in serverless.yml.
To let it go, run: npm run deploy -- --stage ${stage} --yes`,
  );
}
