import type { Overview } from "../state.ts";
import { announce } from "./announcer.ts";
import { byId, setAttribute, setText } from "./dom.ts";
import { plural, ticking } from "./format.ts";
import type { Model } from "./model.ts";
import type { Link } from "./stream.ts";

const LINK_WORDS: Readonly<Record<Link, string>> = {
  connecting: "Connecting",
  live: "Live",
  lost: "Connection lost",
  trouble: "No store",
};
const LEVELS = {
  READY: "info",
  OK: "good",
  WARN: "warning",
  CRIT: "critical",
  UNKNOWN: "info",
} as const;
const ICONS = { READY: "", OK: "", WARN: "▲ ", CRIT: "✖ ", UNKNOWN: "? " } as const;

type Said = { readonly status: keyof typeof LEVELS; readonly text: string };

/** The first line of the page: is all well, and if not, what is not. */
export function createVerdict() {
  let link: Link = "connecting";
  let model: Model | undefined;
  let said: string | undefined;

  function say(): void {
    const { status, text } = saidOf(link, model);
    // The text counts seconds, which nobody wants to hear.
    const news = link === "live" ? status : link;
    if (news !== said && news !== "connecting") announce(`${status}: ${text}`);
    said = news;
    setText(byId("verdict-word"), status);
    setText(byId("verdict-text"), text);
    setAttribute(byId("verdict"), "data-level", LEVELS[status]);
    const title = `${ICONS[status]}waba-numbers sandbox`;
    if (document.title !== title) document.title = title;
  }

  return {
    setLink(next: Link) {
      link = next;
      document.body.dataset.link = next;
      const place = byId("link");
      setText(place, LINK_WORDS[next]);
      setAttribute(place, "data-state", next);
      say();
    },
    show(next: Model) {
      model = next;
      say();
    },
  };
}

function saidOf(link: Link, model: Model | undefined): Said {
  if (link === "connecting" || !model?.overview.verdict) {
    const text = link === "lost" ? "No connection to npm start yet." : "Connecting to npm start.";
    return { status: "UNKNOWN", text };
  }
  if (link === "lost") {
    const text =
      "The connection to npm start is lost. What you see is old. Trying again each second.";
    return { status: "UNKNOWN", text };
  }
  if (link === "trouble") {
    const text = "The store cannot be read. What you see is old. npm start printed why.";
    return { status: "UNKNOWN", text };
  }
  if (model.overview.store?.customers === 0) {
    return { status: "READY", text: "Nothing is watched yet. Add a number to begin." };
  }
  const { status, reasons } = model.overview.verdict;
  // The exact time is for the log; here the duration before it counts.
  const short = reasons.map((reason) => capital(reason.replace(/ \(since [^)]*\)/, "")));
  if (status !== "OK") return { status, text: `${short.join(". ")}.` };
  const trouble = troubleOf(model);
  return { status, text: `${calm(model.overview, Date.now() + model.skew)}${trouble}` };
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** The watch may be well while its numbers are not. */
function troubleOf({ customers }: Model): string {
  const levels = [...customers.values()].flatMap(({ numbers }) => numbers.map((one) => one.level));
  const of = (level: string) => levels.filter((one) => one === level).length;
  const [critical, warning] = [of("critical"), of("warning")];
  const parts = [
    ...(critical > 0 ? [`${critical} critical`] : []),
    ...(warning > 0 ? [`${warning} with a warning`] : []),
  ];
  return parts.length > 0 ? ` Numbers: ${parts.join(", ")}.` : "";
}

function calm({ store, freshSince }: Overview, now: number): string {
  const waiting = store?.waiting ?? 0;
  const read =
    freshSince === null ? "Nothing read yet" : `All read ${ticking(now - freshSince)} ago`;
  const sent =
    waiting > 0 ? `${plural(waiting, "event")} waiting for the receiver` : "everything delivered";
  return `${read}, ${sent}.`;
}
