import type { ServerResponse } from "node:http";
import { changeBetween } from "./page-change.ts";
import type { PageState } from "./state.ts";

/** One message of a stream of server-sent events; JSON has no line breaks, so one data line does. */
function formatMessage(name: string, value: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
}

const RETRY_MS = 1_000;
const BEAT_MS = 10_000;
/** Without a sign that anything happened, so that a rate that falls and a row that a function wrote show. */
const LOOK_MS = 1_000;
/** What happens at once is sent at once. */
const GATHER_MS = 60;
/** Reading the store for the page must not take it from poll: it rests this many times as long. */
const REST = 3;
/** A browser that does not read is cut off: it starts again with one snapshot when it is back. */
const MAX_BUFFERED_BYTES = 8_000_000;

export type StateStream = {
  /** Something may have changed. Never waits, costs nothing while nobody looks. */
  touch(): void;
  /**
   * Answers with the stream: `snapshot` first, then `change` and, every ten seconds, `beat`; and
   * `trouble` each time the state cannot be read.
   */
  open(response: ServerResponse): void;
  close(): void;
};

export type StreamOptions = {
  /** The whole state as it is now. */
  readonly read: () => Promise<PageState>;
  readonly headers: Readonly<Record<string, string>>;
  /** The state cannot be read: called once until it can again. */
  readonly onError: (error: unknown) => void;
};

/** Sends every open page what changes, gathered, and each only what it does not know yet. */
export function createStateStream({ read, headers, onError }: StreamOptions): StateStream {
  /** The state that each client has been sent. */
  const clients = new Map<ServerResponse, PageState | undefined>();
  let timer: NodeJS.Timeout | undefined;
  let isReading = false;
  let isStale = false;
  let isInTrouble = false;
  let notBefore = 0;

  function touch(): void {
    isStale = true;
    if (clients.size === 0 || isReading || timer) return;
    const wait = Math.max(GATHER_MS, notBefore - performance.now());
    timer = setTimeout(() => void refresh(), wait);
  }

  async function refresh(): Promise<void> {
    timer = undefined;
    isReading = true;
    isStale = false;
    const began = performance.now();
    try {
      send(await read());
      isInTrouble = false;
    } catch (error) {
      if (!isInTrouble) onError(error);
      isInTrouble = true;
      for (const client of clients.keys()) client.write(formatMessage("trouble", {}));
    }
    const ended = performance.now();
    notBefore = ended + REST * (ended - began);
    isReading = false;
    if (isStale) touch();
  }

  function send(state: PageState): void {
    const texts = new Map<PageState | undefined, string | undefined>();
    for (const [client, known] of clients) {
      if (!texts.has(known)) {
        const change = known && changeBetween(known, state);
        const name = known ? "change" : "snapshot";
        texts.set(known, known && !change ? undefined : formatMessage(name, change ?? state));
      }
      clients.set(client, state);
      const text = texts.get(known);
      if (text === undefined) continue;
      client.write(text);
      if (client.writableLength > MAX_BUFFERED_BYTES) client.destroy();
    }
  }

  const beat = setInterval(() => {
    for (const client of clients.keys()) client.write(formatMessage("beat", { now: Date.now() }));
  }, BEAT_MS);
  const look = setInterval(touch, LOOK_MS);

  return {
    touch,
    open(response) {
      response.writeHead(200, { ...headers, "content-type": "text/event-stream" });
      response.write(`retry: ${RETRY_MS}\n\n`);
      clients.set(response, undefined);
      response.on("close", () => clients.delete(response));
      touch();
    },
    close() {
      clearTimeout(timer);
      clearInterval(beat);
      clearInterval(look);
      for (const client of clients.keys()) client.end();
      clients.clear();
    },
  };
}
