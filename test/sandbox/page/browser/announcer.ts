import { byId } from "./dom.ts";

const GATHER_MS = 800;

let waiting: string[] = [];

/** Has a screen reader say it, at the next pause; several within a second are said together. */
export function announce(text: string): void {
  waiting.push(text);
  if (waiting.length > 1) return;
  setTimeout(() => {
    byId("announcer").textContent = waiting.slice(-3).join(" ");
    waiting = [];
  }, GATHER_MS);
}
