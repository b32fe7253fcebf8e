import http from "node:http";
import net from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sleepReal } from "../../../shared/deps.ts";
import { createAgent } from "../../../shared/http-agent.ts";
import { createSender } from "../../../shared/webhook/attempt.ts";
import { parseWebhookSecrets } from "../../../shared/webhook/signature.ts";
import {
  createTargetGuard,
  guardedLookup,
  type Lookup,
  parseCidr,
} from "../../../shared/webhook/target.ts";

const EVENT = { id: "evt_1", body: "{}" };
const TARGET = { kind: "failed", reason: "target" };
const DELIVERED = { kind: "delivered", status: 204 };

/** Address literals as URLs spell them, and what a resolver returns for a name. */
const LITERALS = ["2130706433", "[::ffff:7f00:1]", "169.254.169.254"];
const RESOLVED = ["127.0.0.1", "::ffff:7f00:1", "100.100.100.200"];

const parsed = parseWebhookSecrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
const secrets = "secrets" in parsed ? parsed.secrets : [];

let port: number;
/** The local address of each connection. */
let connections: string[];
let server: http.Server;
const agents: http.Agent[] = [];

beforeEach(async () => {
  connections = [];
  server = http.createServer((_request, response) => response.writeHead(204).end());
  server.on("connection", (socket) => connections.push(socket.localAddress ?? ""));
  // All of 127.0.0.0/8 is this machine, so two of its addresses stand for a public and a private one.
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  port = (server.address() as net.AddressInfo).port;
});

