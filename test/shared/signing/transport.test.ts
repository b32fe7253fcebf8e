import http from "node:http";
import https from "node:https";
import { createRequire } from "node:module";
import net, { type AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";

type Transport = {
  request(
    url: string,
    options: http.RequestOptions & { timeout: number; data: string },
  ): Promise<http.IncomingMessage>;
  read(response: http.IncomingMessage): Promise<Buffer>;
};

const transport: Transport = createRequire(import.meta.url)(
  "../../../shared/signing/replaced/httpx.cjs",
);
const FORM = { method: "POST", headers: { "content-type": "text/plain" }, data: "a=%20b" };

let server: net.Server | undefined;

afterEach(() => new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined))));

async function listen(started: net.Server): Promise<number> {
  server = started;
  await new Promise<void>((resolve) => started.listen(0, "127.0.0.1", resolve));
  return (started.address() as AddressInfo).port;
}

/** The client's other tests run through it too. These would not show there. */
describe("the transport that stands in for httpx", () => {
  it("joins a reply that was cut inside a character", async () => {
    const whole = Buffer.from('{"VerifiedName":"Bäckerei 阿里"}');
    const sent: string[] = [];
    const port = await listen(
      http.createServer((request, response) => {
        request.on("data", (chunk) => sent.push(String(chunk)));
        response.write(whole.subarray(0, 19));
        setImmediate(() => response.end(whole.subarray(19)));
      }),
    );
    const agent = new http.Agent();

    const response = await transport.request(`http://127.0.0.1:${port}/`, {
      ...FORM,
      agent,
      timeout: 5_000,
    });

    expect(String(await transport.read(response))).toBe('{"VerifiedName":"Bäckerei 阿里"}');
    expect(sent).toEqual(["a=%20b"]);
    agent.destroy();
  });

  it("rejects once at its deadline, even after the reply has begun, and closes the socket", async () => {
    let closed = () => {};
    const isClosed = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const port = await listen(
      http.createServer((request, response) => {
        request.socket.once("close", closed);
        response.writeHead(200, { "content-length": 10 }).write("{");
      }),
    );
    const answer = transport.request(`http://127.0.0.1:${port}/`, { ...FORM, timeout: 60 });

    await expect(answer).rejects.toMatchObject({ name: "RequestTimeoutError", message: "" });
    await isClosed;
  });

  it("rejects once a reply has more than 4 MB, and closes the socket", async () => {
    let closed = () => {};
    const isClosed = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const port = await listen(
      http.createServer((request, response) => {
        request.socket.once("close", closed);
        const more = () => {
          while (!response.destroyed && response.write(" ".repeat(65_536)));
        };
        response.on("drain", more);
        more();
      }),
    );
    const answer = transport.request(`http://127.0.0.1:${port}/`, { ...FORM, timeout: 5_000 });

    await expect(answer).rejects.toMatchObject({ name: "ResponseTooLargeError" });
    await isClosed;
  });

  it("uses TLS for https only, also if nothing else has loaded it", async () => {
    let firstByte: number | undefined;
    const port = await listen(
      net.createServer((socket) => {
        socket.once("data", (data) => {
          firstByte = data[0];
          socket.destroy();
        });
      }),
    );
    const agent = new https.Agent();

    const answer = transport.request(`https://127.0.0.1:${port}/`, {
      ...FORM,
      agent,
      timeout: 5_000,
    });

    await expect(answer).rejects.toMatchObject({ code: "ECONNRESET" });
    // A TLS record of the type handshake (RFC 8446 section 5.1).
    expect(firstByte).toBe(0x16);
  });
});
