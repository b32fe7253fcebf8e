import { POLL, QUERY } from "../functions.js";

/** @typedef {{ plan: import("./plan.js").FunctionPlan, triggers: any[] }} Deployed */

/**
 * What a user needs after a deployment: addresses, timer, logs and a line to try. It holds no value
 * of the environment.
 *
 * @param {import("./plan.js").Plan} plan
 * @param {readonly Deployed[]} deployed
 * @returns {string}
 */
export function describeDeployment({ names, target }, deployed) {
  const lines = [`${names.base} in ${target.region}`, ""];
  let query;
  for (const { plan, triggers } of deployed) {
    for (const { triggerName, triggerType, triggerConfig, httpTrigger } of triggers) {
      const config = parse(triggerConfig);
      const path = plan.triggers.find(({ name }) => name === triggerName)?.path ?? "";
      if (triggerType === "http" && httpTrigger?.urlInternet) {
        const url = `${String(httpTrigger.urlInternet).replace(/\/$/, "")}${path}`;
        if (plan.key === QUERY.name) query = url;
        lines.push(`  ${plan.key.padEnd(6)} ${(config.methods ?? []).join(", ")} ${url}`);
      } else if (triggerType === "timer") {
        const state = config.enable === false ? ", switched off" : "";
        lines.push(`  ${plan.key.padEnd(6)} timer ${config.cronExpression}${state}`);
      }
    }
    if (triggers.length === 0)
      lines.push(`  ${plan.key.padEnd(6)} ${plan.name}, without a trigger`);
  }
  if (deployed.length === 0) lines.push("  nothing is deployed");
  lines.push("", `  logs   Log Service, ${names.logProject}/${names.logstore}`);
  lines.push(
    `         npx serverless logs -f ${POLL.name} --stage ${target.stage} --region ${target.region}`,
  );
  if (query) {
    lines.push("", "Try it with a key of API_KEYS:", "");
    lines.push(`  curl "${query}?custSpaceId=self" -H "authorization: Bearer $KEY"`);
  }
  return lines.join("\n");
}

/** @param {string | undefined} text */
function parse(text) {
  try {
    return JSON.parse(text ?? "{}");
  } catch {
    return {};
  }
}
