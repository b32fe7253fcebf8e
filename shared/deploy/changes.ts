import { DeployError } from "./cloud.ts";
import { type Found, ownFunctions } from "./functions.ts";
import type { FunctionPlan, Plan } from "./plan.ts";
import { droppedOf } from "./service.ts";

/** Their values may hold a key, a password or a token. */
const SECRET = /KEY|SECRET|TOKEN|PASSWORD|URL/;
const isSecret = (name: string, value: string) =>
  SECRET.test(name) && !value.startsWith("tablestore://");

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

/**
 * What a deployment changes of what runs, by name, and the values of what is no secret. `gone` names
 * settings and functions that would disappear.
 */
export function describeChanges(
  plan: Plan,
  found: readonly Found[],
  only?: string,
): { readonly lines: string[]; readonly gone: string[] } {
  const own = ownFunctions(found, plan);
  const lines: string[] = [];
  const gone: string[] = [];
  for (const one of plan.functions) {
    const now = own.find(({ functionName }) => functionName === one.name);
    if (!now || (only !== undefined && one.key !== only)) continue;
    compare(one, now, { lines, gone });
  }
  if (only === undefined) {
    for (const { functionName } of droppedOf(plan, found)) {
      const key = String(functionName).slice(plan.names.functionPrefix.length);
      lines.push(`- ${key}  the function`);
      gone.push(key);
    }
  }
  return { lines, gone };
}

const SIZES = ["runtime", "memorySize", "cpu", "timeout"];

function compare(one: FunctionPlan, now: Found, to: { lines: string[]; gone: string[] }) {
  const before: Record<string, string> = { ...now.environmentVariables };
  const after = one.environment;
  for (const name of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()) {
    const [old, next] = [before[name], after[name]];
    if (old === next) continue;
    const show = (value = "") => (isSecret(name, value) ? "" : ` ${value}`);
    if (next === undefined) {
      to.gone.push(name);
      to.lines.push(`- ${one.key}  ${name}${show(old)}`);
    } else if (old === undefined) to.lines.push(`+ ${one.key}  ${name}${show(next)}`);
    else
      to.lines.push(
        `~ ${one.key}  ${name}${show(old) && show(next) && `${show(old)} ->${show(next)}`}`,
      );
  }
  for (const name of SIZES) {
    if (now[name] === one.input[name]) continue;
    to.lines.push(`~ ${one.key}  ${name} ${now[name]} -> ${one.input[name]}`);
  }
}

/** @throws DeployError if something that runs would disappear, and nobody said that it may */
export function assertNothingLost(
  gone: readonly string[],
  { stage }: Plan["target"],
  yes: boolean,
) {
  if (gone.length === 0 || yes) return;
  throw new DeployError(
    [
      `What runs in stage ${stage} now would disappear: ${[...new Set(gone)].join(", ")}. Nothing was changed.`,
      `To keep it, set it in .env.${stage} or in this shell, or list it in serverless.yml.`,
      `To let it go, run: npm run deploy -- --stage ${stage} --yes`,
    ].join("\n"),
  );
}
