import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAdd } from "../../functions/add.ts";
import { createQuery } from "../../functions/query.ts";
import { BAD_REQUESTS } from "../support/bad-requests.ts";
import { apiGatewayEvent, fcHttpEvent } from "../support/fc-events.ts";
import {
  API_KEYS,
  addOf,
  createFunctionDeps,
  type FunctionRig,
  GOOD_ADD,
  invoke,
  readRows,
  startFunctionRig,
} from "../support/function-deps.ts";
import { SEED } from "../support/seed.ts";

type Problem = { readonly issues?: readonly { readonly path: string; readonly message: string }[] };

/** Both functions, before an upstream that fails the test when it is called. */
function beforeUpstream() {
  let calls = 0;
  const call = () => {
    calls += 1;
    return Promise.reject(new Error("the upstream was called"));
  };
  const { deps, store } = createFunctionDeps("http://127.0.0.1:9", {
    upstreamFor: () => ({ add: call, query: call }),
  });
  const add = createAdd(deps);
  const query = createQuery(deps);
  return {
    add: (event: Buffer) => invoke(add, event, undefined, "add"),
    query: (event: Buffer) => invoke(query, event, undefined, "query"),
    calls: () => calls,
    rows: () => readRows(store),
  };
}

describe("bad input", () => {
  it.each(BAD_REQUESTS)("$name: $status", async ({ to, event, status, says }) => {
    const rig = beforeUpstream();
    const answer = await rig[to](event);
    const { issues } = answer.body as Problem;
    expect([answer.status, status === 400 ? issues?.[0]?.path : answer.body.code]).toEqual([
      status,
      says,
    ]);
    expect(answer.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
    expect(answer.body).toMatchObject({ status, requestId: answer.headers["x-request-id"] });
    expect(rig.calls()).toBe(0);
    expect(await rig.rows()).toEqual({});
  });

  it("is answered with every wrong field and what each must be", async () => {
    const body = { custSpaceId: "a b", cc: 49, verifiedName: "a\nb", colour: "red" };
    expect((await beforeUpstream().add(addOf(body))).body.issues).toEqual([
      { path: "custSpaceId", message: "must be 1 to 128 letters, digits, _ or -" },
      { path: "cc", message: "must be of type string" },
      { path: "phoneNumber", message: "must be given, as string" },
      { path: "verifiedName", message: "must not hold control characters" },
      { path: "colour", message: "is not a field of this request" },
    ]);
  });

  it.each(["49151123456789", "+49 151 12345678", " (+49) 15112345678", "\u2060+4915112345678"])(
    "says of %j that it begins with the country code",
    async (phoneNumber) => {
      const { status, body } = await beforeUpstream().add(addOf({ ...GOOD_ADD, phoneNumber }));
      const says = "begins with the country code; send it without";
      expect([status, body.issues]).toEqual([400, [{ path: "phoneNumber", message: says }]]);
    },
  );

  it("with thousands of unknown fields gets a short response", async () => {
    const fields = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`f${n}`, 1]));
    const { status, body, text } = await beforeUpstream().add(addOf({ ...GOOD_ADD, ...fields }));
    expect([status, (body as Problem).issues?.length]).toEqual([400, 20]);
    expect(text.length).toBeLessThan(4_000);
  });
});

const text = fc.string({ unit: "binary" });
const headers = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      authorization: fc.constantFrom(...Object.values(API_KEYS).map((key) => `Bearer ${key}`)),
      "content-type": fc.constant("application/json"),
    }),
  },
  { weight: 1, arbitrary: fc.dictionary(text, text) },
  {
    weight: 1,
    arbitrary: fc.record({
      authorization: fc.constant(`Bearer ${API_KEYS.any}`),
      "content-type": fc.constant("application/json"),
      "idempotency-key": text,
    }),
  },
);
const digits = fc.string({ unit: fc.constantFrom(..."0123456789+ -()"), maxLength: 18 });
const addBody = fc.record(
  {
    custSpaceId: fc.oneof(fc.constantFrom("acme", "beta", "self"), text),
    cc: fc.oneof(fc.constantFrom("1", "49", "358"), digits, fc.jsonValue()),
    phoneNumber: fc.oneof(digits, text, fc.jsonValue()),
    verifiedName: fc.oneof(text, fc.jsonValue()),
    preValidateId: fc.oneof(text, fc.jsonValue()),
    extra: fc.jsonValue(),
  },
  { requiredKeys: ["custSpaceId", "cc", "phoneNumber", "verifiedName"] },
);
const body = fc.oneof(
  { weight: 4, arbitrary: addBody.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: text },
  { weight: 1, arbitrary: fc.uint8Array().map((bytes) => Buffer.from(bytes)) },
);
const queryParams = fc.oneof(
  fc.dictionary(fc.constantFrom("custSpaceId", "isvCode", "status", "source", "__proto__"), text),
  fc.dictionary(text, text),
  fc.record({
    custSpaceId: fc.constantFrom("acme", "beta", "self", ""),
    source: fc.constantFrom("live", "stored", "x"),
  }),
);
const request = fc.record({
  method: fc.oneof(fc.constantFrom("GET", "POST", "HEAD", "OPTIONS"), text),
  path: fc.oneof(fc.constantFrom("/", "/numbers", "/add", "/query"), text),
  query: queryParams,
  headers,
  body,
  base64: fc.boolean(),
});

/** Makes sure that the runs come as far as the upstream. */
const WELL = {
  request: {
    method: "GET",
    path: "/",
    query: { custSpaceId: "acme" },
    headers: { authorization: `Bearer ${API_KEYS.any}`, "content-type": "application/json" },
    body: "",
    base64: false,
  },
  to: "query" as const,
  build: fcHttpEvent,
};

describe("any input", () => {
  let rig: FunctionRig;
  beforeEach(async () => {
    rig = await startFunctionRig();
  });
  afterEach(() => rig.close());

  it("gets a response below 500 while the upstream is healthy", async () => {
    const anyRequest = fc.record({
      request,
      to: fc.constantFrom("add" as const, "query" as const),
      build: fc.constantFrom(fcHttpEvent, apiGatewayEvent),
    });
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(anyRequest, async ({ request, to, build }) => {
        const { status } = await rig[to](build(request));
        seen.add(status);
        expect(status).toBeLessThan(500);
      }),
      { seed: SEED, numRuns: 500, examples: [[WELL]] },
    );
    expect([...seen]).toEqual(expect.arrayContaining([200, 400]));
  });

  it("in the form of an add gets a response below 500, and some is accepted", async () => {
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(addBody, async (value) => {
        const { status } = await rig.add(addOf(value));
        seen.add(status);
        expect(status).toBeLessThan(500);
      }),
      { seed: SEED, numRuns: 300, examples: [[{ ...GOOD_ADD }]] },
    );
    expect([...seen]).toEqual(expect.arrayContaining([201, 400]));
  });
});
