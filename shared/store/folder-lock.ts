import { link, open, readFile, rename, unlink } from "node:fs/promises";
import { StoreInUseError } from "../errors.ts";

/** What the lock must know of processes; `startOf` gives undefined where nobody can tell. */
export type Processes = {
  readonly pid: number;
  readonly isAlive: (pid: number) => boolean;
  readonly startOf: (pid: number) => Promise<string | undefined>;
};

export type FolderLock = { release(): Promise<void> };

export type FolderLockOptions = {
  /** The lock file; its folder exists. Files named `<path>.<token>…` are used beside it. */
  readonly path: string;
  /** `[A-Za-z0-9_-]+`, never given before. */
  readonly token: string;
  readonly processes: Processes;
};

type Owner = { readonly pid: number; readonly start?: string | undefined; readonly token: string };

/**
 * Takes the exclusive lock file of a folder, or takes it over from a process that is gone: no such
 * process, or one of the same number that started at another time. It holds among processes that
 * see each other's numbers, so not between containers or machines that share a disk.
 * @throws StoreInUseError while its owner lives, or when the file cannot be read as a lock.
 */
export async function acquireFolderLock(options: FolderLockOptions): Promise<FolderLock> {
  const { path, token, processes } = options;
  const self: Owner = { pid: processes.pid, start: await processes.startOf(processes.pid), token };
  const draft = `${path}.${token}.new`;
  // A lock must be whole when it appears, also after a power cut: written aside, then linked.
  const file = await open(draft, "wx");
  try {
    await file.writeFile(JSON.stringify(self));
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await take(path, draft, processes);
  } finally {
    await unlink(draft);
  }
  return { release: () => unlink(path) };
}

/**
 * A dead owner's lock may be replaced only by the holder of a second lock, named after that owner.
 * Its token never returns, so whoever holds the second lock and still reads the dead owner in the
 * first is alone in doing so, however many start at once. If a process dies in between, its second
 * lock is a dead owner's lock like any other: hence the recursion.
 */
async function take(path: string, draft: string, processes: Processes): Promise<void> {
  for (;;) {
    if (await linked(draft, path)) return;
    const owner = await readOwner(path);
    if (owner === "none") continue;
    if (owner === "unreadable") throw new StoreInUseError(undefined);
    if (await lives(owner, processes)) throw new StoreInUseError(owner.pid);

    const guard = `${path}.${owner.token}`;
    await take(guard, draft, processes);
    const again = await readOwner(path);
    if (typeof again === "object" && again.token === owner.token) return rename(guard, path);
    await unlink(guard);
  }
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

async function readOwner(path: string): Promise<Owner | "none" | "unreadable"> {
  try {
    const owner = JSON.parse(await readFile(path, "utf8")) as Owner;
    const isLock = Number.isInteger(owner?.pid) && /^[\w-]+$/.test(String(owner.token));
    return isLock ? owner : "unreadable";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "none" : "unreadable";
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
      // The name in parentheses may hold anything, so fields are counted from behind it: the state
      // is field 3 and the start, in runs since the machine's, is field 22 of proc(5).
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
      // A killed process that its parent has not reaped still answers to signal 0.
      return /[ZX]/.test(fields[0] ?? "") ? "ended" : `${boot.trim()}:${fields[19]}`;
    } catch {
      return undefined;
    }
  },
};
