import { describe, expect, expectTypeOf, it } from "vitest";
import * as z from "zod/mini";
import type { NumberEvent as ReceivedNumberEvent } from "../../shared/receiver/events.ts";
import { type KnownEvent, verifyWebhook } from "../../shared/receiver/verify.ts";
import {
  type NumberEvent,
  numberEventSchema,
  type TestEvent,
  testEventSchema,
  type WatchEvent,
  watchEventSchema,
} from "../../shared/schemas/event.ts";
import { parseWebhookSecrets, signatureHeaders } from "../../shared/webhook/signature.ts";
import { EXAMPLE_SECRET, eventExamples } from "./event-examples.ts";

const SENT_AT = 1_767_225_665;
const SECRETS = parseWebhookSecrets(EXAMPLE_SECRET);

type Of<Type extends KnownEvent["type"]> = Extract<KnownEvent, { type: Type }>;

type Fields = Readonly<Record<string, unknown>>;

/** Whether the helper accepts an event that is signed. */
function isAccepted(event: Fields): boolean {
  if ("problem" in SECRETS) throw new Error(SECRETS.problem);
  const body = JSON.stringify(event);
  const headers = signatureHeaders({ id: String(event.id), body }, SENT_AT, SECRETS.secrets);
  try {
    verifyWebhook(body, headers, EXAMPLE_SECRET, { now: () => SENT_AT * 1_000 });
    return true;
  } catch {
    return false;
  }
}

const VALUES = [
  undefined,
  null,
  true,
  7,
  "a text",
  "info",
  "absent",
  [],
  ["a text"],
  [7],
  {},
  { a: "a text" },
  { a: 7 },
];

/** The object with each of these fields set to each value, or left out. */
function vary(object: Fields, names: readonly string[]): Fields[] {
  return names.flatMap((name) => VALUES.map((value) => ({ ...object, [name]: value })));
}

const CASES = [
  ["whatsapp.phone_number.changed", numberEventSchema],
  ["whatsapp.watch.stale", watchEventSchema],
  ["webhook.test", testEventSchema],
] as const;

describe("shared/receiver/events.ts", () => {
  it("has the types of the schemas", () => {
    expectTypeOf<KnownEvent["type"]>().toEqualTypeOf<
      (NumberEvent | WatchEvent | TestEvent)["type"]
    >();
    expectTypeOf<Of<"webhook.test">>().toExtend<TestEvent>();
    expectTypeOf<Of<"whatsapp.watch.stale">>().toExtend<WatchEvent>();
    // In this direction: the receiver's type names known values, and takes any other text as well.
    expectTypeOf<NumberEvent>().toExtend<ReceivedNumberEvent>();
    expectTypeOf<Of<"whatsapp.phone_number.changed">>().toExtend<ReceivedNumberEvent>();
  });

  it("requires of each type what it always holds, and of no other", () => {
    type Stuck = Of<"whatsapp.onboarding.stuck">["data"];
    expectTypeOf<Stuck["nextStep"]>().toEqualTypeOf<{ sentence: string; operation?: string }>();
    expectTypeOf<Stuck["addedAt"]>().toEqualTypeOf<string>();
    expectTypeOf<Stuck["missingReason"]>().toEqualTypeOf<
      "absent" | "deleted" | "migrated" | undefined
    >();
    type Missing = Of<"whatsapp.phone_number.missing">["data"];
    expectTypeOf<Missing["missingReason"]>().toEqualTypeOf<"absent" | "deleted" | "migrated">();
    expectTypeOf<Missing["nextStep"]>().toExtend<object | undefined>();
    type Changed = Of<"whatsapp.phone_number.changed">["data"];
    expectTypeOf<Changed["previousObservedAt"]>().toEqualTypeOf<string>();
    type State = Of<"whatsapp.phone_number.state">["data"];
    expectTypeOf<State["previousObservedAt"]>().toEqualTypeOf<string | undefined>();
  });

  it("takes any text where known values are named", () => {
    type Changed = Of<"whatsapp.phone_number.changed">["data"];
    expectTypeOf<"BANNED" | "A_NEW_WORD">().toExtend<Changed["current"]["status"]>();
    expectTypeOf<string>().toExtend<Changed["changes"][number]["field"]>();
    expectTypeOf<Changed["current"]["aNewField"]>().toEqualTypeOf<string | undefined>();
    expectTypeOf<string>().toExtend<Of<"whatsapp.watch.stale">["data"]["code"]>();
    expectTypeOf<Of<"whatsapp.watch.stale">["data"]["code"]>().toExtend<string>();
  });

  it.each(CASES)("has the helper accept and refuse %s as its schema does", async (type, schema) => {
    const event: Fields = JSON.parse((await eventExamples())[type].body);
    const data = event.data as Fields;
    const [change, ...changes] = (data.changes ?? []) as Fields[];
    const withData = (fields: Fields): Fields => ({ ...event, data: fields });
    const varied: Fields[] = [
      // A type or version of its own would be an event that the helper does not know.
      ...vary(event, Object.keys(schema.shape)).filter((one) => one.type === type),
      ...vary(data, Object.keys(schema.shape.data.shape)).map(withData),
      ...(change ? vary(change, Object.keys(change)) : []).map((one) =>
        withData({ ...data, changes: [one, ...changes] }),
      ),
      { ...event, later: 1, data: { ...data, later: 1 } },
    ];

    const wrong = varied.filter((one) => isAccepted(one) !== z.safeParse(schema, one).success);
    expect(wrong).toEqual([]);
    expect(varied.filter(isAccepted).length).toBeGreaterThan(10);
  });
});
