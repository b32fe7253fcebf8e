import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { NotFoundError } from "../../shared/errors.ts";
import { toProblem } from "../../shared/http/problem.ts";
import { fcHttpEvent } from "../support/fc-events.ts";

export type PlatformHandler = (event: Buffer, context: unknown) => Promise<unknown>;

export type PlatformFunction = {
  readonly handler: PlatformHandler;
  /** Exact paths, or all below one by a last segment of `*`, as a custom domain routes them. */
  readonly paths: readonly string[];
};

export type PlatformOptions = {
  readonly functions: Readonly<Record<string, PlatformFunction>>;
  /** Without it, a free one. */
  readonly port?: number;
  /** Makes the context of each invocation. */
  readonly context: () => unknown;
  /** Serves what belongs to this machine and to no function. True if it answers the request. */
  readonly local?: (request: IncomingMessage, response: ServerResponse) => boolean;
};

export type Platform = {
  readonly url: string;
  close(): Promise<void>;
};

/**
 * Function Compute 3.0 behind a custom domain, on 127.0.0.1: turns each request into the HTTP
 * trigger's event and each answer back, so that the deployed handlers run unchanged.
 */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const routes = Object.values(options.functions)
    .flatMap(({ handler, paths }) => paths.map((path) => ({ handler, path })))
    .sort((a, b) => b.path.length - a.path.length);

  const server = createServer((request, response) => {
    if (options.local?.(request, response)) return;
    serve(request, response).catch((error: unknown) => answerError(response, error));
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(`http://platform.invalid${request.url ?? "/"}`);
    const route = routes.find(({ path }) => isMatch(path, pathname));
    if (route === undefined) {
      // As the functions themselves answer a path that is not theirs.
      const { status, headers, body } = toProblem(new NotFoundError(), randomUUID());
      answer(response, status, { ...headers }, body);
      return;
    }
    const event = fcHttpEvent({
      method: request.method ?? "GET",
      path: pathname,
      query: joinValues(searchParams),
      headers: joinValues(Object.entries(request.headersDistinct).flatMap(toPairs)),
      body: await readBody(request),
      base64: true,
      sourceIp: request.socket.remoteAddress,
    });
    writeResult(response, await route.handler(event, options.context()));
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

function isMatch(pattern: string, path: string): boolean {
  return pattern.endsWith("/*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
}

function toPairs([name, values = []]: [string, string[] | undefined]): [string, string][] {
  return values.map((value) => [name, value]);
}

// The platform joins repeated headers and query parameters by a comma.
function joinValues(pairs: Iterable<readonly [string, string]>): Record<string, string> {
  const joined = new Map<string, string>();
  for (const [name, value] of pairs) {
    const earlier = joined.get(name);
    joined.set(name, earlier === undefined ? value : `${earlier},${value}`);
  }
  return Object.fromEntries(joined);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

// A result without statusCode becomes a 200 with the result as its body.
function writeResult(response: ServerResponse, result: unknown): void {
  if (typeof result !== "object" || result === null || !("statusCode" in result)) {
    answer(response, 200, {}, typeof result === "string" ? result : JSON.stringify(result ?? null));
    return;
  }
  const { statusCode, headers, body, isBase64Encoded } = result as {
    readonly statusCode: unknown;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly isBase64Encoded?: boolean;
  };
  const bytes = Buffer.from(body ?? "", isBase64Encoded === true ? "base64" : "utf8");
  answer(response, Number(statusCode), headers ?? {}, bytes);
}

function answer(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Buffer,
): void {
  const bytes = Buffer.from(body);
  // RFC 9110 section 8.6: none with 204, and with HEAD only the length that GET would have.
  const hasLength = status !== 204 && response.req.method !== "HEAD";
  const length = hasLength ? { "content-length": String(bytes.length) } : {};
  response.writeHead(status, { ...headers, ...length });
  response.end(bytes);
}

function answerError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { message, name, stack } = error instanceof Error ? error : new Error(String(error));
  const body = { errorMessage: message, errorType: name, stackTrace: stack?.split("\n") ?? [] };
  const headers = {
    "content-type": "application/json",
    "x-fc-error-type": "HandledInvocationError",
  };
  answer(response, 500, headers, JSON.stringify(body));
}
