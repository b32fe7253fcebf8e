import { type Direction, EVENT_TYPES, type Severity } from "../schemas/event.ts";
import type { EventDraft } from "./number-update.ts";
import { isConnected, isOneOf, levelOf, ruleOf, type WatchedField } from "./watched-fields.ts";

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
export function assess(draft: EventDraft): Assessment {
  const { type, details, changes } = draft;
  const isExpected = ["deleted", "migrated"].includes(details?.missingReason ?? "");
  const ofType = isExpected ? EXPECTED_ABSENCE : TYPE_ASSESSMENT[type];
  const { health } = draft.state;
  if (type === EVENT_TYPES.healthChanged && health) {
    return compareHealth(details?.previousHealth ?? undefined, health);
  }
  const all = changes.map((change) => assessChange(change, draft));
  if (ofType) all.push(ofType);
  return {
    direction: joinDirections(all.map(({ direction }) => direction)),
    severity: joinSeverities(all.map(({ severity }) => severity)),
  };
}

/**
 * One change's direction and severity, by the levels of its field. A field that counts only on the
 * way into service is neither good nor bad news of a connected number.
 */
export function assessChange(
  { field, from, to }: Change,
  { state, changes }: Pick<EventDraft, "state" | "changes">,
): Assessment {
  const assessment = compareValues(field, from, to);
  if (!ruleOf(field).onTheWay || !isConnected(state.fields.status)) return assessment;
  const wasConnected = isConnected(
    changes.find((change) => change.field === "status")?.from ?? state.fields.status,
  );
  return assessment.direction === "better" && !wasConnected ? assessment : NEITHER;
}

type Change = { readonly field: WatchedField; readonly from: string | null; readonly to: string };

const NEITHER: Assessment = { direction: "lateral", severity: "info" };

/** Severity by the new value, and by what was lost. A new text is neither better nor worse. */
export function compareValues(field: WatchedField, from: string | null, to: string): Assessment {
  const { kind, levels, worse = "info", noLoss } = ruleOf(field);
  if (kind === "text") return NEITHER;
  const after = levelOf(field, to);
  const ofValue = levels[after]?.severity ?? "info";
  // A first value, with nothing to compare it to.
  if (from === null)
    return ofValue === "info" ? NEITHER : { direction: "worse", severity: ofValue };
  const before = levelOf(field, from);
  if (before === 0 && after < 0 && !isOneOf(to, noLoss)) {
    return { direction: "worse", severity: joinSeverities(["warning", worse]) };
  }
  if (before < 0 || after < 0) {
    // A word without a rank does not say that the trouble before it is over.
    const wasTrouble = (levels[before]?.severity ?? "info") !== "info";
    return {
      direction: "unknown",
      severity: joinSeverities([ofValue, wasTrouble ? worse : "info"]),
    };
  }
  if (after === before) return { direction: "lateral", severity: ofValue };
  if (after < before) return { direction: "better", severity: "info" };
  return { direction: "worse", severity: joinSeverities([ofValue, worse]) };
}

/** What a number can do, the best first. */
export const HEALTH_LEVELS: readonly (readonly [canSend: string, severity: Severity])[] = [
  ["available", "info"],
  ["limited", "warning"],
  ["blocked", "critical"],
];

/** By what the number can do. Other reasons for the same are neither better nor worse. */
function compareHealth(from: { canSend: string } | undefined, to: { canSend: string }): Assessment {
  const levelOf = (canSend: string) => HEALTH_LEVELS.findIndex(([word]) => word === canSend);
  // Whoever did not know the number's health took it for available.
  const [before, after] = [from ? levelOf(from.canSend) : 0, levelOf(to.canSend)];
  const severity = HEALTH_LEVELS[after]?.[1] ?? "info";
  if (before < 0 || after < 0) return { direction: "unknown", severity };
  if (after < before) return { direction: "better", severity: "info" };
  return { direction: after > before ? "worse" : "lateral", severity };
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
