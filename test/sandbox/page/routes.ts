import type { IncomingMessage, ServerResponse } from "node:http";
import { text as readText } from "node:stream/consumers";
import { refusal } from "../guard.ts";
import type { Asset } from "./assets.ts";
import { ControlError, type Controls } from "./controls.ts";
import type { StateStream } from "./stream.ts";

const PREFIX = "/page/";
const MAX_BODY_BYTES = 10_000;

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

/** On each answer of the page. */
export const PAGE_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": POLICY,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
} as const;

export type PageParts = {
  readonly assets: ReadonlyMap<string, Asset>;
  readonly stream: StateStream;
  readonly controls: Controls;
  readonly onError: (error: unknown) => void;
};

/** `/`, the other assets and everything below `/page/`: answers true when the request was the page's. */
export function createRoutes({ assets, stream, controls, onError }: PageParts) {
  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    const isOwn = assets.has(path) || path === "/favicon.ico" || path.startsWith(PREFIX);
    if (!isOwn) return false;
    const why = refusal(request);
    if (why !== undefined) {
      answerJson(response, 403, { error: why });
    } else if (request.method === "POST") {
      post(path, request, response).catch((error: unknown) => {
        onError(error);
        if (response.headersSent) response.destroy();
        else answerJson(response, 500, { error: "This failed; npm start printed why." });
      });
    } else if (request.method === "GET" || request.method === "HEAD") {
      get(path, response);
    } else {
      answerJson(response, 405, { error: "Only GET and POST are known." });
    }
    return true;
  };

  function get(path: string, response: ServerResponse): void {
    const asset = assets.get(path);
    if (path === "/page/stream" && response.req.method === "GET") stream.open(response);
    else if (path === "/favicon.ico") response.writeHead(204, PAGE_HEADERS).end();
    else if (asset) answer(response, 200, asset.type, asset.body);
    else answerJson(response, 404, { error: "The page has no such file." });
  }

  async function post(path: string, request: IncomingMessage, response: ServerResponse) {
    const body = await readBody(request);
    if (body === undefined) {
      answerJson(response, 400, {
        error: `The body must be JSON of up to ${MAX_BODY_BYTES} bytes.`,
      });
      return;
    }
    const done = path.startsWith(PREFIX)
      ? controls.run(path.slice(PREFIX.length), body.json)
      : undefined;
    if (!done) {
      answerJson(response, 404, { error: "The page has no such control." });
      return;
    }
    try {
      answerJson(response, 200, await done);
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      answerJson(response, 409, { error: error.message });
    } finally {
      stream.touch();
    }
  }
}

async function readBody(request: IncomingMessage): Promise<{ readonly json: unknown } | undefined> {
  if (Number(request.headers["content-length"] ?? Number.POSITIVE_INFINITY) > MAX_BODY_BYTES) {
    return undefined;
  }
  try {
    return { json: JSON.parse(await readText(request)) };
  } catch {
    return undefined;
  }
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, {
    ...PAGE_HEADERS,
    "content-type": type,
    "content-length": bytes.length,
  });
  response.end(bytes);
}

function answerJson(response: ServerResponse, status: number, value: unknown): void {
  answer(response, status, "application/json; charset=utf-8", JSON.stringify(value));
}
