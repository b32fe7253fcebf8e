const FIELDS = [
  { name: "second", min: 0, max: 59 },
  { name: "minute", min: 0, max: 59 },
  { name: "hour", min: 0, max: 23 },
  { name: "day", min: 1, max: 31 },
  { name: "month", min: 1, max: 12, words: "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC" },
  { name: "weekday", min: 1, max: 7, words: "SUN MON TUE WED THU FRI SAT" },
];

/**
 * Says what Function Compute would refuse about a timer: it takes `@every <n>m|h` and six fields
 * with seconds first (not cron's five), in UTC unless `CRON_TZ=<zone> ` stands before them.
 *
 * @param {string} text
 * @returns {string | undefined}
 */
export function cronProblem(text) {
  if (text.startsWith("@")) {
    return /^@every [1-9]\d{0,4}[mh]$/.test(text)
      ? undefined
      : "must be like '@every 1m' or '@every 2h': a minute is the shortest interval";
  }
  const [, zone, expression = text] = /^(?:CRON_TZ|TZ)=(\S*) +(.*)$/.exec(text) ?? [];
  if (zone !== undefined && !isTimeZone(zone)) return `has an unknown time zone in CRON_TZ`;
  const fields = expression.trim().split(/\s+/);
  if (fields.length !== FIELDS.length) {
    return "must have six fields: second minute hour day month weekday";
  }
  const wrong = FIELDS.filter((field, index) => !isField(fields[index] ?? "", field));
  return wrong.length === 0 ? undefined : `has a wrong ${wrong.map(({ name }) => name).join(", ")}`;
}

/**
 * How often a timer that Function Compute takes fires in a day.
 *
 * @param {string} text
 * @returns {number | undefined} undefined: not every day has as many
 */
export function runsADay(text) {
  const [, amount, unit] = /^@every (\d+)([mh])$/.exec(text) ?? [];
  if (amount) return 1440 / (Number(amount) * (unit === "h" ? 60 : 1));
  const fields = text
    .replace(/^(CRON_)?TZ=\S+ +/, "")
    .trim()
    .split(/\s+/);
  const [times, dates] = [fields.slice(0, 3), fields.slice(3)];
  if (dates.some((field) => field !== "*" && field !== "?")) return undefined;
  return times.reduce((product, field, index) => product * countOf(field, FIELDS[index]), 1);
}

/**
 * How many values a field names.
 *
 * @param {string} text
 * @param {{ min: number, max: number } | undefined} field
 */
function countOf(text, { min, max } = { min: 0, max: 0 }) {
  const values = new Set();
  for (const item of text.split(",")) {
    const [range = "", step] = item.split("/");
    const [from, to] = /^[*?]$/.test(range) ? [min, max] : range.split("-").map(Number);
    const last = to ?? (step === undefined ? from : max);
    for (let value = from ?? 0; value <= (last ?? 0); value += Number(step ?? 1)) values.add(value);
  }
  return values.size;
}

/**
 * @param {string} text
 * @param {{ min: number, max: number, words?: string }} field
 */
function isField(text, { min, max, words = "" }) {
  const names = words.split(" ").filter(Boolean);
  /** @param {string | undefined} part */
  const isValue = (part) =>
    part !== undefined &&
    (names.includes(part.toUpperCase()) ||
      (/^\d{1,2}$/.test(part) && Number(part) >= min && Number(part) <= max));
  return text.split(",").every((item) => {
    const [range = "", step, rest] = item.split("/");
    if (rest !== undefined || (step !== undefined && !/^[1-9]\d?$/.test(step))) return false;
    if (range === "*" || range === "?") return true;
    const [from, to, more] = range.split("-");
    return isValue(from) && (to === undefined || isValue(to)) && more === undefined;
  });
}

/** @param {string} zone */
function isTimeZone(zone) {
  try {
    return Boolean(zone && new Intl.DateTimeFormat("en", { timeZone: zone }));
  } catch {
    return false;
  }
}
