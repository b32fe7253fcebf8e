import { link, open, readFile, rename, rm, unlink } from "node:fs/promises";
import { StoreInUseError } from "../errors.ts";

/** What the lock must know of processes. `startOf` is undefined where the system does not say. */
export type Processes = {
  readonly pid: number;
  readonly isAlive: (pid: number) => boolean;
  readonly startOf: (pid: number) => Promise<string | undefined>;
};

export type FolderLock = { release(): Promise<void> };

export type FolderLockOptions = {
  /** The lock file, in a folder that exists. Files named `<path>.…` are used beside it. */
  readonly path: string;
  /** `[A-Za-z0-9_-]+`, never used before. */
  readonly token: string;
  readonly processes: Processes;
};

type Owner = { readonly pid: number; readonly start?: string | undefined; readonly token: string };

/**
 * Takes the exclusive lock file of a folder, or takes it over from an owner that is gone. That is
 * one without a process, or whose number now belongs to a process that started at another time. It
 * holds among processes that see each other's numbers, so not between containers that share a disk.
 * @throws StoreInUseError while its owner lives, or if the file is no lock
 */
export async function acquireFolderLock(options: FolderLockOptions): Promise<FolderLock> {
  const { path, token, processes } = options;
  const self: Owner = { pid: processes.pid, start: await processes.startOf(processes.pid), token };
  const draft = `${path}.${token}.new`;
  // Written aside, then linked, so that a lock is whole when it appears.
  const file = await open(draft, "wx");
  try {
    await file.writeFile(JSON.stringify(self));
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    for (let isTaken = false; !isTaken; ) isTaken = await tryToTake(path, draft, self, processes);
  } finally {
    await unlink(draft);
  }
  return { release: () => unlink(path) };
}

/**
 * A file named after a dead owner takes over its lock, and only one process can make that file. Its
 * maker may die before it has moved the file over the lock, so dead owners form a chain. Whoever
 * makes the file at the end of the chain owns the lock. Tokens never return: a file made for an
 * owner that has left the chain gives nothing, and is removed.
 * @returns false if another process was faster, so that the next look may differ
 */
async function tryToTake(
  path: string,
  draft: string,
  self: Owner,
  processes: Processes,
): Promise<boolean> {
  const before = await findEnd(path, processes);
  if (before.owner) throw new StoreInUseError(before.owner.pid, path);
  if (!(await linked(draft, before.end))) return false;

  const after = await findEnd(path, processes);
  if (after.owner?.token !== self.token) {
    await rm(before.end, { force: true });
    return false;
  }
  const [, ...dead] = after.passed;
  if (before.end !== path) await rename(before.end, path);
  for (const file of dead) await rm(file, { force: true });
  return true;
}

/** Follows the chain from the lock to its end, a living owner's file or one that is not there. */
async function findEnd(path: string, processes: Processes) {
  const passed: string[] = [];
  for (let end = path; ; ) {
    const owner = await readOwner(end, path);
    if (owner === "none") return { end, passed };
    if (owner !== "empty" && (await lives(owner, processes))) return { end, passed, owner };
    passed.push(end);
    end = owner === "empty" ? `${end}.empty` : `${path}.${owner.token}`;
  }
}

/** A power cut may leave a file without bytes, or with zeros for them. Then its owner is gone. */
async function readOwner(file: string, path: string): Promise<Owner | "none" | "empty"> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new StoreInUseError(undefined, path);
  });
  if (text === undefined) return "none";
  if (/^\0*$/.test(text)) return "empty";
  try {
    const owner = JSON.parse(text) as Owner;
    if (Number.isInteger(owner?.pid) && /^[\w-]+$/.test(String(owner.token))) return owner;
  } catch {}
  throw new StoreInUseError(undefined, path);
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function lives(owner: Owner, processes: Processes): Promise<boolean> {
  if (!processes.isAlive(owner.pid)) return false;
  const start = await processes.startOf(owner.pid);
  // It may have ended between the two looks.
  if (start === undefined) return processes.isAlive(owner.pid);
  return owner.start === undefined || start === owner.start;
}

/** The processes of this machine. Start times come from /proc, so on Linux only. */
export const machineProcesses: Processes = {
  pid: process.pid,
  isAlive(pid) {
    try {
      process.kill(pid, 0);
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "EPERM";
    }
  },
  async startOf(pid) {
    try {
      const stat = await readFile(`/proc/${pid}/stat`, "utf8");
      // proc(5): the state is field 3, the start is field 22, in clock ticks since the boot. The
      // name in parentheses may hold anything, so count from behind it.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
      // A killed process that its parent has not reaped still accepts signal 0.
      return /[ZX]/.test(fields[0] ?? "") ? "ended" : `${boot.trim()}:${fields[19]}`;
    } catch {
      return undefined;
    }
  },
};
