import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { Fault } from "../../sandbox/cams-faults.ts";
import {
  failureOf,
  KEY_ID,
  KEY_SECRET,
  NUMBER,
  sentParams,
  shown,
  TOKEN,
  VARIANTS,
} from "./client-rig.ts";
import { IN_TIME, prepareClient } from "./client-setup.ts";

const ID = expect.stringMatching(/^[0-9A-F-]{36}$/);

const CUT = { transportCode: "ECONNRESET" };

/** What each fault becomes, and how many tries a read has. The tests add the action. */
const FAULTS: [Fault, Record<string, unknown>, Record<string, unknown>, 1 | 3][] = [
  [
    { kind: "throttle" },
    { code: "ERR_UPSTREAM_THROTTLED" },
    { httpStatus: 400, upstreamCode: "Throttling.User", upstreamRequestId: ID },
    3,
  ],
  [
    { kind: "throttle", retryAfterMs: 1500 },
    { code: "ERR_UPSTREAM_THROTTLED", retryAfterMs: 1500 },
    { httpStatus: 400, upstreamCode: "Throttling.User", upstreamRequestId: ID },
    3,
  ],
  [{ kind: "html-502" }, { code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: false }, {}, 3],
  [{ kind: "reset-before" }, { code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: false }, CUT, 3],
  [{ kind: "reset-after" }, { code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: false }, CUT, 3],
  [{ kind: "truncated" }, { code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: false }, CUT, 3],
  [{ kind: "empty-body" }, { code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: false }, {}, 3],
  [{ kind: "null-body" }, { code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: false }, {}, 3],
  [{ kind: "array-body" }, { code: "ERR_UPSTREAM_CONTRACT" }, { httpStatus: 200 }, 3],
  [
    { kind: "http-500" },
    { code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: false },
    { httpStatus: 500, upstreamCode: "OK", upstreamRequestId: ID },
    3,
  ],
  [
    { kind: "code", code: "InternalError" },
    { code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: false },
    { httpStatus: 500, upstreamCode: "InternalError", upstreamRequestId: ID },
    3,
  ],
  [
    { kind: "code", code: "Success", status: 200 },
    { code: "ERR_UPSTREAM_CONTRACT" },
    { httpStatus: 200, upstreamCode: "Success", upstreamRequestId: ID },
    3,
  ],
  [
    { kind: "code", code: "OK", status: 400 },
    { code: "ERR_UPSTREAM_CONTRACT" },
    { httpStatus: 400, upstreamCode: "OK", upstreamRequestId: ID },
    3,
  ],
  [
    { kind: "code", code: "not a code: 8613800000001", status: 200 },
    { code: "ERR_UPSTREAM_CONTRACT" },
    { httpStatus: 200, upstreamRequestId: ID },
    3,
  ],
  [
    { kind: "code", code: "Product.Unsubscript" },
    { code: "ERR_UPSTREAM_REJECTED", concerns: "customer" },
    { httpStatus: 400, upstreamCode: "Product.Unsubscript", upstreamRequestId: ID },
    1,
  ],
  [
    { kind: "code", code: "InvalidParameter.PhoneNumberError", status: 200 },
    { code: "ERR_UPSTREAM_REJECTED", concerns: "request" },
    { httpStatus: 200, upstreamCode: "InvalidParameter.PhoneNumberError", upstreamRequestId: ID },
    1,
  ],
  [
    { kind: "code", code: "Forbidden.RAM" },
    { code: "ERR_UPSTREAM_ACCOUNT" },
    { httpStatus: 403, upstreamCode: "Forbidden.RAM", upstreamRequestId: ID },
    1,
  ],
];

/** The words that the sandbox sends with a code. */
function wordsOf({ kind }: Fault, { upstreamCode }: Record<string, unknown>) {
  if (upstreamCode === undefined || (kind !== "code" && kind !== "throttle")) return {};
  return { upstreamMessage: `The sandbox refuses this request with ${upstreamCode}.` };
}

describe.each(VARIANTS)("%s", (_name, load) => {
  const start = prepareClient(load);

  describe.each(FAULTS)("under %o", (fault, fields, facts, tries) => {
    it("query fails with these facts only, after so many tries", async () => {
      const { upstream, sandbox } = await start();
      sandbox.control.fault({ ...fault, count: 10 });

      const error = await failureOf(upstream.query({ custSpaceId: "cust-1" }, IN_TIME));

      expect(shown(error)).toEqual({
        ...fields,
        facts: { ...facts, ...wordsOf(fault, facts), action: "QueryChatappPhoneNumbers" },
      });
      expect(sandbox.control.calls()).toHaveLength(tries);
    });

    it("add fails with these facts only, after one try or after three throttled ones", async () => {
      const { upstream, sandbox } = await start();
      sandbox.control.fault({ ...fault, count: 10 });

      const error = await failureOf(upstream.add(NUMBER, IN_TIME));

      expect(shown(error)).toEqual({
        ...fields,
        facts: { ...facts, ...wordsOf(fault, facts), action: "AddChatappPhoneNumber" },
      });
      expect(sandbox.control.calls()).toHaveLength(fault.kind === "throttle" ? 3 : 1);
    });
  });

  it("puts no key, secret, token, signature, nonce or number into an error", async () => {
    const echo = `server string to sign is: POST&%2F&AccessKeyId%3D${KEY_ID}%26PhoneNumber%3D13800000001%26SecurityToken%3D${TOKEN} for 8613800000001`;
    const all: Fault[] = [
      ...FAULTS.map(([fault]) => fault),
      { kind: "code", code: "SignatureDoesNotMatch", message: echo },
      { kind: "code", code: echo },
    ];
    const { upstream, sandbox } = await start();
    for (const fault of all) {
      sandbox.control.clearCalls();
      sandbox.control.fault({ ...fault, count: 6 });
      const errors = [
        await failureOf(upstream.add(NUMBER, IN_TIME)),
        await failureOf(upstream.query({ custSpaceId: "cust-1" }, IN_TIME)),
      ];
      sandbox.control.clearFaults();
      const secrets = sandbox.control.calls().flatMap(({ rawBody }) => {
        const { Signature = "", SignatureNonce = "" } = sentParams(rawBody);
        return [Signature, encodeURIComponent(Signature), SignatureNonce];
      });
      expect(secrets.length).toBeGreaterThan(5);
      for (const error of errors) {
        const text = [
          inspect(error, { depth: 10, showHidden: true }),
          JSON.stringify(error),
          String(error),
          error.stack,
        ].join("\n");
        for (const secret of [...secrets, KEY_ID, KEY_SECRET, TOKEN, encodeURIComponent(TOKEN)]) {
          expect(text).not.toContain(secret);
        }
        expect(text).not.toContain("13800000001");
      }
    }
  });
});
