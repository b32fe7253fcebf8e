import { setTimeout as sleep } from "node:timers/promises";
import { DeployError } from "./deploy-error.js";

/**
 * Runs the checks and prints one line each.
 *
 * @param {{
 *   plan: import("./plan.js").Plan,
 *   credentials: import("./credentials.js").DeployCredentials,
 * }} connection
 * @param {{ say: (text: string) => void, areFatal: boolean }} how `areFatal`: warnings count as
 *   failures too
 * @throws {DeployError} with everything that has to be mended
 */
export async function runChecks({ plan, credentials }, { say, areFatal }) {
  // The checks use what ships, which is TypeScript, and the framework loads plain JavaScript only.
  const { tsImport } = await import("tsx/esm/api");
  /** @type {typeof import("./checks.ts")} */
  const { checkDeployment } = await tsImport("./checks.ts", import.meta.url);
  const poll = plan.functions.find(({ key }) => key === "poll");
  const findings = await checkDeployment(
    {
      functions: plan.functions.map(({ key, environment }) => ({ key, environment })),
      target: plan.target,
      poll: {
        memoryMb: Number(poll?.input.memorySize ?? 0),
        cpu: Number(poll?.input.cpu ?? 0),
      },
      credentials,
    },
    { now: Date.now, monotonic: () => performance.now(), random: Math.random, sleep },
  );
  const marks = { ok: "ok      ", warning: "warning ", error: "error   " };
  for (const { state, text } of findings) say(`${marks[state]}${text}`);
  const fatal = findings.filter(
    ({ state }) => state === "error" || (areFatal && state === "warning"),
  );
  if (fatal.length > 0) {
    throw new DeployError(
      `To be mended before a deployment: ${fatal.map(({ text }) => text).join("; ")}.`,
    );
  }
}
