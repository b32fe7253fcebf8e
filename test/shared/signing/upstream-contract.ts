import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { PhoneNumberItem } from "../../../shared/schemas/upstream.ts";
import type { CallOptions, Upstream } from "../../../shared/signing/upstream.ts";
import { failureOf, NUMBER, shown } from "./client-rig.ts";

/** An upstream with the customer `cust-1`, which has no numbers yet. */
export type UpstreamScene = {
  readonly upstream: Upstream;
  /** Adds these numbers to the customer. */
  list(numbers: readonly PhoneNumberItem[]): void;
  /** Adds these customers to the account. */
  addCustomers(ids: readonly string[]): void;
  /** From here on, a number replaces the first row of each list. */
  spoilFirstRow(): void;
  /** From here on, replies are OK and hold no list. */
  dropList(): void;
  /** From here on, every call is refused with this code. */
  refuse(code: string, retryAfterMs?: number): void;
  /** From here on, no call gets a reply. */
  hang(): void;
  /** How many requests were sent. */
  sent(): number;
  /** The time that deadlines are compared with, in ms. Ignored with the real time. */
  readonly clock: { ms: number };
  close(): Promise<void>;
};

export type OpenScene = (options: { readonly realTime: boolean }) => Promise<UpstreamScene>;

const IN_TIME: CallOptions = { deadlineAt: 60_000 };
const CUSTOMER = { custSpaceId: "cust-1" };

type Call = (upstream: Upstream, options: CallOptions) => Promise<unknown>;
const add: Call = (upstream, options) => upstream.add(NUMBER, options);
const query: Call = (upstream, options) => upstream.query(CUSTOMER, options);
const sync: Call = (upstream, options) => upstream.sync(CUSTOMER, options);
const list: Call = (upstream, options) =>
  upstream.listInstances({ pageIndex: 1, pageSize: 10 }, options);

const ADD = ["AddChatappPhoneNumber", add] as const;
const READS = [
  ["QueryChatappPhoneNumbers", query],
  ["ChatappSyncPhoneNumber", sync],
  ["ListInstance", list],
] as const;
const CALLS = [ADD, ...READS] as const;

type CodeCase = { readonly code: string; readonly read: object; readonly add?: object };
const UNAVAILABLE = { code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: false };
const REFUSED = { code: "ERR_UPSTREAM_REJECTED", concerns: "request" };

/** What a read ends with under a code of the upstream, and an add if it differs. */
const CODES: readonly CodeCase[] = [
  {
    code: "Product.Unsubscript",
    read: { code: "ERR_UPSTREAM_REJECTED", concerns: "customer" },
  },
  { code: "InvalidParameter.PageInvalid", read: REFUSED },
  { code: "Forbidden.RAM", read: { code: "ERR_UPSTREAM_ACCOUNT" } },
  { code: "InternalError", read: UNAVAILABLE },
  { code: "Throttling.User", read: { code: "ERR_UPSTREAM_THROTTLED" } },
  { code: "Waba.NotBound", read: REFUSED },
];

/** A limiter that lets all calls through, or none, and records what happens. */
function createLimiter(isOpen = true, onAcquire = () => {}) {
  const events: string[] = [];
  return {
    events,
    async acquire() {
      onAcquire();
      events.push(isOpen ? "acquire" : "turned away");
      return isOpen;
    },
    release: (outcome: string) => void events.push(outcome),
  };
}

