import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Fault } from "../sandbox/cams-faults.ts";
import { BAD_REQUESTS } from "../support/bad-requests.ts";
import { takeOverDeadlines } from "../support/deadlines.ts";
import {
  type Answer,
  API_KEYS,
  addOf,
  type FunctionRig,
  GOOD_ADD,
  queryEvent,
  ROLE_CREDENTIALS,
  startFunctionRig,
} from "../support/function-deps.ts";

let rig: FunctionRig;
beforeEach(async () => {
  rig = await startFunctionRig();
});
afterEach(() => rig.close());

const PHONE = ["15112345678", "4915112345678"];
const CREDENTIALS = [...Object.values(ROLE_CREDENTIALS), ...Object.values(API_KEYS)];
const KEPT_BACK = [...CREDENTIALS, "Acme GmbH"];

/** What this run's requests were signed with and by: known only once they were sent. */
function signatures(): string[] {
  return rig.upstream.control.calls().flatMap(({ rawBody }) => {
    const params = new URLSearchParams(rawBody);
    const signature = params.get("Signature") ?? "";
    return [signature, encodeURIComponent(signature), params.get("SignatureNonce") ?? ""];
  });
}

function leaks(text: string, secrets: readonly string[]): string[] {
  return secrets.filter((secret) => secret !== "" && text.includes(secret));
}

/**
 * Looks through the responses and log lines of everything that the rig has done so far. A success
 * holds the number and its name, a problem does not.
 */
function expectNoLeak(answers: readonly Answer[]): void {
  const signed = signatures();
  const personal = [...KEPT_BACK, ...PHONE, ...signed];
  for (const { status, text, headers } of answers) {
    const whole = text + JSON.stringify(headers);
    expect(leaks(whole, status < 300 ? [...CREDENTIALS, ...signed] : personal)).toEqual([]);
  }
  expect(leaks(rig.lines.join("\n"), personal)).toEqual([]);
}

const FAULTS: readonly Fault[] = [
  { kind: "throttle" },
  { kind: "html-502" },
  { kind: "reset-before" },
  { kind: "reset-after" },
  { kind: "slow", delayMs: 5 },
  { kind: "truncated" },
  { kind: "empty-list" },
  { kind: "empty-body" },
  { kind: "http-500" },
  { kind: "array-body" },
  { kind: "null-body" },
  { kind: "malformed-row" },
  { kind: "code", code: "Product.Unsubscript" },
  { kind: "code", code: "Ram.PermissionDeny" },
  { kind: "code", code: "System.LimitControl" },
  { kind: "code", code: "Unknown.ResourceOwnerId" },
  { kind: "code", code: "InternalError" },
  { kind: "code", code: "InvalidParameter.PhoneNumberError" },
  // An upstream that repeats what it was sent, in every part of the answer that is passed on.
  { kind: "code", code: "4915112345678 is taken", message: "4915112345678 of Acme GmbH" },
];

const addOnce = (key = "k1") => rig.add(addOf(GOOD_ADD, { headers: { "idempotency-key": key } }));
const queryOnce = () => rig.query(queryEvent({ query: { custSpaceId: "acme" } }));