afterEach(async () => {
  for (const agent of agents.splice(0)) agent.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** A resolver that returns each set of addresses once, then repeats the last. */
function resolver(...results: readonly string[][]) {
  const asked: string[] = [];
  const lookup = ((hostname: string, options: { all?: boolean }, callback: unknown) => {
    expect(options.all).toBe(true);
    asked.push(hostname);
    const addresses = results[Math.min(asked.length, results.length) - 1] ?? [];
    const call = callback as (
      error: null,
      addresses: { address: string; family: number }[],
    ) => void;
    queueMicrotask(() =>
      call(
        null,
        addresses.map((address) => ({ address, family: net.isIP(address) })),
      ),
    );
  }) as unknown as Lookup;
  return { asked, lookup };
}

function sender(url: string, lookup: Lookup, allow: readonly string[] = []) {
  const guard = createTargetGuard({
    allowHttp: true,
    allowCidrs: allow.flatMap((text) => parseCidr(text) ?? []),
  });
  const agent = createAgent("http:", {
    maxIdleMs: 800,
    now: () => 0,
    connect: { lookup: guardedLookup(guard.isAllowed, lookup) },
  });
  agents.push(agent);
  let opened = 0;
  // biome-ignore lint/suspicious/noExplicitAny: the hook's types differ between the Node versions.
  const hooked = agent as any;
  const createConnection = hooked.createConnection.bind(agent);
  hooked.createConnection = (...args: unknown[]) => {
    opened += 1;
    return createConnection(...args);
  };
  const send = createSender(
    { url: new URL(url), secrets, guard, agent },
    { now: () => 0, monotonic: () => performance.now(), sleep: sleepReal },
  );
  return {
    send: () => send(EVENT, { deadlineAt: performance.now() + 2_000 }),
    opened: () => opened,
  };
}

describe("a connection to a webhook URL", () => {
  it.each(LITERALS)("with the host %s is refused before a socket is made", async (host) => {
    const { asked, lookup } = resolver(["127.0.0.1"]);
    const { send, opened } = sender(`http://${host}:${port}/`, lookup);

    expect(await send()).toEqual(TARGET);
    expect(opened()).toBe(0);
    expect(asked).toEqual([]);
    expect(connections).toEqual([]);
  });

  it.each(RESOLVED)(
    "with a name that resolves to %s is refused and connects to nothing",
    async (address) => {
      const { asked, lookup } = resolver([address]);
      const { send } = sender(`http://localhost:${port}/`, lookup);

      expect(await send()).toEqual(TARGET);
      expect(asked).toEqual(["localhost"]);
      expect(connections).toEqual([]);
    },
  );

  it("with the name localhost is refused by the system's own resolver", async () => {
    const { lookup } = await import("node:dns");
    const { send } = sender(`http://localhost:${port}/`, lookup);

    expect(await send()).toEqual(TARGET);
    expect(connections).toEqual([]);
  });

  it.each([
    [["127.0.0.1", "127.0.0.2"]],
    [["127.0.0.2", "127.0.0.1"]],
    [["127.0.0.1", "::ffff:127.0.0.1"]],
  ])("with a name that resolves to %j, of which one is allowed, is refused", async (addresses) => {
    const { lookup } = resolver(addresses);
    const { send } = sender(`http://localhost:${port}/`, lookup, ["127.0.0.1"]);

    expect(await send()).toEqual(TARGET);
    expect(connections).toEqual([]);
  });

  it("with a name without an address is refused", async () => {
    const { lookup } = resolver([]);
    const { send } = sender(`http://localhost:${port}/`, lookup, ["127.0.0.1"]);

    expect(await send()).toEqual(TARGET);
    expect(connections).toEqual([]);
  });

  it("resolves a name once and reaches the address that was checked", async () => {
    const { asked, lookup } = resolver(["127.0.0.1"], ["127.0.0.2"]);
    const { send } = sender(`http://localhost:${port}/`, lookup, ["127.0.0.1"]);

    expect(await send()).toEqual(DELIVERED);
    expect(asked).toEqual(["localhost"]);
    expect(connections).toEqual(["127.0.0.1"]);
  });

  it("is refused the next time if the name then resolves to a refused address", async () => {
    const { asked, lookup } = resolver(["127.0.0.1"], ["127.0.0.2"]);
    const { send } = sender(`http://localhost:${port}/`, lookup, ["127.0.0.1"]);

    await send();
    server.closeAllConnections();
    await new Promise((resolve) => setTimeout(resolve, 20));

    expect(await send()).toEqual(TARGET);
    expect(asked).toEqual(["localhost", "localhost"]);
    expect(connections).toEqual(["127.0.0.1"]);
  });

  it.each([
    ["127.0.0.1", ["127.0.0.1/32"], DELIVERED],
    ["127.0.0.1", ["127.0.0.2/32"], TARGET],
    ["127.0.0.2", ["127.0.0.2/31"], DELIVERED],
    ["127.0.0.4", ["127.0.0.2/31"], TARGET],
    ["[::ffff:127.0.0.1]", ["127.0.0.0/8"], TARGET],
  ])("that is %s with %j allowed gives %j, also by a name", async (host, allow, result) => {
    const { lookup } = resolver([host.replace(/[[\]]/g, "")]);

    expect(await sender(`http://${host}:${port}/`, lookup, allow).send()).toEqual(result);
    expect(await sender(`http://localhost:${port}/`, lookup, allow).send()).toEqual(result);
    expect(connections).toHaveLength(result === DELIVERED ? 2 : 0);
  });
});

describe("guardedLookup", () => {
  it("gives one address to a caller that asks for one", async () => {
    const { lookup } = resolver(["8.8.8.8", "8.8.4.4"]);
    const guarded = guardedLookup(
      createTargetGuard({ allowHttp: false, allowCidrs: [] }).isAllowed,
      lookup,
    );
    const result = await new Promise((resolve) => {
      guarded("hooks.example", {}, (...args) => resolve(args));
    });
    expect(result).toEqual([null, "8.8.8.8", 4]);
  });

  it("passes on a failure of the resolver", async () => {
    const failing = ((_name: string, _options: unknown, callback: (error: Error) => void) =>
      callback(
        Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" }),
      )) as unknown as Lookup;
    const guarded = guardedLookup(() => true, failing);
    const error = await new Promise((resolve) => guarded("hooks.example", {}, resolve));
    expect(error).toMatchObject({ code: "ENOTFOUND" });
  });
});
