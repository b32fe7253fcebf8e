import { DeployError } from "./cloud.ts";
import { type Found, ownFunctions } from "./functions.ts";
import type { Plan } from "./plan.ts";
import { droppedOf } from "./service.ts";

/** The functions' STORE_URL names the host that poll's check found, which the user does not write. */
export function withDeployedHost(plan: Plan, found: readonly Found[]): Plan {
  const deployed = ownFunctions(found, plan).map(
    ({ environmentVariables }) => Object(environmentVariables).STORE_URL as string | undefined,
  );
  const functions = plan.functions.map((one) => {
    const wanted = one.environment.STORE_URL;
    if (!wanted?.startsWith("tablestore://") || wanted.includes("?endpoint=")) return one;
    const STORE_URL = deployed.find((url) => url?.startsWith(`${wanted}?endpoint=`)) ?? wanted;
    return { ...one, environment: { ...one.environment, STORE_URL } };
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
    const sizes = (all: Readonly<Record<string, unknown>>) =>
      Object.fromEntries(SIZES.map((size) => [size, all[size]]));
    const before: Record<string, unknown> = { ...sizes(now), ...now.environmentVariables };
    const after: Record<string, unknown> = { ...sizes(input), ...environment };
    for (const setting of new Set([...Object.keys(before), ...Object.keys(after)].sort())) {
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
  for (const { functionName } of only === undefined ? droppedOf(plan, found) : []) {
    const key = String(functionName).slice(plan.names.functionPrefix.length);
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
