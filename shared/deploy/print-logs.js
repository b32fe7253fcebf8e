import { callCloud, DeployError } from "./deploy-error.js";

const PAGE = 100;
const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const ABSENT = ["ProjectNotExist", "LogStoreNotExist", "IndexConfigNotExist"];

/** A line can be found some seconds after it was written, and after younger ones. */
const LATE_MS = 60_000;

/** How often a page is asked for again whose search did not get through, and after how long. */
const MOST_TRIES = 5;
const TRY_AGAIN_MS = 1000;

/**
 * Prints a function's log lines, oldest first; with `tail` it goes on until it is stopped, and prints
 * lines that could be found late when they are.
 *
 * @param {import("./plan.js").Plan} plan
 * @param {string} functionName
 * @param {import("./deploy-role.js").Cloud} cloud
 * @param {{ options: Record<string, any>, writeText: (text: string) => void }} output
 */
export async function printLogs(plan, functionName, cloud, { options, writeText }) {
  const { clock } = cloud;
  const filter = options.filter ? ` and "${String(options.filter).replaceAll('"', "")}"` : "";
  const query = `functionName: "${functionName}"${filter}`;
  const start = startOf(options.startTime ?? "10m", clock.now());
  let from = start;
  /** @type {Map<string, { time: number, count: number }>} */
  const printed = new Map();
  do {
    const now = clock.now();
    // Log Service counts in whole seconds, the last one not included.
    const until = now - (now % 1000);
    const lines = until > from ? await readAll(plan, { query, from, until }, cloud) : [];
    for (const { time, text } of unprinted(lines, printed)) {
      writeText(`${new Date(time).toISOString()} ${text}`);
    }
    if (printed.size === 0 && !options.tail) {
      writeText(`No log lines since ${options.startTime ?? "10m"}.`);
    }
    from = Math.max(start, until - LATE_MS);
    for (const [line, { time }] of printed) if (time < from) printed.delete(line);
    if (options.tail) await clock.sleep(Math.max(500, Number(options.interval) || 1000));
  } while (options.tail);
}

/** @typedef {{ time: number, text: string }} Line `time` in ms */

/**
 * @param {import("./plan.js").Plan} plan
 * @param {{ query: string, from: number, until: number }} window
 * @param {import("./deploy-role.js").Cloud} cloud
 * @returns {Promise<Line[]>}
 */
async function readAll({ names }, { query, from, until }, { clients, clock, say }) {
  const lines = [];
  for (let offset = 0; ; offset += PAGE) {
    const window = { query, offset, line: PAGE, from: new Date(from), until: new Date(until) };
    const read = () =>
      callCloud("read the logs", () => clients.readLogs(names.logProject, names.logstore, window), {
        absent: ABSENT,
      });
    let page = await read();
    for (let tries = 1; page?.isComplete === false && tries < MOST_TRIES; tries += 1) {
      await clock.sleep(TRY_AGAIN_MS);
      page = await read();
    }
    if (page?.isComplete === false) {
      say("Log Service did not get through all lines: some may be missing here");
    }
    const rows = page?.rows ?? [];
    for (const { __time__, message } of rows) {
      lines.push({ time: Number(__time__) * 1000, text: String(message ?? "").trimEnd() });
    }
    if (rows.length < PAGE) return lines;
  }
}

/**
 * The lines that were not printed yet. One that is there twice was written twice.
 *
 * @param {readonly Line[]} lines of one reading
 * @param {Map<string, { time: number, count: number }>} printed is brought up to date
 * @returns {Line[]}
 */
function unprinted(lines, printed) {
  const counts = new Map();
  return lines.filter(({ time, text }) => {
    const line = `${time} ${text}`;
    const count = (counts.get(line) ?? 0) + 1;
    counts.set(line, count);
    if (count <= (printed.get(line)?.count ?? 0)) return false;
    printed.set(line, { time, count });
    return true;
  });
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