/** What every `Upstream` does: the real client, and the fake of the tests. */
export function describeUpstream(name: string, open: OpenScene): void {
  describe(name, () => {
    let scene: UpstreamScene;
    const start = async (options = { realTime: false }) => {
      scene = await open(options);
      onTestFinished(scene.close);
      return scene.upstream;
    };

    describeReplies(() => start().then(() => scene));

    describe("a refusal", () => {
      describe.each(CODES)("with the code $code", ({ code, read, add = read }) => {
        it.each(CALLS)("of %s becomes the error for that code", async (action, call) => {
          const upstream = await start();
          scene.refuse(code);
          // The fake says nothing beside the code.
          const words = name.startsWith("the fake")
            ? {}
            : { upstreamMessage: expect.stringContaining(code) };
          expect(shown(await failureOf(call(upstream, IN_TIME)))).toEqual({
            ...(action === ADD[0] ? add : read),
            facts: {
              action,
              httpStatus: expect.any(Number),
              upstreamCode: code,
              upstreamRequestId: expect.any(String),
              ...words,
            },
          });
        });
      });

      it.each(CALLS)("of %s passes on the upstream's hint", async (_action, call) => {
        const upstream = await start();
        scene.refuse("Throttling.User", 1_500);
        const error = await failureOf(call(upstream, IN_TIME));
        expect(shown(error)).toMatchObject({ retryAfterMs: 1_500 });
      });
    });

    describe("the limiter", () => {
      it.each(READS)("is acquired for %s and released", async (_action, read) => {
        const upstream = await start();
        const limiter = createLimiter();
        await read(upstream, { ...IN_TIME, limiter });
        expect(limiter.events).toEqual(["acquire", "answered"]);
      });

      it.each(READS)("gets the outcome of each throttled try of %s", async (_action, read) => {
        const upstream = await start();
        scene.refuse("Throttling.User");
        const limiter = createLimiter();
        await failureOf(read(upstream, { ...IN_TIME, limiter }));
        const tries = scene.sent();
        expect(tries).toBeGreaterThan(0);
        expect(limiter.events).toEqual(Array(tries).fill(["acquire", "throttled"]).flat());
      });

      it.each(READS)("turns %s away before it is sent", async (action, read) => {
        const upstream = await start();
        const limiter = createLimiter(false);
        const error = await failureOf(read(upstream, { ...IN_TIME, limiter }));
        expect(shown(error)).toEqual({ code: "ERR_UPSTREAM_NOT_SENT", facts: { action } });
        expect([scene.sent(), limiter.events]).toEqual([0, ["turned away"]]);
      });

      it("is not used for an add", async () => {
        const upstream = await start();
        const limiter = createLimiter(false);
        await add(upstream, { ...IN_TIME, limiter });
        expect([scene.sent(), limiter.events]).toEqual([1, []]);
      });
    });

    describe("a deadline", () => {
      it.each(READS)("that has passed keeps %s from being sent", async (action, read) => {
        const upstream = await start();
        const error = await failureOf(read(upstream, { deadlineAt: 0 }));
        expect(shown(error)).toEqual({ code: "ERR_UPSTREAM_NOT_SENT", facts: { action } });
        expect(scene.sent()).toBe(0);
      });

      it("that has passed keeps an add from being sent, which the error says", async () => {
        const upstream = await start();
        const error = await failureOf(add(upstream, { deadlineAt: 0 }));
        expect(shown(error)).toEqual({
          code: "ERR_UPSTREAM_NOT_SENT",
          facts: { action: ADD[0] },
        });
        expect(scene.sent()).toBe(0);
      });

      it.each(READS)("that passes while %s waits releases the limiter", async (_action, read) => {
        const upstream = await start();
        const limiter = createLimiter(true, () => {
          scene.clock.ms = 60_000;
        });
        const error = await failureOf(read(upstream, { ...IN_TIME, limiter }));
        expect(shown(error)).toMatchObject({ code: "ERR_UPSTREAM_NOT_SENT" });
        expect([scene.sent(), limiter.events]).toEqual([0, ["acquire", "answered"]]);
      });

      it.each(CALLS)("ends a silent %s", async (action, call) => {
        const upstream = await start({ realTime: true });
        scene.hang();
        const startedAt = performance.now();
        const error = await failureOf(call(upstream, { deadlineAt: startedAt + 150 }));
        expect(shown(error)).toEqual({ code: "ERR_UPSTREAM_TIMEOUT", facts: { action } });
        expect(performance.now() - startedAt).toBeLessThan(1_500);
        expect(scene.sent()).toBe(1);
      });
    });
  });
}

function describeReplies(start: () => Promise<UpstreamScene>): void {
  let scene: UpstreamScene;
  beforeEach(async () => {
    scene = await start();
  });
  const requestId = expect.any(String);
  const page = (pageIndex: number, pageSize = 2) =>
    scene.upstream.listInstances({ pageIndex, pageSize }, IN_TIME);

  it("replies to an add with what the upstream said", async () => {
    expect(await add(scene.upstream, IN_TIME)).toEqual({ requestId, success: false });
  });

  const NUMBERS = [
    ["query", query],
    ["sync", sync],
  ] as const;

  it.each(NUMBERS)(
    "replies to %s with every number and every field, known or not",
    async (_name, read) => {
      const numbers = [
        { PhoneNumber: "491700000001", Status: "CONNECTED" },
        { PhoneNumber: "491700000002", Status: "X", NewObject: { Nested: [1, null, "text"] } },
      ];
      scene.list(numbers);
      expect(await read(scene.upstream, IN_TIME)).toEqual({
        requestId,
        items: numbers.map((number) => expect.objectContaining(number)),
        malformed: 0,
      });
    },
  );

  it.each(NUMBERS)(
    "counts a row of %s that is no number and gives the others",
    async (_name, read) => {
      scene.list([{ PhoneNumber: "491700000001" }, { PhoneNumber: "491700000002" }]);
      scene.spoilFirstRow();
      expect(await read(scene.upstream, IN_TIME)).toEqual({
        requestId,
        items: [expect.objectContaining({ PhoneNumber: "491700000002" })],
        malformed: 1,
      });
    },
  );

  it.each(NUMBERS)("distinguishes an empty list of %s from a missing one", async (_name, read) => {
    expect(await read(scene.upstream, IN_TIME)).toEqual({ requestId, items: [], malformed: 0 });
    scene.dropList();
    expect(await read(scene.upstream, IN_TIME)).toEqual({
      requestId,
      items: undefined,
      malformed: 0,
    });
  });

  it("lists instances page by page, with the count of all", async () => {
    scene.addCustomers(["cust-2", "cust-3"]);
    const instance = (custSpaceId: string) => ({
      custSpaceId,
      channelType: "whatsapp",
      state: "published",
    });
    const [first, second, third] = [await page(1), await page(2), await page(3)];
    expect(first).toEqual({
      requestId,
      instances: [instance("cust-1"), instance("cust-2")],
      total: 3,
      malformed: 0,
    });
    expect(second).toMatchObject({ instances: [instance("cust-3")], total: 3 });
    expect(third).toMatchObject({ instances: [], total: 3 });
  });

  it("counts a row that names no customer and gives the others", async () => {
    scene.addCustomers(["not/an id", "cust-2"]);
    scene.spoilFirstRow();
    const { instances, malformed, total } = await page(1, 10);
    expect(instances?.map(({ custSpaceId }) => custSpaceId)).toEqual(["cust-2"]);
    expect([malformed, total]).toEqual([2, 3]);
  });

  it("distinguishes an empty list of instances from a missing one", async () => {
    expect(await page(9)).toMatchObject({ instances: [], malformed: 0 });
    scene.dropList();
    expect(await page(1)).toEqual({
      requestId,
      instances: undefined,
      total: undefined,
      malformed: 0,
    });
  });
}
