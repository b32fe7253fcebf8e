const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A duration as people type it, in ms: 30s, 90m, 1.5h, 2d. */
export function readDuration(text: string): number | undefined {
  const [, count, unit = ""] = /^(\d{1,6}(?:\.\d{1,3})?) ?([smhd])$/i.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * (UNIT_MS[unit.toLowerCase()] ?? 0);
}

/** `1 customer`, `2 customers`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
] as const;

/** A duration for people, rounded down to a unit of which there are two: 90 s, 12 min, 36 h, 3 d. */
export function formatDuration(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => ms >= 2 * size) ?? (["s", 1_000] as const);
  return `${Math.floor(Math.max(0, ms) / size)} ${unit}`;
}
