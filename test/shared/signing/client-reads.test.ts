import { inspect } from "node:util";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { isInstanceItem } from "../../../shared/schemas/upstream.ts";
import type { CallOptions } from "../../../shared/signing/upstream.ts";
import type { Fault } from "../../sandbox/cams-faults.ts";
import {
  type Connect,
  failureOf,
  KEY_ID,
  KEY_SECRET,
  type Rig,
  sentParams,
  shown,
  startRig,
  TOKEN,
  VARIANTS,
} from "./client-rig.ts";

const IN_TIME = { deadlineAt: 60_000 };
const ID = expect.stringMatching(/^[0-9A-F-]{36}$/);
const COMMON = [
  "AccessKeyId",
  "Action",
  "Format",
  "SecurityToken",
  "Signature",
  "SignatureMethod",
  "SignatureNonce",
  "SignatureVersion",
  "Timestamp",
  "Version",
];

type Read = readonly [string, (rig: Rig, call: CallOptions) => Promise<unknown>];

const READS: readonly Read[] = [
  [
    "ChatappSyncPhoneNumber",
    (rig, call) => rig.upstream.sync({ ...HOSTILE, custSpaceId: "cust-1" }, call),
  ],
  [
    "ListInstance",
    (rig, call) => rig.upstream.listInstances({ ...HOSTILE, pageIndex: 1, pageSize: 100 }, call),
  ],
];
const HOSTILE = { Action: "DeleteInstance", SignatureNonce: "fixed", FilterStr: "x" };

const CUT = { transportCode: "ECONNRESET" };

/** What each fault becomes, and how many tries it gets. The tests add the action. */
const FAULTS: [Fault, Record<string, unknown>, Record<string, unknown>, 1 | 3][] = [
  [
    { kind: "throttle", retryAfterMs: 1500 },
    { code: "ERR_UPSTREAM_THROTTLED", retryAfterMs: 1500 },
    { httpStatus: 400, upstreamCode: "Throttling.User", upstreamRequestId: ID },
    3,
  ],
  [{ kind: "html-502" }, { code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: false }, {}, 3],
  [{ kind: "reset-after" }, { code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: false }, CUT, 3],
  [{ kind: "array-body" }, { code: "ERR_UPSTREAM_CONTRACT" }, { httpStatus: 200 }, 3],
  [
    { kind: "http-500" },
    { code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: false },
    { httpStatus: 500, upstreamCode: "OK", upstreamRequestId: ID },
    3,
  ],
  [
    { kind: "code", code: "Ram.PermissionDeny" },
    { code: "ERR_UPSTREAM_ACCOUNT" },
    { httpStatus: 403, upstreamCode: "Ram.PermissionDeny", upstreamRequestId: ID },
    1,
  ],
  [
    { kind: "code", code: "Product.Unsubscript" },
    { code: "ERR_UPSTREAM_REJECTED", concerns: "customer" },
    { httpStatus: 400, upstreamCode: "Product.Unsubscript", upstreamRequestId: ID },
    1,
  ],
];

/** The words that the sandbox sends with a code. */
function wordsOf({ kind }: Fault, { upstreamCode }: Record<string, unknown>) {
  if (upstreamCode === undefined || (kind !== "code" && kind !== "throttle")) return {};
  return { upstreamMessage: `The sandbox refuses this request with ${upstreamCode}.` };
}

describe.each(VARIANTS)("%s", (_name, load) => {
  let create: Connect;
  let rig: Rig | undefined;
  beforeAll(async () => {
    create = await load();
  });
  afterEach(async () => {
    await rig?.close();
    rig = undefined;
  });
  const start = async () => {
    rig = await startRig(create);
    return rig;
  };

  describe.each(READS)("%s", (action, read) => {
    it("is one POST with an empty query and only its own parameters in the form", async () => {
      const own = await start();
      await read(own, IN_TIME);
      const [call, ...others] = own.sandbox.control.calls();
      expect(others).toEqual([]);
      expect(call).toMatchObject({ action, method: "POST", rawQuery: "", code: "OK" });
      const params = sentParams(call?.rawBody ?? "");
      const business =
        action === "ListInstance" ? ["ChannelType", "PageIndex", "PageSize"] : ["CustSpaceId"];
      expect(Object.keys(params).sort()).toEqual([...COMMON, ...business].sort());
    });

    it.each(FAULTS)("fails under %o with its facts only", async (fault, fields, facts, tries) => {
      const own = await start();
      own.sandbox.control.fault({ ...fault, action, count: 10 });
      const error = await failureOf(read(own, IN_TIME));
      expect(shown(error)).toEqual({
        ...fields,
        facts: { ...facts, ...wordsOf(fault, facts), action },
      });
      const calls = own.sandbox.control.calls();
      expect(calls).toHaveLength(tries);
      const secrets = calls.flatMap(({ rawBody }) => [
        sentParams(rawBody).Signature ?? "",
        sentParams(rawBody).SignatureNonce ?? "",
      ]);
      const text = `${inspect(error, { depth: 10, showHidden: true })}${error.stack}`;
      for (const secret of [...secrets, KEY_ID, KEY_SECRET, TOKEN]) {
        expect(text).not.toContain(secret);
      }
    });

    it("acquires the limiter for every try and succeeds after a throttled one", async () => {
      const own = await start();
      own.sandbox.control.fault({ kind: "throttle", action });
      const events: string[] = [];
      const limiter = {
        async acquire() {
          events.push("acquire");
          return true;
        },
        release: (outcome: string) => void events.push(outcome),
      };
      await read(own, { ...IN_TIME, limiter });
      expect(events).toEqual(["acquire", "throttled", "acquire", "answered"]);
    });
  });
});

describe("isInstanceItem", () => {
  it("refuses the name of the account itself, which is no CustSpaceId", () => {
    const taken = (CustSpaceId: string) => isInstanceItem({ CustSpaceId });
    expect([taken("self"), taken("selfie"), taken("dad-gf**")]).toEqual([false, true, false]);
  });
});
