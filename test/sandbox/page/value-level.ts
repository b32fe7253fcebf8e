import { compareValues } from "../../../shared/changes/severity.ts";
import type { WatchedField } from "../../../shared/changes/watched-fields.ts";
import type { Level } from "./state.ts";

/** What a number in full service shows. A value of the same rank is good as well. */
const IN_SERVICE: Partial<Record<WatchedField, string>> = {
  status: "CONNECTED",
  qualityRating: "GREEN",
  codeVerificationStatus: "VERIFIED",
  nameStatus: "APPROVED",
};

/** How a value that stands looks, by the product's own ranks: as loud as a change that ends there. */
export function levelOf(field: WatchedField, value: string): Level {
  const { severity } = compareValues(field, value, value);
  const best = IN_SERVICE[field];
  if (severity !== "info" || best === undefined) return severity;
  return compareValues(field, value, best).direction === "lateral" ? "good" : "info";
}
