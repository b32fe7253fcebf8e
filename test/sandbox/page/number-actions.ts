import type { HealthFields, NumberFields } from "../cams-state.ts";
import type { UpstreamControl } from "../upstream-control.ts";
import type { NumberAction } from "./state.ts";

/** The sandbox's own ladder to step on; what a tier means is not decided here. */
const TIERS = ["TIER_50", "TIER_250", "TIER_1K", "TIER_10K", "TIER_100K", "TIER_UNLIMITED"];
/**
 * The code is that of the documented sample of GetWhatsappHealthStatus, a payment method. The texts are
 * made up. A limited number has no reason, as the upstream's model lacks what Meta says of one.
 */
export const HEALTHS = {
  AVAILABLE: { canSend: "AVAILABLE" },
  LIMITED: { canSend: "LIMITED" },
  BLOCKED: {
    canSend: "BLOCKED",
    errors: [
      {
        ErrorCode: 141006,
        ErrorDescription: "There is an error with the payment method.",
        PossibleSolution: "Add a new payment method to the account.",
      },
    ],
  },
} as const satisfies Readonly<Record<string, HealthFields>>;
const IN_USE = ["CONNECTED", "FLAGGED", "RATE_LIMITED", "RESTRICTED", "PAUSED"];

export type NumberActions = {
  /**
   * What makes sense now; `undefined` fields are a number that was taken off the list here. `canSend`
   * is undefined for a number that is not asked.
   */
  offer(fields: NumberFields | undefined, canSend?: string): readonly NumberAction[];
  /** Numbers that were taken off the list and can be returned. */
  removed(customer: string): ReadonlyMap<string, NumberFields>;
  /** @throws an Error with a sentence for the page when that cannot be done now */
  run(customer: string, phoneNumber: string, action: string): void;
};

/** What the page's buttons do to a number upstream. */
export function createNumberActions(
  control: Pick<
    UpstreamControl,
    | "numbers"
    | "customers"
    | "connect"
    | "setNumber"
    | "removeNumber"
    | "reviewName"
    | "setHealth"
    | "health"
  >,
  { isHealthWatched }: { readonly isHealthWatched: boolean },
): NumberActions {
  const removed = new Map<string, Map<string, NumberFields>>();
  const removedOf = (customer: string) => removed.get(customer) ?? new Map<string, NumberFields>();

  function find(customer: string, phoneNumber: string): NumberFields | undefined {
    if (!control.customers().includes(customer)) return undefined;
    return control.numbers(customer).find(({ PhoneNumber }) => PhoneNumber === phoneNumber);
  }

  const offerTo: NumberActions["offer"] = (fields, canSend) =>
    fields
      ? offer(fields, isHealthWatched ? canSend : undefined)
      : [available("list", "return", "Return")];

  function apply(customer: string, phoneNumber: string, action: string, fields: NumberFields) {
    const set = (changed: NumberFields) => control.setNumber(customer, phoneNumber, changed);
    const [verb, what = ""] = action.split(":");
    switch (verb) {
      case "connect":
        // Only the first time starts from scratch: quality and tier then begin again.
        if (fields.CodeVerificationStatus === "VERIFIED") set({ Status: "CONNECTED" });
        else control.connect(customer, phoneNumber);
        return;
      case "status":
        return set({ Status: what });
      case "quality":
        return set({ QualityRating: what });
      case "tier":
        return set({ MessagingLimitTier: nextTier(fields, what) });
      case "name":
        return control.reviewName(customer, phoneNumber, what);
      case "health":
        return control.setHealth(customer, phoneNumber, HEALTHS[what as keyof typeof HEALTHS]);
      case "remove":
        removed.set(customer, removedOf(customer).set(phoneNumber, fields));
        return control.removeNumber(customer, phoneNumber);
    }
  }

  return {
    offer: offerTo,
    removed: removedOf,
    run(customer, phoneNumber, action) {
      const fields = find(customer, phoneNumber);
      const gone = removedOf(customer).get(phoneNumber);
      if (!fields && gone && action === "return") {
        control.setNumber(customer, phoneNumber, gone);
        removedOf(customer).delete(phoneNumber);
        return;
      }
      if (!fields) throw new Error("The upstream does not list this number.");
      const canSend = control.health(customer, phoneNumber).canSend.toLowerCase();
      const offered = offerTo(fields, canSend).find(({ name }) => name === action);
      if (offered?.state !== "available") throw new Error("The number is not in a state for that.");
      apply(customer, phoneNumber, action, fields);
    },
  };
}

function offer(fields: NumberFields, canSend: string | undefined): readonly NumberAction[] {
  const { Status: status, QualityRating: quality, NameStatus: name } = fields;
  const remove = available("list", "remove", "Remove");
  if (status === "BANNED") return [available("ban", "status:CONNECTED", "Lift ban"), remove];
  const isInUse = IN_USE.includes(String(status));
  const isFlagged = status === "FLAGGED";
  return [
    status === "CONNECTED"
      ? available("service", "status:DISCONNECTED", "Disconnect")
      : available("service", "connect", "Connect"),
    ...(isInUse
      ? [
          choice("Quality", "green", "quality:GREEN", "Green", quality === "GREEN"),
          choice("Quality", "yellow", "quality:YELLOW", "Yellow", quality === "YELLOW"),
          choice("Quality", "red", "quality:RED", "Red", quality === "RED"),
          step("down", "tier:down", "Lower", nextTier(fields, "down")),
          step("up", "tier:up", "Raise", nextTier(fields, "up")),
        ]
      : []),
    ...(canSend !== undefined && status === "CONNECTED"
      ? [
          choice("Sending", "available", "health:AVAILABLE", "Allow", canSend === "available"),
          choice("Sending", "limited", "health:LIMITED", "Limit", canSend === "limited"),
          choice("Sending", "blocked", "health:BLOCKED", "Block", canSend === "blocked"),
        ]
      : []),
    choice("Name", "approve", "name:APPROVED", "Approve", name === "APPROVED"),
    choice("Name", "decline", "name:DECLINED", "Decline", name === "DECLINED"),
    ...(isInUse
      ? [
          isFlagged
            ? available("flag", "status:CONNECTED", "Unflag")
            : available("flag", "status:FLAGGED", "Flag"),
        ]
      : []),
    available("ban", "status:BANNED", "Ban"),
    remove,
  ];
}

function nextTier({ MessagingLimitTier: tier }: NumberFields, way: string): string | undefined {
  return TIERS[TIERS.indexOf(String(tier)) + (way === "up" ? 1 : -1)];
}

function available(slot: string, name: string, label: string): NumberAction {
  return { group: "Number", slot, name, label, state: "available" };
}

function choice(
  group: string,
  slot: string,
  name: string,
  label: string,
  isCurrent: boolean,
): NumberAction {
  return { group, slot, name, label, state: isCurrent ? "current" : "available" };
}

function step(slot: string, name: string, label: string, next: string | undefined): NumberAction {
  const state = next === undefined ? "unavailable" : "available";
  return { group: "Limit", slot, name, label, state };
}
