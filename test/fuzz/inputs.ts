import fc from "fast-check";
import { apiGatewayEvent, fcHttpEvent, timerEvent } from "../support/fc-events.ts";

/** Texts that have broken parsers, terminals and comparisons before. */
const odd = fc.constantFrom(
  "",
  " ",
  "None",
  "__proto__",
  "constructor",
  "\u0000",
  "\u001b[2J",
  "\u202e",
  "\ud800",
  "%00",
  "../..",
  "'\"<>",
  "9".repeat(5_000),
);
const text = fc.oneof(odd, fc.string(), fc.string({ unit: "binary" }));
const value = fc.oneof({ weight: 3, arbitrary: text }, fc.jsonValue(), fc.constant(undefined));

/** An object whose fields are mostly right. Each may be absent or anything. */
function mostly(fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<object> {
  const entries = Object.entries(fields).map(([name, right]) => [
    name,
    fc.oneof({ weight: 12, arbitrary: right }, value),
  ]);
  return fc
    .record(Object.fromEntries(entries))
    .map((made) => Object.fromEntries(Object.entries(made).filter(([, v]) => v !== undefined)));
}

const customer = fc.constantFrom("fuzz-1", "fuzz-2", "fuzz-3");

/** A number that no log line may hold whole. */
export const FUZZ_NUMBERS = ["1511234567", "1519876543", "1727654321"] as const;
const number = fc.constantFrom(...FUZZ_NUMBERS);

const addBody = mostly({
  custSpaceId: customer,
  cc: fc.constantFrom("49", "55", "1", "44"),
  phoneNumber: number,
  verifiedName: text,
}).map((body) => JSON.stringify(body));

/** Events of either front and of none, most of them with a valid key. */
export function eventsFor(
  { method, path }: { readonly method: string; readonly path: string },
  key: string,
): fc.Arbitrary<unknown> {
  const good = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const request = fc.record({
    method: fc.oneof(
      { weight: 8, arbitrary: fc.constant(method) },
      fc.constantFrom("HEAD", "OPTIONS", "PUT"),
      text,
    ),
    path: fc.oneof({ weight: 8, arbitrary: fc.constant(path) }, text),
    query: fc.oneof(
      { weight: 4, arbitrary: mostly({ custSpaceId: customer }) },
      fc.dictionary(text, text),
    ) as fc.Arbitrary<Record<string, string>>,
    headers: fc.oneof(
      { weight: 8, arbitrary: fc.constant(good) },
      fc.dictionary(text, text).map((more) => ({ ...good, ...more })),
      text.map((once) => ({ ...good, "idempotency-key": once })),
      fc.dictionary(text, text),
    ),
    body: fc.oneof(
      { weight: 6, arbitrary: addBody },
      fc.array(customer).map((custSpaceIds) => JSON.stringify({ custSpaceIds })),
      fc.json(),
      text,
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    ),
    base64: fc.boolean(),
  });
  return fc.oneof(
    { weight: 6, arbitrary: request.map(fcHttpEvent) },
    { weight: 3, arbitrary: request.map(apiGatewayEvent) },
    text.map(timerEvent),
    fc.jsonValue(),
    fc.uint8Array(),
    text,
  );
}

/** Commands for poll, as a mistaken or hostile operator may write them. */
export const payloads: fc.Arbitrary<unknown> = fc.oneof(
  mostly({
    command: fc.constantFrom("status", "watch", "unwatch", "watch-list", "events", "dead-list"),
    custSpaceIds: fc.array(customer, { maxLength: 5 }),
  }),
  mostly({
    command: fc.constantFrom("erase", "resync", "redeliver", "dead-redeliver", "webhook-test"),
    customer,
    custSpaceIds: fc.array(text, { maxLength: 5 }),
    number,
    seq: fc.nat(),
  }),
  fc.jsonValue(),
);

const item = mostly({
  PhoneNumber: number.map((digits) => `49${digits}`),
  Status: fc.constantFrom("CONNECTED", "PENDING", "BANNED", "None"),
  QualityRating: fc.constantFrom("GREEN", "YELLOW", "RED"),
  CodeVerificationStatus: fc.constantFrom("VERIFIED", "EXPIRED"),
  MessagingLimitTier: fc.constantFrom("TIER_1K", "TIER_10K"),
  VerifiedName: text,
});
const reply = mostly({
  Code: fc.constantFrom("OK", "OK", "OK", "Throttling.User", "Forbidden.RiskControl", "None"),
  Message: text,
  RequestId: fc.constant("RIGHT-1"),
  Success: fc.boolean(),
  PhoneNumbers: fc.array(item, { maxLength: 6 }),
}).map((body) => JSON.stringify(body));

/** What the upstream answers: mostly a reply of the documented shape, at times no reply at all. */
export const answers = fc.record({
  status: fc.oneof(
    { weight: 8, arbitrary: fc.constant(200) },
    fc.constantFrom(204, 302, 400, 403, 404, 429, 500, 503),
  ),
  body: fc.oneof(
    { weight: 8, arbitrary: reply },
    reply.map((whole) => whole.slice(0, whole.length / 2)),
    fc.json(),
    text,
    fc.nat(30_000).map((depth) => `{"Code":"OK","x":${"[".repeat(depth)}`),
    fc.constant(`{"Code":"OK","x":"${"y".repeat(5_000_000)}"}`),
  ),
  reset: fc.oneof({ weight: 20, arbitrary: fc.constant(false) }, fc.constant(true)),
});

export type UpstreamAnswer = typeof answers extends fc.Arbitrary<infer T> ? T : never;
