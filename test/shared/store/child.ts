import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { acquireFolderLock, machineProcesses } from "../../../shared/store/folder-lock.ts";
import { openPgliteStore } from "../../../shared/store/pglite.ts";

/**
 * A process for the tests beside it to kill. It prints `ready`, waits for a line, and does what its
 * first argument names at the path of the second. It prints the outcome and stays until its input
 * ends.
 */
const [command, path = ""] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);

async function act(): Promise<string> {
  if (command === "lock") {
    await acquireFolderLock({ path, token: randomUUID(), processes: machineProcesses });
    return "held";
  }
  const store = await openPgliteStore({ folder: path, newVersion: randomUUID });
  return store.put("c/killed", "1", "absent");
}

say("ready");
await once(process.stdin, "data");
say(await act().catch((error: { code?: string }) => `${error.code}`));
await once(process.stdin, "end");
