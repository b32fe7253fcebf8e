import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";

export type Timing = {
  /** ms until the file was loaded */
  readonly load: number;
  /** ms until the first answer, loading included */
  readonly call: number;
  /** ms of the processor until then, which a busy machine changes less */
  readonly cpu: number;
  /** ms from the start of the process to its answer */
  readonly wall: number;
};

/** What the platform does in a fresh instance: load the file, hand over one event, await the answer. */
export const PROBE = `
const [, , file, name, event, right] = process.argv;
const cpuBefore = process.cpuUsage();
const startedAt = process.hrtime.bigint();
const handler = require(file)[name];
const loadedAt = process.hrtime.bigint();
const ms = (from, to) => Number(to - from) / 1e6;
handler(Buffer.from(event, "base64"), { requestId: "r-1", credentials: {}, accountId: "1" }).then(
  (answer) => {
    const answeredAt = process.hrtime.bigint();
    const { user, system } = process.cpuUsage(cpuBefore);
    const text = answer.body ?? JSON.stringify(answer);
    if (answer.statusCode >= 300 || !text.includes(right)) {
      console.error(answer.statusCode, text);
      process.exit(2);
    }
    process.send({ load: ms(startedAt, loadedAt), call: ms(startedAt, answeredAt), cpu: (user + system) / 1000 });
    process.disconnect();
  },
);
`;

export type ColdCall = {
  readonly file: string;
  /** The export that is the handler. */
  readonly name: string;
  readonly event: Buffer;
  /** What the right answer holds. */
  readonly answer: string;
  readonly env: Readonly<Record<string, string>>;
};

/** One fresh process, in the group of a limited processor if one is given. */
export async function measure(probe: string, call: ColdCall, group?: CpuGroup): Promise<Timing> {
  const { file, name, event, answer, env } = call;
  const args = [process.execPath, probe, file, name, event.toString("base64"), answer];
  const [command = "", ...rest] = group
    ? ["/bin/sh", "-c", `echo $$ > ${group.tasks} && exec "$@"`, "sh", ...args]
    : args;
  const startedAt = performance.now();
  const child = spawn(command, rest, { env, stdio: ["ignore", "ignore", "pipe", "ipc"] });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const timing = new Promise<Timing>((resolve, reject) => {
    child.once("message", (message) =>
      resolve({ ...(message as Omit<Timing, "wall">), wall: performance.now() - startedAt }),
    );
    child.once("exit", (code) => reject(new Error(`the probe ended with ${code}: ${said}`)));
  });
  const closed = once(child, "close");
  const found = await timing;
  await closed;
  return found;
}

export type CpuGroup = {
  /** Who writes its process id here belongs to the group. */
  readonly tasks: string;
  remove(): void;
};

const PERIOD_US = 10_000;

/**
 * A group of processes that have so much of a processor, as the kernel's control groups limit it.
 * Undefined where this user may not make one.
 */
export function limitCpu(vcpu: number): CpuGroup | undefined {
  const quota = Math.round(PERIOD_US * vcpu);
  const versions = [
    {
      root: "/sys/fs/cgroup/cpu",
      tasks: "tasks",
      period: "cpu.cfs_period_us",
      quota: "cpu.cfs_quota_us",
    },
    { root: "/sys/fs/cgroup", tasks: "cgroup.procs", max: "cpu.max" },
  ];
  for (const { root, tasks, period, quota: file, max } of versions) {
    if (!existsSync(`${root}/${tasks}`)) continue;
    const folder = `${root}/waba-cold-${process.pid}`;
    try {
      mkdirSync(folder, { recursive: true });
      if (max) writeFileSync(`${folder}/${max}`, `${quota} ${PERIOD_US}`);
      if (period && file) {
        writeFileSync(`${folder}/${period}`, String(PERIOD_US));
        writeFileSync(`${folder}/${file}`, String(quota));
      }
      return { tasks: `${folder}/${tasks}`, remove: () => rmdirSync(folder) };
    } catch {
      // Not allowed, or this kernel has not this version.
    }
  }
  return undefined;
}