/** Every run of digits in the lines but for their times, as a reader would put it together. */
function digitsInLog(): string {
  const lines = rig.lines.map((line) => ({ ...JSON.parse(line), time: undefined, requestId: "" }));
  return JSON.stringify(lines).replaceAll(/%2B|%20|[^\dA-Za-z"]/gi, "");
}

describe("secrets and phone numbers", () => {
  it.each(FAULTS)("stay out of responses and logs under %o", async (fault) => {
    rig.upstream.control.fault({ ...fault, count: 100 });
    const answers = [await addOnce(), await addOnce(), await queryOnce()];
    rig.upstream.control.clearFaults();
    rig.upstream.control.fault({ ...fault, action: "AddChatappPhoneNumber" });
    answers.push(await addOnce("k2"), await addOnce("k2"));
    expect(rig.lines.length).toBeGreaterThanOrEqual(5);
    expect(signatures().length).toBeGreaterThanOrEqual(6);
    expectNoLeak(answers);
  });

  it.each(["add", "query"] as const)("stay out of a hanging %s", async (name) => {
    rig.upstream.control.fault({ kind: "hang", count: 9 });
    const reached = () => rig.upstream.control.calls().length;
    takeOverDeadlines({ expires: () => true, reached, advance: rig.clock.advance });
    const answer = await (name === "add" ? addOnce() : queryOnce());
    expect(answer.status).toBe(504);
    expectNoLeak([answer]);
  });

  it("stay out of what a refused connection leaves", async () => {
    await rig.close();
    expectNoLeak([await addOnce(), await queryOnce()]);
  });

  it("stay out even if the upstream's message repeats the signed request", async () => {
    const credentials = { ...ROLE_CREDENTIALS, accessKeySecret: "another" };
    const answers = [
      await rig.add(addOf(GOOD_ADD), { credentials }),
      await rig.query(queryEvent(), { credentials }),
    ];
    expect(answers.map(({ body }) => body.upstreamCode)).toEqual([
      "SignatureDoesNotMatch",
      "SignatureDoesNotMatch",
    ]);
    expectNoLeak(answers);
  });

  it("stay out of what an unexpected error leaves, whatever its message says", async () => {
    const openStore = () => {
      throw new Error(`${GOOD_ADD.phoneNumber} ${API_KEYS.any}\n    at 15112345678 (x)`);
    };
    const other = await startFunctionRig({ openStore });
    try {
      const answer = await other.add(addOf(GOOD_ADD));
      expect([answer.status, answer.body.code]).toEqual([500, "ERR_INTERNAL"]);
      expect(leaks(answer.text + other.lines.join(), [...KEPT_BACK, ...PHONE])).toEqual([]);
    } finally {
      await other.close();
    }
  });

  it("stay out of responses and logs of bad requests", async () => {
    const answers: Answer[] = [];
    for (const { to, event } of BAD_REQUESTS) answers.push(await rig[to](event));
    expect(answers.length).toBeGreaterThanOrEqual(40);
    expectNoLeak(answers);
  });

  it.each([
    ["a path with dashes", { path: "/numbers/+49-151-1234-5678" }],
    ["a path with percent signs", { path: "/numbers/%2B49%20151%20123%204567" }],
    ["a path with dots", { path: "/numbers/49.151.123.456.78" }],
    ["a path of ten digits", { path: "/4915112345678" }],
    ["a method", { method: "DELETE 4915112345678" }],
    ["a method in parts", { method: "GET+49-151-123" }],
  ])("stay out of the log though they stand in %s", async (_name, sent) => {
    const answers = [await rig.add(addOf(GOOD_ADD, sent)), await rig.query(queryEvent(sent))];
    for (const { status } of answers) expect([404, 405]).toContain(status);
    expect(rig.lines).toHaveLength(2);
    expect(digitsInLog()).not.toMatch(/\d{4}/);
  });

  it.each(["4915112345678", "15112345678", "49-151-12345678", "_0049151_12345678"])(
    "stay out of the log of an add though %s stands for the customer",
    async (custSpaceId) => {
      rig.upstream.control.addCustomer(custSpaceId);
      expect((await rig.add(addOf({ ...GOOD_ADD, custSpaceId }))).status).toBe(201);
      const [line] = rig.lines.map((text) => JSON.parse(text));
      expect(line.custSpaceId).toMatch(/^\*+\d{4}$/);
      expect(line.custSpaceId.slice(-4)).toBe(custSpaceId.slice(-4));
      expect(rig.lines.join("\n")).not.toContain(custSpaceId);
    },
  );

  it("stay out of the stored rows, but for the number that is watched", async () => {
    await addOnce();
    rig.upstream.control.fault({ kind: "html-502", action: "AddChatappPhoneNumber" });
    await addOnce("k2");
    expect(leaks(JSON.stringify(await rig.rows()), [...KEPT_BACK, ...signatures()])).toEqual([]);
  });

  it("are in the request's body alone, never in its URL", async () => {
    await addOnce();
    await queryOnce();
    const calls = rig.upstream.control.calls();
    expect(calls.map(({ method, rawQuery }) => [method, rawQuery])).toEqual([
      ["POST", ""],
      ["POST", ""],
    ]);
  });
});
