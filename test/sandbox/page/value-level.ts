import { compareValues, HEALTH_LEVELS } from "../../../shared/changes/severity.ts";
import {
  isConnected,
  levelOf as rankOf,
  ruleOf,
  type WatchedField,
} from "../../../shared/changes/watched-fields.ts";
import type { Level } from "./state.ts";

/** How a value that stands looks, by the product's own table: the best of its field is good. */
export function levelOf(field: WatchedField, value: string): Level {
  if (rankOf(field, value) === 0) return "good";
  return compareValues(field, value, value).severity;
}

/** How what a number can do looks. */
export function levelOfHealth(canSend: string): Level {
  const at = HEALTH_LEVELS.findIndex(([word]) => word === canSend);
  return at === 0 ? "good" : (HEALTH_LEVELS[at]?.[1] ?? "info");
}

type Known = { readonly name: WatchedField; readonly shown: string | null; readonly level: Level };

/** A number is as bad as its worst field. What counts on the way into service counts only there. */
export function worstOf(fields: readonly Known[], health: Level = "info"): Level {
  const isInService = fields.some(({ name, shown }) => name === "status" && isConnected(shown));
  const counted = fields.filter(({ name }) => !(isInService && ruleOf(name).onTheWay));
  const has = (level: Level) =>
    counted.some((field) => field.level === level) || (isInService && health === level);
  if (has("critical")) return "critical";
  if (has("warning")) return "warning";
  return isInService ? "good" : "info";
}
