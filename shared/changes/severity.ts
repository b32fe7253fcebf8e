import { type Direction, EVENT_TYPES, type Severity } from "../schemas/event.ts";
import type { EventDraft } from "./number-update.ts";
import { ruleOf, type WatchedField } from "./watched-fields.ts";

export type Assessment = { readonly direction: Direction; readonly severity: Severity };

const TYPE_ASSESSMENT: Readonly<Record<string, Assessment | undefined>> = {
  [EVENT_TYPES.discovered]: { direction: "lateral", severity: "info" },
  [EVENT_TYPES.missing]: { direction: "worse", severity: "critical" },
  [EVENT_TYPES.returned]: { direction: "better", severity: "info" },
  [EVENT_TYPES.onboardingCompleted]: { direction: "better", severity: "info" },
  [EVENT_TYPES.onboardingStuck]: { direction: "unknown", severity: "warning" },
};

/** Its last status said that the number would go. */
const EXPECTED_ABSENCE: Assessment = { direction: "lateral", severity: "info" };

/** An event's direction and severity, by its type and all of its changes together. */
export function assess({ type, details, changes }: EventDraft): Assessment {
  const isExpected = ["deleted", "migrated"].includes(details?.missingReason ?? "");
  const ofType = isExpected ? EXPECTED_ABSENCE : TYPE_ASSESSMENT[type];
  const all = changes.map(({ field, from, to }) => assessChange(field, from, to));
  if (ofType) all.push(ofType);
  return {
    direction: joinDirections(all.map(({ direction }) => direction)),
    severity: joinSeverities(all.map(({ severity }) => severity)),
  };
}

/** One change's direction and severity, by the levels of its field. */
export function assessChange(field: WatchedField, from: string, to: string): Assessment {
  return { direction: directionOf(field, from, to), severity: severityOf(field, from, to) };
}

/** Whether the number is better off after the change. A new text is neither. */
export function directionOf(field: WatchedField, from: string, to: string): Direction {
  if (ruleOf(field).kind === "text") return "lateral";
  const before = levelIndex(field, from);
  const after = levelIndex(field, to);
  if (before < 0 || after < 0) return "unknown";
  if (after === before) return "lateral";
  return after < before ? "better" : "worse";
}

/** Severity by the new value. */
export function severityOf(field: WatchedField, from: string, to: string): Severity {
  const { levels, worse = "info" } = ruleOf(field);
  const direction = directionOf(field, from, to);
  if (direction === "better") return "info";
  const ofValue = levels[levelIndex(field, to)]?.severity ?? "info";
  return direction === "worse" ? joinSeverities([ofValue, worse]) : ofValue;
}

/** Of the best level 0; -1 for a value of no level. */
function levelIndex(field: WatchedField, value: string): number {
  const word = value.toUpperCase();
  return ruleOf(field).levels.findIndex(({ values }) => values.includes(word));
}

const DIRECTIONS: readonly Direction[] = ["lateral", "unknown", "better", "worse"];
const SEVERITIES: readonly Severity[] = ["info", "warning", "critical"];

/** One direction for several changes: any worse makes the whole worse, then any better. */
export function joinDirections(directions: readonly Direction[]): Direction {
  return DIRECTIONS[Math.max(0, ...directions.map((d) => DIRECTIONS.indexOf(d)))] ?? "lateral";
}

/** The highest of several. */
export function joinSeverities(severities: readonly Severity[]): Severity {
  return SEVERITIES[Math.max(0, ...severities.map((s) => SEVERITIES.indexOf(s)))] ?? "info";
}
