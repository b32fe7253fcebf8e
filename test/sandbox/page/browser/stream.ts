import type { PageChange, PageState } from "../state.ts";

/** `trouble`: the server is there, but cannot read the state. */
export type Link = "connecting" | "live" | "lost" | "trouble";

export type StreamHandlers = {
  readonly onSnapshot: (state: PageState) => void;
  readonly onChange: (change: PageChange) => void;
  readonly onLink: (link: Link) => void;
};

/** The server beats every 10 s; without any sign for this long the connection is taken for dead. */
const SILENCE_MS = 25_000;
const RETRY_MS = 1_000;

/** Follows the server's stream for good: whatever ends it, it begins again with a snapshot. */
export function followStream({ onSnapshot, onChange, onLink }: StreamHandlers): void {
  let source: EventSource | undefined;
  let heardAt = 0;
  let hasSnapshot = false;

  function open(): void {
    source?.close();
    hasSnapshot = false;
    heardAt = Date.now();
    source = new EventSource("/page/stream");
    source.addEventListener("snapshot", ({ data }) => {
      heardAt = Date.now();
      hasSnapshot = true;
      onSnapshot(JSON.parse(data) as PageState);
      onLink("live");
    });
    source.addEventListener("change", ({ data }) => {
      heardAt = Date.now();
      if (!hasSnapshot) return;
      onChange(JSON.parse(data) as PageChange);
      onLink("live");
    });
    source.addEventListener("beat", () => {
      heardAt = Date.now();
    });
    source.addEventListener("trouble", () => {
      heardAt = Date.now();
      onLink("trouble");
    });
    source.addEventListener("error", () => {
      hasSnapshot = false;
      onLink("lost");
    });
  }

  // The browser tries again by itself, but not after an answer that is no stream.
  setInterval(() => {
    const isClosed = source?.readyState === EventSource.CLOSED;
    if (isClosed || Date.now() - heardAt > SILENCE_MS) {
      onLink("lost");
      open();
    }
  }, RETRY_MS);
  onLink("connecting");
  open();
}
