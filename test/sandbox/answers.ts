import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ClientRequest, IncomingMessage } from "node:http";

/** What a page has room for. */
const MAX_BYTES = 300;
const MAX_WAITING = 100;
/** Node publishes each response that a client of this process gets. */
const CHANNEL = "http.client.response.finish";

export type Answers = {
  /** How the body of the last response to this event begins; empty for none. Forgets it. */
  take(id: string): string;
  close(): void;
};

/**
 * Listens to what receivers answer. The sender reads the status alone, and why an event was refused
 * is what the author of a receiver wants to know.
 */
export function recordAnswers(): Answers {
  const bodies = new Map<string, Buffer[]>();

  const listen = (message: unknown) => {
    const { request, response } = message as { request: ClientRequest; response: IncomingMessage };
    const id = request.getHeader("webhook-id");
    if (typeof id !== "string") return;
    const chunks: Buffer[] = [];
    if (bodies.size >= MAX_WAITING) bodies.clear();
    bodies.set(id, chunks);
    let bytes = 0;
    response.on("data", (chunk: Buffer) => {
      if (bytes < MAX_BYTES) chunks.push(chunk);
      bytes += chunk.length;
    });
  };
  subscribe(CHANNEL, listen);

  return {
    take(id) {
      const chunks = bodies.get(id) ?? [];
      bodies.delete(id);
      return Buffer.concat(chunks).subarray(0, MAX_BYTES).toString("utf8").trim();
    },
    close: () => unsubscribe(CHANNEL, listen),
  };
}
