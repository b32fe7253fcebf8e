import { type Answer, type Cloud, DeployError } from "./cloud.ts";
import type { Listed } from "./functions.ts";
import { commandLine, type Plan } from "./plan.ts";
import { droppedKeys, withStoreUrl } from "./service.ts";

/** The functions' STORE_URL names the host that poll's check found, which the user does not write. */
export function withDeployedHost(plan: Plan, { own }: Listed): Plan {
  const all = [...own.values()].map((one) => String(Object(one.environmentVariables).STORE_URL));
  const wanted = plan.functions.map(({ environment }) => environment.STORE_URL ?? "");
  const bare = wanted.find((url) => url.startsWith("tablestore:") && !url.includes("?"));
  return withStoreUrl(plan, bare, bare && all.find((url) => url.startsWith(`${bare}?endpoint=`)));
}

const SIZES = ["runtime", "memorySize", "cpu", "timeout"];

/** Whether a setting's value may hold a key, a password or a token. */
export const isSecret = (name: string, value: unknown): boolean =>
  /KEY|SECRET|TOKEN|PASSWORD|URL/.test(name) && !String(value).startsWith("tablestore:");

/** A function's settings by name. */
const settingsOf = (sizes: Answer, environment: object = {}): Record<string, unknown> =>
  Object.fromEntries([...SIZES.map((size) => [size, sizes[size]]), ...Object.entries(environment)]);

/**
 * Says what a deployment, or that of `only` one function, changes by name, and the values of what is
 * no secret. Throws if a setting or function that runs would disappear, and `mayLose` is false.
 */
export function showChanges(
  listed: Listed,
  { only, mayLose }: { readonly only: string | undefined; readonly mayLose: boolean },
  { plan, say }: Pick<Cloud, "plan" | "say">,
): void {
  const gone = new Set<string>();
  for (const { key, environment, input } of plan.functions) {
    const now = listed.own.get(key);
    if (!now || (only !== undefined && key !== only)) continue;
    const before = settingsOf(now, now.environmentVariables);
    const after = settingsOf(input, environment);
    for (const setting of Object.keys({ ...before, ...after }).sort()) {
      const [old, next] = [before[setting], after[setting]];
      if (old === next) continue;
      const values = [old, next].filter((value) => value !== undefined);
      const sign = old === undefined ? "+" : next === undefined ? "-" : "~";
      const isHidden = values.some((value) => isSecret(setting, value));
      const shown = isHidden ? "" : ` ${values.join(" -> ")}`;
      say(`${sign} ${key}  ${setting}${shown}`);
      if (next === undefined) gone.add(setting);
    }
  }
  for (const key of only === undefined ? droppedKeys(plan, listed) : []) {
    say(`- ${key}  the function`);
    gone.add(key);
  }
  if (gone.size === 0 || mayLose) return;
  const { stage } = plan.target;
  throw new DeployError(
    `What runs in stage ${stage} now would disappear: ${[...gone].join(", ")}. Nothing was changed.
To keep it, set it in .env.${stage} or in this shell, or list it in serverless.yml.
To let it go, run: ${commandLine("deploy", plan)} --yes`,
  );
}
