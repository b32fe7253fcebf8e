import { inspect } from "node:util";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import {
  parseWebhookSecrets,
  signature,
  signatureHeaders,
  type WebhookSecret,
} from "../../../shared/webhook/signature.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const ID = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const BODY = '{"test": 2432232314}';

function secretsOf(text: string): readonly WebhookSecret[] {
  const parsed = parseWebhookSecrets(text);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.secrets;
}

const bytes = (count: number) => `whsec_${Buffer.alloc(count, 7).toString("base64")}`;

describe("signature", () => {
  it("is the one that Standard Webhooks publishes", () => {
    const [secret] = secretsOf(SECRET);
    expect(secret && signature(ID, 1614265330, BODY, secret)).toBe(
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    );
  });
});

describe("signatureHeaders", () => {
  it("hold the id, the time and one signature for each secret, the newest first", () => {
    expect(
      signatureHeaders({ id: ID, body: BODY }, 1614265330, secretsOf(`${OTHER} ${SECRET}`)),
    ).toEqual({
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature":
        "v1,/485aUtxlie+TIScVpHggMfqOB4so2KWb7+Gf727B44= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
  });

  it.each([SECRET, OTHER])("verify with the public package by either of two secrets", (held) => {
    const event = { id: "evt_1", body: '{"name":"阿里巴巴 Café"}' };
    const seconds = Math.floor(Date.now() / 1000);
    const headers = signatureHeaders(event, seconds, secretsOf(`${SECRET} ${OTHER}`));
    expect(new Webhook(held).verify(event.body, headers)).toEqual({ name: "阿里巴巴 Café" });
  });
});

describe("parseWebhookSecrets", () => {
  it.each([24, 32, 64])("accepts a secret of %i bytes", (count) => {
    expect(secretsOf(bytes(count)).map((secret) => secret.reveal())).toEqual([
      Buffer.alloc(count, 7),
    ]);
  });

  it.each([0, 1, 23, 65])("refuses a secret of %i bytes", (count) => {
    expect(parseWebhookSecrets(bytes(count))).toEqual({
      problem: "must hold 24 to 64 bytes after whsec_; make one with: openssl rand -base64 32",
    });
  });

  it("accepts base64 without padding", () => {
    expect(secretsOf(bytes(32).replace("=", ""))).toHaveLength(1);
  });

  it.each([
    ["without the prefix", SECRET.slice(6)],
    ["with another prefix", SECRET.replace("whsec_", "whsk_")],
    ["with the prefix in capitals", SECRET.replace("whsec_", "WHSEC_")],
    ["of characters that are not base64", "whsec_*************************************"],
    ["of the URL's base64", `whsec_${Buffer.alloc(32, 255).toString("base64url")}`],
    ["with a newline in it", `${SECRET}\n`],
    ["of which the second is wrong", `${SECRET} nonsense`],
  ])("refuses a text %s", (_name, text) => {
    expect(parseWebhookSecrets(text)).toEqual({ problem: "must be whsec_ followed by base64" });
  });

  it.each(["", " ", "   "])("refuses %j, which holds no secret", (text) => {
    expect(parseWebhookSecrets(text)).toEqual({ problem: "must hold at least one secret" });
  });

  it("gives secrets that cannot be printed", () => {
    const [secret] = secretsOf(SECRET);
    const text = `${inspect(secret, { depth: 5, showHidden: true })} ${JSON.stringify(secret)} ${secret}`;
    expect(text).toBe('[redacted] "[redacted]" [redacted]');
  });
});
