import type { IncomingMessage } from "node:http";

/**
 * Why a request must not reach the page or a `/~control`, or undefined. They hold a key and change
 * things, so a foreign site must not read them, not even under a name of its own that resolves to
 * this machine (DNS rebinding), nor post to them. Programs outside of a browser send no Origin:
 * they could open the port in any case.
 */
export function refusal(request: IncomingMessage): string | undefined {
  const { headers, socket, method } = request;
  const hosts = [`127.0.0.1:${socket.localPort}`, `localhost:${socket.localPort}`];
  const { host = "", origin } = headers;
  if (!hosts.includes(host.toLowerCase())) {
    return "Use 127.0.0.1 or localhost as the host.";
  }
  const site = headers["sec-fetch-site"];
  if (method === "GET" || method === "HEAD") {
    // A link from elsewhere may open the page; nothing else from elsewhere may load any of it.
    const isVisit = headers["sec-fetch-mode"] === "navigate";
    const isOwn = site === undefined || site === "same-origin" || site === "none";
    return isOwn || isVisit ? undefined : "Another site must not load this.";
  }
  const isOwn = origin === undefined ? site === undefined : origin === `http://${host}`;
  if (!isOwn || (site !== undefined && site !== "same-origin")) {
    return "Another site must not post here.";
  }
  // A form of another site cannot send it without asking first.
  const isJson = /^application\/json\s*(;|$)/i.test(headers["content-type"] ?? "");
  return isJson ? undefined : "The body must be application/json.";
}
