import vm from "node:vm";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import {
  type VerificationFailure,
  verifyWebhook,
  type WebhookHeaders,
  WebhookVerificationError,
} from "../../../shared/receiver/verify.ts";
import { EPOCH, eventBody, OTHER_SECRET, SECRET } from "../../sandbox/receiver-test-sender.ts";

const ID = "evt_1";
const BODY =
  '{"specversion":"1.0","id":"evt_1","source":"urn:waba-numbers:1:local","type":"webhook.test","time":"2026-01-01T00:00:00.000Z","datacontenttype":"application/json","data":{"message":"Grüße, 阿里"}}';

/** By openssl over `evt_1.1767225600.` and the body, with SECRET and with OTHER_SECRET. */
const SIGNATURE = "v1,7/xn10kDBn8Zazhx7wjPvtrjPF/ztkYSLSe8RMLevD8=";
const OTHER_SIGNATURE = "v1,FOIk5fG06sOHmAdLrU4x2oDkhTbud8ecWdbI5Ya6muA=";

const HEADERS = {
  "webhook-id": ID,
  "webhook-timestamp": "1767225600",
  "webhook-signature": SIGNATURE,
};
const now = () => EPOCH;

const REALM = { bytes: [...Buffer.from(BODY)] };

/** Why the request is refused; undefined for none. */
function refusal(
  body: unknown,
  headers: WebhookHeaders = HEADERS,
  secrets: unknown = SECRET,
  options: Parameters<typeof verifyWebhook>[3] = { now },
): WebhookVerificationError | undefined {
  try {
    verifyWebhook(body as string, headers, secrets as string, options);
    return undefined;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return error;
    throw error;
  }
}
const reason = (...given: Parameters<typeof refusal>): VerificationFailure | undefined =>
  refusal(...given)?.reason;

/** Headers by the public package for any body. */
function signed(body: string): Record<string, string> {
  return { ...HEADERS, "webhook-signature": new Webhook(SECRET).sign(ID, new Date(EPOCH), body) };
}

