import { callCloud, DeployError } from "./deploy-error.js";

const PAGE = 100;
const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const ABSENT = ["ProjectNotExist", "LogStoreNotExist", "IndexConfigNotExist"];

/**
 * Prints a function's log lines, oldest first; with `tail` it goes on until it is stopped.
 *
 * @param {import("./plan.js").Plan} plan
 * @param {string} functionName
 * @param {import("./deploy-role.js").Cloud} cloud
 * @param {{ options: Record<string, any>, writeText: (text: string) => void }} output
 */
export async function printLogs(
  { names },
  functionName,
  { clients, clock },
  { options, writeText },
) {
  const filter = options.filter ? ` and "${String(options.filter).replaceAll('"', "")}"` : "";
  const query = `functionName: "${functionName}"${filter}`;
  let from = startOf(options.startTime ?? "10m", clock.now());
  let count = 0;
  do {
    const to = clock.now();
    // Log Service counts in whole seconds, the last one not included.
    const until = to - (to % 1000);
    for (let offset = 0; until > from; offset += PAGE) {
      const window = { query, line: PAGE, offset, reverse: false };
      const found = await callCloud(
        "read the logs",
        () =>
          clients.log(
            "getLogs",
            names.logProject,
            names.logstore,
            new Date(from),
            new Date(until),
            window,
          ),
        { absent: ABSENT },
      );
      const rows = Array.isArray(found) ? found : Object.values(found ?? {});
      for (const { __time__, message } of rows) {
        const time = new Date(Number(__time__) * 1000).toISOString();
        writeText(`${time} ${String(message ?? "").trimEnd()}`);
      }
      count += rows.length;
      if (rows.length < PAGE) break;
    }
    from = Math.max(from, until);
    if (options.tail) await clock.sleep(Math.max(500, Number(options.interval) || 2000));
  } while (options.tail);
  if (count === 0) writeText(`No log lines since ${options.startTime ?? "10m"}.`);
}

/**
 * @param {string} text `10m`, `2h` or a date
 * @param {number} now ms
 */
function startOf(text, now) {
  const [, amount, unit] = /^(\d{1,5})([smhd])$/.exec(text) ?? [];
  const start = unit
    ? now - Number(amount) * UNITS[/** @type {keyof typeof UNITS} */ (unit)]
    : Date.parse(text);
  if (Number.isNaN(start)) throw new DeployError("--startTime must be like 10m, 2h, 1d or a date.");
  return start - (start % 1000);
}
