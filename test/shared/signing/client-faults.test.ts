import http from "node:http";
import net from "node:net";
import { inspect } from "node:util";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Fault } from "../../sandbox/cams-faults.ts";
import {
  type Connect,
  failureOf,
  KEY_ID,
  KEY_SECRET,
  NUMBER,
  type Rig,
  type RigOptions,
  sentParams,
  shown,
  startRig,
  TOKEN,
  VARIANTS,
} from "./client-rig.ts";

const IN_TIME = { deadlineAt: 60_000 };
const ID = expect.stringMatching(/^[0-9A-F-]{36}$/);

/** What each fault becomes, and how often a read tries: the action is added below. */
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
  [{ kind: "reset-before" }, { code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: false }, {}, 3],
  [{ kind: "reset-after" }, { code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: false }, {}, 3],
  [{ kind: "truncated" }, { code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: false }, {}, 3],
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

describe.each(VARIANTS)("%s", (_name, load) => {
  let create: Connect;
  let rig: Rig | undefined;
  let other: net.Server | undefined;
  beforeAll(async () => {
    create = await load();
  });
  afterEach(async () => {
    await rig?.close();
    rig = undefined;
    other?.close();
    other = undefined;
  });
  const start = async (options?: RigOptions) => {
    rig = await startRig(create, options);
    return rig;
  };
  /** A server of another kind than the sandbox; gives its URL. */
  const listen = async (server: net.Server) => {
    other = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  };

  describe.each(FAULTS)("under %o", (fault, fields, facts, tries) => {
    it("query fails with these facts alone after so many tries", async () => {
      const { upstream, sandbox } = await start();
      sandbox.control.fault({ ...fault, count: 10 });

      const error = await failureOf(upstream.query({ custSpaceId: "cust-1" }, IN_TIME));

      expect(shown(error)).toEqual({
        ...fields,
        facts: { ...facts, action: "QueryChatappPhoneNumbers" },
      });
      expect(sandbox.control.calls()).toHaveLength(tries);
    });

    it("add fails with these facts alone after one try", async () => {
      const { upstream, sandbox } = await start();
      sandbox.control.fault({ ...fault, count: 10 });

      const error = await failureOf(upstream.add(NUMBER, IN_TIME));

      expect(shown(error)).toEqual({
        ...fields,
        facts: { ...facts, action: "AddChatappPhoneNumber" },
      });
      expect(sandbox.control.calls()).toHaveLength(1);
    });
  });

  it("no error of any fault holds a key, secret, token, signature, nonce or number", async () => {
    const echo = `server string to sign is: POST&%2F&AccessKeyId%3D${KEY_ID}%26PhoneNumber%3D13800000001%26SecurityToken%3D${TOKEN} for 8613800000001`;
    const all: Fault[] = [
      ...FAULTS.map(([fault]) => fault),
      { kind: "code", code: "SignatureDoesNotMatch", message: echo },
      { kind: "code", code: echo },
    ];
    const { upstream, sandbox } = await start();
    for (const fault of all) {
      sandbox.control.clearCalls();
      sandbox.control.fault({ ...fault, count: 4 });
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

  describe("a read", () => {
    const query = (more: object = {}) =>
      rig?.upstream.query({ custSpaceId: "cust-1" }, { ...IN_TIME, ...more }) ?? Promise.reject();

    it("succeeds at the third try, having waited longer before it", async () => {
      const { sandbox, sleeps } = await start();
      sandbox.control.fault({ kind: "html-502", count: 2 });

      expect((await query()).items).toHaveLength(1);
      expect(sandbox.control.calls()).toHaveLength(3);
      expect(sleeps).toEqual([250, 500]);
    });

    it("waits at least as long as the upstream says", async () => {
      const { sandbox, sleeps } = await start();
      sandbox.control.fault({ kind: "throttle", retryAfterMs: 5000 });
      sandbox.control.fault({ kind: "throttle" });

      expect((await query()).items).toHaveLength(1);
      expect(sleeps).toEqual([5125, 2125]);
    });

    it("fails at once when the wait would end past the deadline", async () => {
      const { sandbox, sleeps } = await start();
      sandbox.control.fault({ kind: "throttle", retryAfterMs: 10_000 });

      const error = await failureOf(query({ deadlineAt: 10_000 }));

      expect(shown(error)).toMatchObject({ code: "ERR_UPSTREAM_THROTTLED", retryAfterMs: 10_000 });
      expect(sandbox.control.calls()).toHaveLength(1);
      expect(sleeps).toEqual([]);
    });

    const recordedGate = (grants: boolean[], onEnter = () => {}) => {
      const events: string[] = [];
      const gate = {
        async enter() {
          onEnter();
          const granted = grants.shift() ?? false;
          events.push(granted ? "enter" : "turned away");
          return granted;
        },
        leave: (outcome: string) => void events.push(outcome),
      };
      return { gate, events };
    };

    it("enters and leaves the gate at every try and says which were throttled", async () => {
      const { sandbox } = await start();
      sandbox.control.fault({ kind: "throttle" });
      sandbox.control.fault({ kind: "reset-before" });
      const { gate, events } = recordedGate([true, true, true]);

      await query({ gate });

      expect(events).toEqual(["enter", "throttled", "enter", "answered", "enter", "answered"]);
    });

    it("sends nothing when the gate never opens", async () => {
      const { sandbox } = await start();
      const { gate, events } = recordedGate([false]);

      const error = await failureOf(query({ gate }));

      expect(shown(error)).toEqual({
        code: "ERR_UPSTREAM_TIMEOUT",
        facts: { action: "QueryChatappPhoneNumbers" },
      });
      expect(sandbox.control.calls()).toEqual([]);
      expect(events).toEqual(["turned away"]);
    });

    it("fails with the last failure when the gate stays shut before another try", async () => {
      const { sandbox } = await start();
      sandbox.control.fault({ kind: "array-body", count: 3 });
      const { gate, events } = recordedGate([true, false]);

      const error = await failureOf(query({ gate }));

      expect(shown(error)).toMatchObject({ code: "ERR_UPSTREAM_CONTRACT" });
      expect(sandbox.control.calls()).toHaveLength(1);
      expect(events).toEqual(["enter", "answered", "turned away"]);
    });

    it("leaves the gate without sending when the deadline passed before it opened", async () => {
      const { sandbox, clock } = await start();
      const { gate, events } = recordedGate([true], () => {
        clock.ms = 60_000;
      });

      const error = await failureOf(query({ gate }));

      expect(shown(error)).toMatchObject({ code: "ERR_UPSTREAM_TIMEOUT" });
      expect(sandbox.control.calls()).toEqual([]);
      expect(events).toEqual(["enter", "answered"]);
    });
  });

  describe("a deadline", () => {
    const soon = () => ({ deadlineAt: performance.now() + 120 });
    const timed = async (call: () => Promise<unknown>) => {
      const startedAt = performance.now();
      const error = await failureOf(call());
      return { error: shown(error), took: performance.now() - startedAt };
    };

    it.each(["add", "query"] as const)("ends a silent %s, which is not repeated", async (name) => {
      const { upstream, sandbox } = await start({ realTime: true });
      sandbox.control.fault({ kind: "hang", count: 3 });
      const call = () =>
        name === "add" ? upstream.add(NUMBER, soon()) : upstream.query({}, soon());

      const { error, took } = await timed(call);

      expect(error).toMatchObject({ code: "ERR_UPSTREAM_TIMEOUT" });
      expect(took).toBeLessThan(1000);
      expect(sandbox.control.calls()).toMatchObject([{ executed: true }]);
    });

    it("ends an answer that drips, and its connection", async () => {
      let close = () => {};
      const closed = new Promise<void>((resolve) => {
        close = resolve;
      });
      const endpoint = await listen(
        http.createServer((request, response) => {
          request.socket.once("close", close);
          // Never silent for long, so that only the whole time can end it.
          response.writeHead(200, { "content-length": 1000 }).write('{"Code":"OK",');
          const drip = setInterval(() => response.write(" "), 20);
          request.socket.once("close", () => clearInterval(drip));
        }),
      );
      const { upstream } = await start({ endpoint, realTime: true });

      const { error, took } = await timed(() => upstream.query({}, soon()));
      await closed;

      expect(error).toMatchObject({ code: "ERR_UPSTREAM_TIMEOUT" });
      expect(took).toBeLessThan(1000);
    });

    it("ends an answer that switches to another protocol", async () => {
      const endpoint = await listen(
        net.createServer((socket) => {
          socket.once("data", () =>
            socket.write("HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"),
          );
        }),
      );
      const { upstream } = await start({ endpoint, realTime: true });

      const { error, took } = await timed(() => upstream.add(NUMBER, soon()));

      expect(error).toMatchObject({ facts: { action: "AddChatappPhoneNumber" } });
      expect(took).toBeLessThan(1000);
    });

    it("that has passed sends nothing and says so for add", async () => {
      const { upstream, sandbox } = await start();

      const add = await failureOf(upstream.add(NUMBER, { deadlineAt: 0 }));
      const query = await failureOf(upstream.query({}, { deadlineAt: 0 }));

      expect(shown(add)).toMatchObject({ code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: true });
      expect(shown(query)).toMatchObject({ code: "ERR_UPSTREAM_TIMEOUT" });
      expect(sandbox.control.calls()).toEqual([]);
    });
  });

  describe("an upstream that cannot be reached", () => {
    it("was never sent the call when the connection is refused", async () => {
      const endpoint = await listen(net.createServer());
      await new Promise((resolve) => other?.close(resolve));
      const { upstream } = await start({ endpoint });

      const error = await failureOf(upstream.add(NUMBER, IN_TIME));

      expect(shown(error)).toEqual({
        code: "ERR_UPSTREAM_UNAVAILABLE",
        neverSent: true,
        facts: { action: "AddChatappPhoneNumber" },
      });
    });

    it.each(["ENOTFOUND", "EAI_AGAIN"])("was never sent it after %s", async (code) => {
      const lookup: net.LookupFunction = (_host, _options, callback) => {
        callback(Object.assign(new Error("getaddrinfo"), { code }), "", 0);
      };
      const { upstream } = await start({ endpoint: "http://localhost:9", lookup });

      const error = await failureOf(upstream.add(NUMBER, IN_TIME));

      expect(shown(error)).toMatchObject({ code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: true });
    });

    it("may have acted when it resets an add before or after acting", async () => {
      const { upstream, sandbox } = await start();
      sandbox.control.fault({ kind: "reset-before" });
      const before = await failureOf(upstream.add(NUMBER, IN_TIME));
      const absent = sandbox.control.numbers("cust-1").length;
      sandbox.control.fault({ kind: "reset-after" });
      const after = await failureOf(upstream.add(NUMBER, IN_TIME));

      expect(absent).toBe(1);
      expect(sandbox.control.numbers("cust-1")).toHaveLength(2);
      expect(shown(before)).toMatchObject({ neverSent: false });
      expect(shown(after)).toMatchObject({ neverSent: false });
    });
  });
});