describe("verifyWebhook", () => {
  it.each([
    ["text", BODY],
    ["a Buffer", Buffer.from(BODY)],
    ["bytes", new TextEncoder().encode(BODY)],
    ["an ArrayBuffer", new Uint8Array(new TextEncoder().encode(BODY)).buffer],
    ["an ArrayBuffer of another realm", vm.runInNewContext("Uint8Array.from(bytes).buffer", REALM)],
    ["a DataView", new DataView(new Uint8Array(new TextEncoder().encode(BODY)).buffer)],
    ["a part of a larger buffer", Buffer.from(`xx${BODY}yy`).subarray(2, -2)],
  ])("returns the event of a body that is %s", (_, body) => {
    expect(verifyWebhook(body, HEADERS, SECRET, { now })).toEqual({
      specversion: "1.0",
      id: "evt_1",
      source: "urn:waba-numbers:1:local",
      type: "webhook.test",
      time: "2026-01-01T00:00:00.000Z",
      datacontenttype: "application/json",
      data: { message: "Grüße, 阿里" },
    });
  });

  it.each<[string, WebhookHeaders]>([
    ["fetch's Headers", new Headers(HEADERS)],
    [
      "names in other case",
      {
        "Webhook-Id": ID,
        "WEBHOOK-TIMESTAMP": "1767225600",
        "Webhook-Signature": SIGNATURE,
      },
    ],
    [
      "lists of values",
      {
        "webhook-id": [ID],
        "webhook-timestamp": ["1767225600"],
        "webhook-signature": ["v1,AAAA", SIGNATURE],
        cookie: undefined,
      },
    ],
  ])("reads headers from %s", (_, headers) => {
    expect(reason(BODY, headers)).toBeUndefined();
  });

  it.each([
    ["one of two secrets in a list", [OTHER_SECRET, SECRET], SIGNATURE],
    ["one of two secrets in a text", `${OTHER_SECRET} ${SECRET}`, SIGNATURE],
    ["one of two signatures", SECRET, `${OTHER_SIGNATURE} ${SIGNATURE}`],
    ["two of two", [SECRET, OTHER_SECRET], `${OTHER_SIGNATURE} ${SIGNATURE}`],
    ["a signature beside one of another scheme", SECRET, `v1a,AAAA ${SIGNATURE} v2,BBBB`],
  ])("accepts %s", (_, secrets, signature) => {
    expect(reason(BODY, { ...HEADERS, "webhook-signature": signature }, secrets)).toBeUndefined();
  });

  it.each([null, {}, "text"])("misses the headers in %o", (headers) => {
    expect(reason(BODY, headers as unknown as WebhookHeaders)).toBe("missing-header");
  });

  it.each([
    ["by another secret", OTHER_SIGNATURE],
    ["without its version", SIGNATURE.slice(3)],
    ["of another version", SIGNATURE.replace("v1", "v2")],
    ["cut off", SIGNATURE.slice(0, -2)],
    ["with more behind it", `${SIGNATURE}A`],
    ["that is empty", "v1,"],
    ["with one character changed", SIGNATURE.replace("7/", "8/")],
  ])("refuses a signature %s", (_, signature) => {
    expect(reason(BODY, { ...HEADERS, "webhook-signature": signature })).toBe("signature");
  });

  it("refuses a body, an id and a time that were not signed", () => {
    expect(reason(`${BODY} `)).toBe("signature");
    expect(reason(JSON.stringify(JSON.parse(BODY), null, 1))).toBe("signature");
    expect(reason(BODY, { ...HEADERS, "webhook-id": "evt_2" })).toBe("signature");
    expect(reason(BODY, { ...HEADERS, "webhook-timestamp": "1767225601" })).toBe("signature");
  });

  it.each([
    [-301_000, "timestamp"],
    [-300_000, undefined],
    [300_999, undefined],
    [301_000, "timestamp"],
  ])("judges a clock that is %i ms off as %s", (offMs, expected) => {
    expect(reason(BODY, HEADERS, SECRET, { now: () => EPOCH + offMs })).toBe(expected);
  });

  it("accepts another tolerance, and refuses everything by one that is not a number", () => {
    const late = () => EPOCH + 11_000;
    expect(reason(BODY, HEADERS, SECRET, { now: late, toleranceSeconds: 10 })).toBe("timestamp");
    expect(reason(BODY, HEADERS, SECRET, { now: late, toleranceSeconds: 11 })).toBeUndefined();
    expect(reason(BODY, HEADERS, SECRET, { now, toleranceSeconds: Number.NaN })).toBe("timestamp");
  });

  it("uses the machine's clock by default", () => {
    expect(reason(BODY, HEADERS, SECRET, {})).toBe("timestamp");
  });

  it.each(["", "soon", "1767225600.5", "-1", "1767225600 ", "1e9"])("refuses the time %j", (at) => {
    const expected = at === "" ? "missing-header" : "timestamp";
    expect(reason(BODY, { ...HEADERS, "webhook-timestamp": at })).toBe(expected);
  });

  it.each(Object.keys(HEADERS))("names the header %s if it is missing", (name) => {
    const error = refusal(BODY, { ...HEADERS, [name]: undefined });
    expect(error?.reason).toBe("missing-header");
    expect(error?.message).toContain(`The header ${name} is missing`);
    const rest = new Headers(HEADERS);
    rest.delete(name);
    expect(reason(BODY, rest)).toBe("missing-header");
  });

  it.each([
    ["none", undefined, "There is no secret"],
    ["an empty text", "", "There is no secret"],
    ["an empty list", [], "There is no secret"],
    ["one with a line break", `${SECRET}\n`, "white space"],
    ["one in quotes", `"${SECRET}"`, "not whsec_"],
    ["one without its prefix", SECRET.slice(6), "not whsec_"],
    ["one that is the prefix alone", "whsec_", "24 to 64 bytes"],
    ["a short one", SECRET.slice(0, 30), "24 to 64 bytes"],
    ["a good one beside a bad one", [SECRET, "x"], "not whsec_"],
    ["a good one beside nothing", [SECRET, undefined], "not whsec_"],
  ])("says what is wrong with the secret: %s", (_, secrets, says) => {
    const error = refusal(BODY, HEADERS, secrets ?? null);
    expect(error?.reason).toBe("secret");
    expect(error?.message).toContain(says);
    expect(error?.message).not.toContain(SECRET.slice(6, 20));
  });

  it.each([JSON.parse(BODY), undefined, null, [...Buffer.from(BODY)]])(
    "asks for the raw body if it gets a parsed one",
    (body) => {
      const error = refusal(body);
      expect(error?.reason).toBe("payload");
      expect(error?.message).toContain("Verify the raw body");
    },
  );

  it.each([
    ["no JSON", "{"],
    ["no event", '{"test": 2432232314}'],
    ["a list", "[]"],
    ["an event of another id", BODY.replace("evt_1", "evt_2")],
    ["another version", BODY.replace("1.0", "2.0")],
    ["an event without the fields of its type", BODY.replace("message", "text")],
  ])("refuses a signed body that is %s", (_, body) => {
    expect(reason(body, signed(body))).toBe("payload");
  });

  it("refuses a test whose mark of a redelivery did not arrive", () => {
    const body = BODY.replace('"data":{', '"data":{"redelivery":"true",');
    const marked = { ...signed(body), "Webhook-Redelivery": "true" };
    expect(verifyWebhook(body, marked, SECRET, { now }).type).toBe("webhook.test");
    const error = refusal(body, signed(body));
    expect(error?.reason).toBe("missing-header");
    expect(error?.message).toContain("webhook-redelivery");
  });

  it("refuses signed bytes that are not UTF-8", () => {
    const bytes = Buffer.from('{"id":"evt_1\xff"}', "latin1");
    // By openssl, as above: no text has these bytes.
    const signature = "v1,099RpPOkgORTtYufWixM4wzcCjGrPWHA3SgQlLxVuLQ=";
    const error = refusal(bytes, { ...HEADERS, "webhook-signature": signature });
    expect(error?.message).toBe("The signed body is not JSON in UTF-8.");
  });

  it.each([
    [19, undefined],
    [20, "signature"],
    [1_000_000, "signature"],
  ])("looks at 20 signatures: after %i others, the failure is %s", (others, failure) => {
    const [good = ""] = (signed(BODY)["webhook-signature"] ?? "").split(" ");
    const headers = { ...signed(BODY), "webhook-signature": `${"v1,AAAA ".repeat(others)}${good}` };
    expect(refusal(BODY, headers)?.reason).toBe(failure);
  });

  it("accepts the signature that Standard Webhooks publishes, whose body is no event", () => {
    const headers = {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    };
    const at = { now: () => 1_614_265_330_000 };
    expect(reason('{"test": 2432232314}', headers, SECRET, at)).toBe("payload");
  });

  it("returns an event of a later type as its envelope", () => {
    const body = BODY.replace("webhook.test", "whatsapp.phone_number.renamed");
    expect(verifyWebhook(body, signed(body), SECRET, { now })).toMatchObject({
      id: "evt_1",
      type: "whatsapp.phone_number.renamed",
      data: { message: "Grüße, 阿里" },
    });
  });

  it("keeps fields that this version does not know", () => {
    const body = BODY.replace('"message"', '"later":1,"message"');
    expect(verifyWebhook(body, signed(body), SECRET, { now })).toMatchObject({
      data: { later: 1 },
    });
  });

  it("says nothing of the request in its errors", () => {
    const body = eventBody(ID, "1", []);
    const error = refusal(body, { ...HEADERS, "webhook-signature": "v1,c2VjcmV0" });
    expect(error).toMatchObject({
      name: "ERR_WEBHOOK_VERIFICATION",
      code: "ERR_WEBHOOK_VERIFICATION",
      reason: "signature",
    });
    expect(Object.keys(error ?? {}).sort()).toEqual(["code", "reason"]);
    expect(`${error?.message}${error?.cause}`).not.toMatch(/c2VjcmV0|15550001|evt_1/);
  });
});
