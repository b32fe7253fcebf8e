import { describe, expect, it } from "vitest";
import { verifyWebhook } from "../../../shared/receiver/verify.ts";
import { parseWebhookSecrets, signatureHeaders } from "../../../shared/webhook/signature.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const bytes = (count: number) => `whsec_${Buffer.alloc(count, 255).toString("base64")}`;

/** 2026-01-01T00:00:00Z, in seconds. */
const SENT_AT = 1_767_225_600;
const BODY = '{"specversion":"1.0","id":"evt_1","source":"urn:x","type":"later.type"}';

/** What becomes of an event that a sender with `ours` signs, at a receiver with `theirs`. */
function deliver(ours: string, theirs: string): string {
  const parsed = parseWebhookSecrets(ours);
  if ("problem" in parsed) return parsed.problem;
  const headers = signatureHeaders({ id: "evt_1", body: BODY }, SENT_AT, parsed.secrets);
  try {
    return verifyWebhook(BODY, headers, theirs, { now: () => SENT_AT * 1_000 }).id;
  } catch (error) {
    return String((error as { readonly reason?: unknown }).reason);
  }
}

const canSend = (text: string) => !("problem" in parseWebhookSecrets(text));

describe("a text of WEBHOOK_SECRET, read by the sender and by the receiver's helper", () => {
  it.each([
    ["24 bytes", SECRET],
    ["64 bytes", bytes(64)],
    ["no padding", bytes(32).replace(/=+$/, "")],
    ["two secrets", `${SECRET} ${OTHER}`],
    ["spaces around them", `  ${SECRET}   ${OTHER} `],
  ])("signs and verifies with %s", (_, text) => {
    expect(deliver(text, text)).toBe("evt_1");
    for (const one of text.split(" ").filter(Boolean)) {
      expect([deliver(text, one), deliver(one, text)]).toEqual(["evt_1", "evt_1"]);
    }
  });

  it.each([
    ["nothing", ""],
    ["a space only", " "],
    ["23 bytes", bytes(23)],
    ["65 bytes", bytes(65)],
    ["no bytes", "whsec_"],
    ["no prefix", SECRET.slice(6)],
    ["another prefix", SECRET.replace("whsec_", "whsk_")],
    ["the prefix in capitals", SECRET.replace("whsec_", "WHSEC_")],
    ["no base64", `whsec_${"*".repeat(40)}`],
    ["the URL's base64", `whsec_${Buffer.alloc(32, 255).toString("base64url")}`],
    ["a line break at its end", `${SECRET}\n`],
    ["a tab between two", `${SECRET}\t${OTHER}`],
    ["quotes around it", `"${SECRET}"`],
    ["a second that is wrong", `${SECRET} nonsense`],
  ])("is refused by both with %s", (_, text) => {
    expect(canSend(text)).toBe(false);
    expect(deliver(SECRET, text)).toBe("secret");
  });
});
