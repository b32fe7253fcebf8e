import { Refusal } from "./cloud-request.ts";
import type { CloudState } from "./cloud-state.ts";
import { unzip } from "./unzip.ts";

const RUNTIMES = new Set(["nodejs20", "nodejs18", "nodejs16", "nodejs14", "nodejs12"]);

/** What Function Compute 3.0 refuses in a function, with the other services' state in view. */
export function checkSettings(state: CloudState, settings: Record<string, unknown>): void {
  const { runtime, handler, memorySize, cpu, timeout, role, logConfig } = settings;
  const refuse = (isWrong: boolean) => {
    if (isWrong) throw new Refusal(400, "InvalidArgument");
  };
  // Page "Runtime overview", 2026.
  if (!RUNTIMES.has(String(runtime))) {
    throw new Refusal(
      400,
      "InvalidArgument",
      `runtime '${runtime}' is not supported in this region`,
    );
  }
  // Pages "Request handlers" and "Limits", 2026: 128 MB to 32 GB by 64 MB, cpu by 0.05, 1 to 4 GB for a vCPU.
  refuse(!/^[^.]+\.[^.]+$/.test(String(handler)));
  refuse(Number(memorySize) % 64 !== 0 || Number(memorySize) < 128);
  refuse(Math.round(Number(cpu) * 20) !== Number(cpu) * 20);
  const perCpu = Number(memorySize) / 1024 / Number(cpu);
  refuse(!(perCpu >= 1 && perCpu <= 4));
  refuse(!(Number(timeout) >= 1 && Number(timeout) <= 86_400));
  // CreateFunction: a map of text to text.
  const variables = Object.entries((settings.environmentVariables ?? {}) as object);
  refuse(variables.some(([, value]) => typeof value !== "string"));

  // CreateFunction, role: an ARN that RAM writes in lower case. That it must trust fc is RAM's rule.
  const [, roleName] = /^acs:ram::\d+:role\/(.+)$/.exec(String(role)) ?? [];
  const found = [...state.roles].find(([name]) => name.toLowerCase() === roleName)?.[1];
  refuse(!found?.trust.includes("fc.aliyuncs.com"));
  if (found && found.unknownFor > 0) {
    found.unknownFor -= 1;
    throw new Refusal(400, "InvalidArgument", `role '${role}' cannot be assumed`);
  }
  const { project, logstore } = (logConfig ?? {}) as { project?: string; logstore?: string };
  const stores = state.projects.get(project ?? "")?.stores;
  // The sentences of github.com/devsapp/fc3, its list of texts to try again on.
  if (!stores) throw new Refusal(400, "InvalidArgument", `project '${project}' does not exist`);
  if (!stores.has(logstore ?? "")) {
    throw new Refusal(400, "InvalidArgument", `logstore '${logstore}' does not exist`);
  }
}

/** Page "Handlers": `file.method` is looked for at the archive's root. When it is checked is a guess. */
export function readCode(
  code: unknown,
  handler: string,
): { readonly code: Map<string, Buffer>; readonly archive: Buffer } {
  const { zipFile } = (code ?? {}) as { zipFile?: string };
  if (!zipFile) throw new Refusal(400, "InvalidArgument");
  const archive = Buffer.from(zipFile, "base64");
  let files: Map<string, Buffer>;
  try {
    files = unzip(archive);
  } catch {
    throw new Refusal(400, "InvalidZipFile");
  }
  if (!files.has(`${handler.split(".")[0]}.js`)) throw new Refusal(400, "HandlerNotFound");
  return { code: files, archive };
}
