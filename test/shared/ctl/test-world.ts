import http from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { main } from "../../../shared/ctl/ctl.ts";
import type { CtlIo } from "../../../shared/ctl/io.ts";

export type CtlRun = {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** The waits in ms. None of them took real time. */
  readonly waits: readonly number[];
};

/** Runs a command line in this process, with a clock that moves by its own waits only. */
export async function runCtl(argv: readonly string[], io: Partial<CtlIo> = {}): Promise<CtlRun> {
  const out: string[] = [];
  const err: string[] = [];
  const waits: number[] = [];
  let now = 1_767_323_045_000;
  const code = await main(argv, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    redraw: undefined,
    environment: {},
    user: "alice",
    now: () => now,
    sleep: async (ms) => {
      waits.push(ms);
      now += ms;
    },
    readText: async () => "",
    listFiles: async () => [],
    findStart: async () => undefined,
    serverless: ["false"],
    ...io,
  });
  return { code, out: out.join("\n"), err: err.join("\n"), waits };
}

export type PollServer = {
  readonly url: string;
  readonly payloads: Record<string, unknown>[];
  readonly authorizations: (string | undefined)[];
  close(): Promise<void>;
};

type Reply = { readonly status?: number; readonly body: unknown };

/** What `npm start` is to the command line: POST /poll passes the payload on to poll. */
export async function startPollServer(
  poll: (payload: Record<string, unknown>) => Promise<Reply> | Reply,
): Promise<PollServer> {
  const payloads: Record<string, unknown>[] = [];
  const authorizations: (string | undefined)[] = [];
  const server = http.createServer(async (request, response) => {
    const payload = (await json(request)) as Record<string, unknown>;
    payloads.push(payload);
    authorizations.push(request.headers.authorization);
    const isPoll = request.method === "POST" && request.url === "/poll";
    const { status = 200, body } = isPoll ? await poll(payload) : { status: 404, body: null };
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    payloads,
    authorizations,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** An address at which nothing listens. */
export async function closedUrl(): Promise<string> {
  const server = await startPollServer(() => ({ body: null }));
  await server.close();
  return server.url;
}
