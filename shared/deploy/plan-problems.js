import { cronProblem } from "./cron.js";
import { nothingSent } from "./deploy-error.js";
import { nameProblems } from "./names.js";

/** Names and values of a function's variables together, as Function Compute counts them. */
const LARGEST_ENVIRONMENT_BYTES = 4096;

/**
 * All that Function Compute, RAM or Log Service would refuse about a plan.
 *
 * @param {import("./plan.js").Plan} plan
 * @returns {string[]}
 */
export function planProblems({ target, functions }) {
  const names = functions.map(({ name }) => name);
  return [...nameProblems(target, names), ...functions.flatMap(functionProblems)];
}

/**
 * @param {import("./plan.js").Plan} plan
 * @returns {import("./plan.js").Plan} the same
 * @throws {import("./deploy-error.js").DeployError} that names each problem
 */
export function asserted(plan) {
  const problems = planProblems(plan);
  if (problems.length > 0) throw nothingSent(problems);
  return plan;
}

/**
 * @param {import("./plan.js").FunctionPlan} plan
 * @returns {string[]}
 */
function functionProblems({ key, input, environment, triggers }) {
  const problems = [];
  const cpu = Number(input.cpu);
  const gigabytes = Number(input.memorySize) / 1024;
  if (Math.abs(cpu * 20 - Math.round(cpu * 20)) > 1e-6) {
    problems.push(`the cpu of ${key} must be a multiple of 0.05`);
  }
  if (gigabytes / cpu < 1 - 1e-6 || gigabytes / cpu > 4 + 1e-6) {
    problems.push(`${key} must have 1 to 4 GB of memory for each vCPU`);
  }
  const bytes = Buffer.byteLength(Object.entries(environment).flat().join(""));
  if (bytes > LARGEST_ENVIRONMENT_BYTES) {
    const [longest] = Object.keys(environment).sort(
      (a, b) => (environment[b]?.length ?? 0) - (environment[a]?.length ?? 0),
    );
    problems.push(
      `the environment of ${key} has ${bytes} bytes, ${LARGEST_ENVIRONMENT_BYTES} are allowed: shorten ${longest}`,
    );
  }
  if (triggers.filter(({ type }) => type === "http").length > 1) {
    problems.push(`${key} has more than one http event, and a function has one address`);
  }
  for (const { type, config } of triggers) {
    const problem = type === "timer" && cronProblem(String(config.cronExpression));
    if (problem) problems.push(`the timer's cron of ${key} ${problem}`);
  }
  return problems;
}
