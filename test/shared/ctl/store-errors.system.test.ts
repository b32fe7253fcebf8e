import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import tls from "node:tls";
import { afterEach, describe, expect, it, vi } from "vitest";
import { SELF_SIGNED } from "../../support/self-signed.ts";
import { closedUrl, runCtl } from "./test-world.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A database server that answers a connection's first message, and does no more. */
async function listen(onFirst: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => onFirst(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** An ErrorResponse of the protocol, version 3. */
function refusal(code: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0Mrefused\0\0`);
  const head = Buffer.from("E\0\0\0\0");
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

/** What ctl prints behind the line that names the store. */
async function explained(storeUrl: string): Promise<string> {
  const environment = {
    WABA_CTL_URL: await closedUrl(),
    STORE_URL: storeUrl,
    WEBHOOK_URL: "https://receiver.example/hook",
    WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 1).toString("base64")}`,
  };
  const { err, code } = await runCtl(["status"], { environment });
  expect(code).toBe(1);
  return err.split("\n").slice(1).join("\n");
}

const urlOf = (port: number, mode: string) =>
  `postgres://user:its-password@127.0.0.1:${port}/db?sslmode=${mode}`;

describe("ctl says in one line what is wrong with the store", () => {
  it.each(["verify-full", "require", "prefer"])(
    "that its server has no TLS, with sslmode=%s and no warning of the driver",
    async (mode) => {
      const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
      closers.push(() => warn.mockRestore());
      const port = await listen((socket) => socket.end("N"));
      expect(await explained(urlOf(port, mode))).toBe(
        "STORE_URL: its server offers no TLS. Turn TLS on there, or write sslmode=disable if you trust the network (NO_TLS).",
      );
      expect(warn.mock.calls).toEqual([]);
    },
  );

  it("that no authority vouches for its certificate", async () => {
    const port = await listen((socket) => {
      socket.write("S");
      const secured = new tls.TLSSocket(socket, { isServer: true, ...SELF_SIGNED });
      secured.on("error", () => {});
    });
    expect(await explained(urlOf(port, "verify-full"))).toBe(
      "STORE_URL: no authority that this machine knows vouches for its certificate. Add sslrootcert=FILE with the authority's certificate (DEPTH_ZERO_SELF_SIGNED_CERT).",
    );
  });

  it.each([
    ["53300", "it has no connection left. Raise its limit, or use a pooler"],
    ["3D000", "the database does not exist. Create it, or correct its name"],
    ["57P03", "it is starting or stopping. Try again"],
  ])("that its server refuses with %s", async (code, sentence) => {
    const port = await listen((socket) => socket.end(refusal(code)));
    expect(await explained(urlOf(port, "disable"))).toBe(`STORE_URL: ${sentence} (${code}).`);
  });

  it("that its folder is a file, or lies in one", async () => {
    expect(await explained("pglite:/etc/passwd")).toBe(
      "STORE_URL: a file has the folder's name. Name a folder (EEXIST).",
    );
    expect(await explained("pglite:/etc/passwd/store")).toBe(
      "STORE_URL: a part of the folder's path is a file. Name a folder (ENOTDIR).",
    );
  });
});
