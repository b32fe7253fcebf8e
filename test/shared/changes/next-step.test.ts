import { describe, expect, it } from "vitest";
import { findBlockage, isNameRefused } from "../../../shared/changes/next-step.ts";
import type { WatchedField } from "../../../shared/changes/watched-fields.ts";
import { valuesOf } from "./value-table.ts";

const SEND_CODE = "GetChatappVerifyCode";
const REGISTER = "ChatappPhoneNumberRegister";

type Line = readonly [
  status: string | undefined,
  code: string | undefined,
  name: string | undefined,
  blockedBy: string | undefined,
  operation: string | undefined,
  sentence: RegExp,
];

const LINES: readonly Line[] = [
  ["PENDING", "NOT_VERIFIED", "PENDING_REVIEW", "codeVerificationStatus", SEND_CODE, /Verify/],
  ["PENDING", "UNVERIFIED", undefined, "codeVerificationStatus", SEND_CODE, /Verify/],
  ["PENDING", undefined, "Approval", "codeVerificationStatus", SEND_CODE, /Verify/],
  ["UNVERIFIED", "NOT_VERIFIED", "Approval", "codeVerificationStatus", SEND_CODE, /Verify/],
  [undefined, undefined, undefined, "codeVerificationStatus", SEND_CODE, /Verify/],
  ["PENDING", "EXPIRED", "Approval", "codeVerificationStatus", SEND_CODE, /lapsed/],
  ["PENDING", "VERIFIED", "Pending_Review", "status", undefined, /Wait until/],
  ["PENDING", "VERIFIED", "APPROVED", "status", REGISTER, /Register/],
  ["PENDING", "VERIFIED", "AVAILABLE_WITHOUT_REVIEW", "status", REGISTER, /Register/],
  ["PENDING", "VERIFIED", undefined, "status", REGISTER, /Register/],
  ["PENDING", "REVOKED", "DECLINED", "codeVerificationStatus", SEND_CODE, /Manager/],
  ["PENDING", "MORE_INFORMATION_REQUESTED", "Approval", "codeVerificationStatus", SEND_CODE, /./],
  ["PENDING", "REJECTED", "Approval", "codeVerificationStatus", SEND_CODE, /Manager/],
  ["PENDING", "EXPIRED", "DECLINED", "nameStatus", undefined, /display name was refused/],
  ["PENDING", "NOT_VERIFIED", "Rejected", "nameStatus", undefined, /display name was refused/],
  ["DISCONNECTED", "VERIFIED", "Rejected", "nameStatus", undefined, /display name was refused/],
  ["DISCONNECTED", "VERIFIED", "Approval", "status", REGISTER, /Register/],
  ["OFFLINE", "VERIFIED", "Approval", "status", REGISTER, /Register/],
  ["UNVERIFIED", "VERIFIED", "NONE", "status", REGISTER, /Register/],
  ["BANNED", "VERIFIED", "DECLINED", "status", undefined, /quality or policy/],
  ["RESTRICTED", "NOT_VERIFIED", "Approval", "status", undefined, /quality or policy/],
  ["FLAGGED", "VERIFIED", "Approval", "status", undefined, /quality or policy/],
  ["RATE_LIMITED", "VERIFIED", "Approval", "status", undefined, /quality or policy/],
  ["PAUSED", "VERIFIED", "Approval", "status", undefined, /quality or policy/],
  ["MIGRATED", "VERIFIED", "Approval", "status", "AddChatappPhoneNumber", /left this account/],
  ["DELETED", undefined, "DECLINED", "status", "AddChatappPhoneNumber", /left this account/],
  ["CONNECTED", "EXPIRED", "PENDING_REVIEW", "nameStatus", undefined, /in service. Wait/],
  ["CONNECTED", "VERIFIED", "DECLINED", "nameStatus", undefined, /in service, but limited/],
  ["CONNECTED", "EXPIRED", "EXPIRED", "nameStatus", undefined, /in service. Look/],
  ["CONNECTED", "VERIFIED", "NEW_WORD", "nameStatus", undefined, /in service. Look/],
  ["connected", "EXPIRED", "approval", undefined, undefined, /^$/],
  ["CONNECTED", "NEW_WORD", undefined, undefined, undefined, /^$/],
  ["CONNECTED", "REVOKED", "NONE", undefined, undefined, /^$/],
  ["UNKNOWN", "VERIFIED", "Approval", "status", undefined, /Manager/],
  [
    "NEW_WORD",
    "NEW_WORD",
    "Approval",
    "codeVerificationStatus",
    "GetPhoneNumberVerificationStatus",
    /Ask/,
  ],
];

const known = (field: WatchedField) => [...valuesOf(field), undefined];

/** Every combination of the values that the upstream documents, a new word, and none. */
const ALL = known("status").flatMap((status) =>
  known("codeVerificationStatus").flatMap((codeVerificationStatus) =>
    known("nameStatus").map((nameStatus) => ({ status, codeVerificationStatus, nameStatus })),
  ),
);

describe("the next step of an added number", () => {
  it.each(LINES)("with status %s, code %s and name %s is by %s: %s", (...line) => {
    const [status, codeVerificationStatus, nameStatus, blockedBy, operation, sentence] = line;
    const found = findBlockage({ status, codeVerificationStatus, nameStatus });
    expect([found?.blockedBy, found?.nextStep.operation]).toEqual([blockedBy, operation]);
    expect(found?.nextStep.sentence ?? "").toMatch(sentence);
  });

  it("of a number that is not listed is to synchronize", () => {
    expect(findBlockage(undefined)).toMatchObject({
      blockedBy: "phoneNumber",
      nextStep: { operation: "ChatappSyncPhoneNumber" },
    });
  });

  it("is none only if the number is connected and its name is decided well or not shown", () => {
    const well = ["APPROVED", "Approval", "AVAILABLE_WITHOUT_REVIEW", "NONE", "NON_EXISTS"];
    for (const fields of ALL) {
      const { status, nameStatus } = fields;
      const isWell = nameStatus === undefined || well.includes(nameStatus);
      expect([fields, findBlockage(fields) === undefined]).toEqual([
        fields,
        status === "CONNECTED" && isWell,
      ]);
    }
    expect(ALL.length).toBeGreaterThan(1_000);
  });

  it("never asks to verify or register a connected number", () => {
    const connected = ALL.filter(({ status }) => status === "CONNECTED");
    const operations = connected.map((fields) => findBlockage(fields)?.nextStep.operation);
    expect(new Set(operations)).toEqual(new Set([undefined]));
  });

  it("has a sentence in every combination that has one", () => {
    for (const fields of ALL) {
      const found = findBlockage(fields);
      if (found) expect(found.nextStep.sentence).toMatch(/^[A-Z].{15,}\.$/);
    }
  });

  it("counts only DECLINED and Rejected as a refused name", () => {
    const refused = known("nameStatus").filter((nameStatus) => isNameRefused({ nameStatus }));
    expect(refused).toEqual(["DECLINED", "Rejected"]);
  });
});
