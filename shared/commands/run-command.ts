import type { LogFields } from "../log.ts";
import type { Command } from "../schemas/command.ts";
import type { CommandDeps } from "./command-deps.ts";
import { dropDead, listDead, redeliverDead } from "./dead-letters.ts";
import { redeliver } from "./redeliver.ts";
import { resync } from "./resync.ts";
import { status } from "./status.ts";
import { readClosely, unwatch, watch, watchList } from "./watch.ts";
import { enableWebhook, pauseWebhook, testWebhook } from "./webhook.ts";

/**
 * Runs one operator's command beside whatever run is under way: no lease is taken, and every write
 * is conditional. Ends within 40 s; an answer with `more: true` is incomplete, and the same command
 * with its `after` goes on from there.
 *
 * @throws StoreUnavailableError and other store errors; every command may be repeated after one
 */
export async function runCommand(command: Command, deps: CommandDeps): Promise<object> {
  const answer = await dispatch(command, deps);
  deps.log.info("command", countsOf(answer));
  return answer;
}

function dispatch(command: Command, deps: CommandDeps): Promise<object> {
  switch (command.command) {
    case "watch":
      return watch(command, deps);
    case "unwatch":
      return unwatch(command, deps);
    case "watch-closely":
      return readClosely(command, deps);
    case "watch-list":
      return watchList(command, deps);
    case "status":
      return status(deps);
    case "dead-list":
      return listDead(command, deps);
    case "dead-redeliver":
      return redeliverDead(command, deps);
    case "dead-drop":
      return dropDead(command, deps);
    case "redeliver":
      return redeliver(command, deps);
    case "resync":
      return resync(command, deps);
    case "webhook-test":
      return testWebhook(deps);
    case "webhook-pause":
      return pauseWebhook(deps);
    case "webhook-enable":
      return enableWebhook(deps);
  }
}

/** Lists in an answer may name numbers; the log gets their lengths. */
function countsOf(answer: object): LogFields {
  return Object.fromEntries(
    Object.entries(answer)
      .filter(([name]) => name !== "after")
      .map(([name, value]) => [name, Array.isArray(value) ? value.length : value]),
  );
}
