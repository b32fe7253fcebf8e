import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { acquireFolderLock, machineProcesses } from "../../../shared/store/folder-lock.ts";
import { openPgliteStore } from "../../../shared/store/pglite.ts";

/**
 * A process to be killed by the tests beside it: says `ready`, waits for a line, does what its
 * first argument names at the path of the second, says how it went and stays until its input ends.
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
