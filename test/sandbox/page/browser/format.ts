import type { Level } from "../state.ts";

/** A shape for each level beside its colour and its word. */
export const LEVEL_SIGNS: Readonly<Record<Level, string>> = {
  good: "●",
  info: "○",
  warning: "▲",
  critical: "✖",
};

/** What it says of a number. */
export const LEVEL_WORDS: Readonly<Record<Level, string>> = {
  good: "in service",
  info: "on the way",
  warning: "warning",
  critical: "critical",
};

export const DIRECTION_SIGNS: Readonly<Record<string, string>> = {
  better: "↑",
  worse: "↓",
  lateral: "→",
  unknown: "?",
};

/** `0.8 s`, `12 s`, `3 min 20 s`, `2 h 5 min` */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 119.5) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The same in whole seconds, for what counts on the page. */
export function ticking(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return seconds < 10 ? `${seconds} s` : duration(seconds * 1000);
}

/** Local time of day to the second. */
export function timeOfDay(at: number): string {
  return new Date(at).toLocaleTimeString("en-GB");
}

/** The last part of an event's type, which is what tells it from the others. */
export function shortType(type: string): string {
  return type.replace(/^whatsapp\./, "");
}

/** Spaces between groups of digits, as a number is read. */
export function grouped(phoneNumber: string): string {
  return /^\d{8,15}$/.test(phoneNumber)
    ? `+${phoneNumber.slice(0, -8)} ${phoneNumber.slice(-8, -4)} ${phoneNumber.slice(-4)}`.replace(
        "+ ",
        "+",
      )
    : phoneNumber;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
