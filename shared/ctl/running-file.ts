import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import process from "node:process";

/** Where `npm start` says that it runs, in the project's folder. Git ignores it. */
const FILE = path.join(".waba", "running.json");

/** A running `npm start`. */
export type RunningStart = {
  readonly url: string;
  readonly apiKey: string;
  /** Its STORE_URL without a password. */
  readonly store: string;
};

/** Says where this process listens, to this user alone. Resolves to the way to take it back. */
export async function announceStart(start: RunningStart): Promise<() => Promise<void>> {
  const text = JSON.stringify({ ...start, pid: process.pid });
  await mkdir(path.dirname(FILE), { recursive: true });
  await rm(FILE, { force: true });
  await writeFile(FILE, text, { mode: 0o600 });
  return async () => {
    // A later npm start may have replaced it.
    const now = await readFile(FILE, "utf8").catch(() => "");
    if (now === text) await rm(FILE, { force: true });
  };
}

/** The running `npm start` of this folder. Undefined if there is none, or if it has died. */
export async function findStart(): Promise<RunningStart | undefined> {
  try {
    const found = JSON.parse(await readFile(FILE, "utf8"));
    process.kill(Number(found.pid), 0);
    return { url: String(found.url), apiKey: String(found.apiKey), store: String(found.store) };
  } catch {
    return undefined;
  }
}

/** A STORE_URL as people may see it. */
export function describeStore(storeUrl: string): string {
  if (!/^postgres(ql)?:/.test(storeUrl) || !URL.canParse(storeUrl)) return storeUrl;
  const { protocol, host, pathname } = new URL(storeUrl);
  return `${protocol}//${host}${pathname}`;
}
