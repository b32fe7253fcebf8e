import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export type Child = {
  readonly pid: number;
  /** Lets it act. Resolves to what it prints of the outcome. */
  act(): Promise<string>;
  /** kill -9, then waits until the process is gone. */
  kill(): Promise<void>;
};

/** Starts child.ts and waits until it is ready to act. */
export async function startChild(command: "lock" | "put", path: string): Promise<Child> {
  const file = fileURLToPath(new URL("./child.ts", import.meta.url));
  const child: ChildProcess = spawn(process.execPath, ["--import", "tsx", file, command, path], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  if (!child.stdout) throw new Error("a child without output");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => String((await lines.next()).value);
  await next();
  return {
    pid: child.pid ?? 0,
    act() {
      child.stdin?.write("go\n");
      return next();
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
