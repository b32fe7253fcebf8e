import http from "node:http";
import https from "node:https";
import net from "node:net";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { SELF_SIGNED } from "../../support/self-signed.ts";
import { failureOf, NUMBER, shown, VARIANTS } from "./client-rig.ts";
import { IN_TIME, prepareClient } from "./client-setup.ts";

/** Starts a server for the running test. Gives its URL. */
async function listen(server: net.Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

describe.each(VARIANTS)("%s", (_name, load) => {
  const start = prepareClient(load);

  describe("a deadline", () => {
    // A client's first call takes several times as long as the next one. On a busy machine it could
    // use up so short a deadline before it sends anything.
    beforeEach(async () => {
      const { upstream } = await start();
      await upstream.query({}, IN_TIME);
    });

    const soon = () => ({ deadlineAt: performance.now() + 120 });
    const timed = async (call: () => Promise<unknown>) => {
      const startedAt = performance.now();
      const error = await failureOf(call());
      return { error: shown(error), took: performance.now() - startedAt };
    };

    it("ends a dripping reply and its connection", async () => {
      let close = () => {};
      const closed = new Promise<void>((resolve) => {
        close = resolve;
      });
      const endpoint = await listen(
        http.createServer((request, response) => {
          request.socket.once("close", close);
          // It is never silent for long, so only the total time can end it.
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

    it("ends a reply that switches to another protocol", async () => {
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
  });

  describe("a reply nested deeper than any field", () => {
    it.each([
      ["objects", '{"a":', "1", "}"],
      ["lists", "[", "", "]"],
    ])("of 3,000 %s in an unknown field is not used", async (_kind, open, inner, close) => {
      const nested = open.repeat(3_000) + inner + close.repeat(3_000);
      const row = `{"PhoneNumber":"4915112345678","Extra":${nested}}`;
      const endpoint = await listen(
        http.createServer((request, response) => {
          request.resume();
          response.end(`{"Code":"OK","PhoneNumbers":[${row}]}`);
        }),
      );
      const { upstream } = await start({ endpoint, realTime: true });

      const query = upstream.query({}, { deadlineAt: performance.now() + 5_000 });

      expect(shown(await failureOf(query))).toMatchObject({ code: "ERR_UPSTREAM_CONTRACT" });
    });
  });

  describe("an upstream that cannot be reached", () => {
    it("was sent nothing if it refused the connection", async () => {
      const server = net.createServer();
      const endpoint = await listen(server);
      await new Promise((resolve) => server.close(resolve));
      const { upstream } = await start({ endpoint });

      const error = await failureOf(upstream.add(NUMBER, IN_TIME));

      expect(shown(error)).toEqual({
        code: "ERR_UPSTREAM_UNAVAILABLE",
        neverSent: true,
        facts: { action: "AddChatappPhoneNumber", transportCode: "ECONNREFUSED" },
      });
    });

    it("was sent nothing if TLS failed, and the certificate's problem is named", async () => {
      const tls = await listen(
        https.createServer(SELF_SIGNED, (_request, response) => response.end()),
      );
      const { upstream } = await start({ endpoint: tls.replace("http:", "https:") });

      const error = await failureOf(upstream.add(NUMBER, IN_TIME));

      expect(shown(error)).toEqual({
        code: "ERR_UPSTREAM_UNAVAILABLE",
        neverSent: true,
        facts: { action: "AddChatappPhoneNumber", transportCode: "DEPTH_ZERO_SELF_SIGNED_CERT" },
      });
    });

    it("was sent nothing if it speaks no TLS, or never finishes the handshake", async () => {
      const plain = await listen(http.createServer((_request, response) => response.end()));
      const silent = await listen(net.createServer(() => undefined));
      for (const endpoint of [plain, silent]) {
        const { upstream } = await start({
          endpoint: endpoint.replace("http:", "https:"),
          realTime: true,
        });
        const deadlineAt = performance.now() + 500;
        const error = await failureOf(upstream.add(NUMBER, { deadlineAt }));
        expect(shown(error)).toMatchObject({ code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: true });
      }
    });

    it.each(["ENOTFOUND", "EAI_AGAIN"])("was sent nothing after %s", async (code) => {
      const lookup: net.LookupFunction = (_host, _options, callback) => {
        callback(Object.assign(new Error("getaddrinfo"), { code }), "", 0);
      };
      const { upstream } = await start({ endpoint: "http://localhost:9", lookup });

      const error = await failureOf(upstream.add(NUMBER, IN_TIME));

      expect(shown(error)).toMatchObject({ code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: true });
    });

    it("may have acted if it reset the connection of an add", async () => {
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
