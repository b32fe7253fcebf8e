import { isConnected, isOneOf, levelOf, type WatchedField } from "./watched-fields.ts";

/** What can keep an added number out of service: `phoneNumber` while it is not listed. */
export const BLOCKERS = ["phoneNumber", "status", "codeVerificationStatus", "nameStatus"] as const;

/** What keeps an added number out of service or limits it, and what to do about it. */
export type Blockage = {
  readonly blockedBy: (typeof BLOCKERS)[number];
  readonly nextStep: {
    readonly sentence: string;
    /** The upstream's operation to call first, where one exists. */
    readonly operation?: string;
  };
};

type Fields = Readonly<Partial<Record<WatchedField, string>>>;

type Step = Blockage & {
  /** A number fits when every condition that stands here holds. */
  readonly connected?: boolean;
  readonly status?: readonly string[];
  /** Of the code's status; `ABSENT` stands for none. */
  readonly code?: readonly string[];
  readonly name?: "refused" | "in review" | "not refused" | "well" | "other";
};

const ABSENT = "(absent)";
const UNVERIFIED = ["NOT_VERIFIED", "UNVERIFIED", ABSENT];
const REFUSED_CODES = ["MORE_INFORMATION_REQUESTED", "REVOKED", "REJECTED"];

const NOT_LISTED: Blockage = {
  blockedBy: "phoneNumber",
  nextStep: {
    sentence:
      "The number is not listed. Synchronize the customer and read again. After a day, ask Alibaba with the request id of the add.",
    operation: "ChatappSyncPhoneNumber",
  },
};

const CODE_REFUSED: Blockage = {
  blockedBy: "codeVerificationStatus",
  nextStep: {
    sentence: "Resolve the verification in WhatsApp Manager. Then verify the number again.",
    operation: "GetChatappVerifyCode",
  },
};

/**
 * What to do in which state. The first that fits holds. Sources: the order of steps in "register
 * and synchronize phone numbers" (Alibaba), and public reports of numbers that stayed PENDING.
 */
const STEPS: readonly Step[] = [
  {
    status: ["MIGRATED", "DELETED"],
    blockedBy: "status",
    nextStep: {
      sentence: "The number left this account. Add it again or migrate it.",
      operation: "AddChatappPhoneNumber",
    },
  },
  {
    status: ["BANNED", "RESTRICTED", "FLAGGED", "RATE_LIMITED", "PAUSED"],
    blockedBy: "status",
    nextStep: {
      sentence:
        "This is about quality or policy and no step of onboarding. Resolve it in WhatsApp Manager.",
    },
  },
  {
    connected: false,
    code: UNVERIFIED,
    name: "not refused",
    blockedBy: "codeVerificationStatus",
    nextStep: {
      sentence: "Verify the number: request a code, then submit it with ChatappVerifyAndRegister.",
      operation: "GetChatappVerifyCode",
    },
  },
  {
    connected: false,
    code: ["EXPIRED"],
    name: "not refused",
    blockedBy: "codeVerificationStatus",
    nextStep: {
      sentence:
        "The verification lapsed. Request a new code, then submit it with ChatappVerifyAndRegister.",
      operation: "GetChatappVerifyCode",
    },
  },
  {
    status: ["PENDING"],
    code: ["VERIFIED"],
    name: "in review",
    blockedBy: "status",
    nextStep: {
      sentence:
        "Wait until the display name is reviewed, then register the number with ChatappPhoneNumberRegister. A number that is registered earlier often stays PENDING.",
    },
  },
  {
    status: ["PENDING"],
    code: ["VERIFIED"],
    name: "well",
    blockedBy: "status",
    nextStep: { sentence: "Register the number.", operation: "ChatappPhoneNumberRegister" },
  },
  { status: ["PENDING"], code: REFUSED_CODES, ...CODE_REFUSED },
  {
    connected: false,
    name: "refused",
    blockedBy: "nameStatus",
    nextStep: { sentence: "The display name was refused. Change it in WhatsApp Manager." },
  },
  {
    status: ["DISCONNECTED", "OFFLINE", "UNVERIFIED"],
    code: ["VERIFIED"],
    blockedBy: "status",
    nextStep: { sentence: "Register the number again.", operation: "ChatappPhoneNumberRegister" },
  },
  { connected: false, code: REFUSED_CODES, ...CODE_REFUSED },
  {
    connected: false,
    code: ["VERIFIED"],
    blockedBy: "status",
    nextStep: {
      sentence: "Look at the number in WhatsApp Manager, which shows what it waits for.",
    },
  },
  {
    connected: false,
    blockedBy: "codeVerificationStatus",
    nextStep: {
      sentence: "Ask whether the number needs a new code, and verify it if so.",
      operation: "GetPhoneNumberVerificationStatus",
    },
  },
  {
    name: "in review",
    blockedBy: "nameStatus",
    nextStep: { sentence: "The number is in service. Wait until its display name is reviewed." },
  },
  {
    name: "refused",
    blockedBy: "nameStatus",
    nextStep: {
      sentence:
        "The number is in service, but limited because its display name was refused. Change the name in WhatsApp Manager.",
    },
  },
  {
    name: "other",
    blockedBy: "nameStatus",
    nextStep: {
      sentence: "The number is in service. Look at its display name in WhatsApp Manager.",
    },
  },
];

/**
 * What blocks a number; undefined when it is connected and its name is decided well or not shown.
 *
 * @param fields its watched fields; undefined while it is not listed
 */
export function findBlockage(fields: Fields | undefined): Blockage | undefined {
  if (!fields) return NOT_LISTED;
  const { status, codeVerificationStatus: code = ABSENT } = fields;
  const name = nameOf(fields);
  const step = STEPS.find(
    (one) =>
      (one.connected === undefined || one.connected === isConnected(status)) &&
      (!one.status || isOneOf(status, one.status)) &&
      (!one.code || isOneOf(code, one.code)) &&
      (!one.name || one.name === name || (one.name === "not refused" && name !== "refused")),
  );
  return step && { blockedBy: step.blockedBy, nextStep: step.nextStep };
}

/** Whether the display name was refused, which limits even a connected number. */
export function isNameRefused(fields: Fields): boolean {
  return nameOf(fields) === "refused";
}

function nameOf({ nameStatus }: Fields): "refused" | "in review" | "well" | "other" {
  // A name that is not shown needs no decision.
  if (nameStatus === undefined || isOneOf(nameStatus, ["NONE", "NON_EXISTS"])) return "well";
  if (isOneOf(nameStatus, ["DECLINED", "REJECTED"])) return "refused";
  const level = levelOf("nameStatus", nameStatus);
  return level === 0 ? "well" : level === 1 ? "in review" : "other";
}
