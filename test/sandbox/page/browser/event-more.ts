import type { AttemptView, EventView, SignedRequest } from "../state.ts";
import { announce } from "./announcer.ts";
import { make, setAttribute } from "./dom.ts";
import { timeOfDay } from "./format.ts";
import { perform, post, press } from "./requests.ts";

/** Below an event: its attempts, its body, and what a receiver's author needs of it. */
export function createEventMore(first: EventView) {
  const { id, sequence, body } = first;
  const attempts = make("tbody");
  const resend = make("button", { type: "button" }, "Resend");
  const trouble = make("p", { class: "trouble", role: "alert" });
  resend.addEventListener("click", () => {
    if (resend.ariaDisabled !== "true") void press(resend, trouble, "resend", { id });
  });
  const copies = Object.entries(COPIES).map(([label, format]) => {
    const button = make("button", { type: "button", "aria-label": `Copy ${label}` }, label);
    button.addEventListener("click", () => void copy(button, trouble, id, format));
    return button;
  });
  const caption = make("span", { class: "caption", "aria-hidden": "true" }, "Copy");
  const head = ["attempt", "status", "answer"].map((name) => make("th", { scope: "col" }, name));
  const element = make(
    "div",
    { class: "event-more" },
    make("div", { class: "event-buttons" }, caption, ...copies, resend),
    trouble,
    make(
      "table",
      { class: "attempts" },
      make("caption", { class: "hidden" }, "Attempts"),
      make("thead", {}, make("tr", {}, ...head)),
      attempts,
    ),
    make("pre", { tabindex: "0", "aria-label": "The body, indented here" }, indented(body)),
    make(
      "p",
      { class: "note" },
      ...(sequence === null ? [] : [`sequence ${sequence} · `]),
      make("a", { href: `#${id}` }, "link to this event"),
    ),
  );

  function update({ attempts: all, state }: EventView): void {
    const none = make("tr", {}, make("td", { colspan: "3" }, "none yet: it waits its turn"));
    attempts.replaceChildren(...(all.length > 0 ? all.map(attemptRow) : [none]));
    setAttribute(resend, "aria-disabled", state === "waiting" ? "true" : undefined);
  }
  update(first);
  return { element, update };
}

function attemptRow({ at, status, answer, isAccepted, isResend }: AttemptView): HTMLElement {
  const time = `${timeOfDay(at)}${isResend ? ", resent" : ""}`;
  const level = isAccepted ? "good" : "warning";
  return make(
    "tr",
    {},
    make("td", {}, time),
    make("td", { "data-level": level }, status),
    make("td", {}, answer === "" ? (isAccepted ? "accepted" : "–") : answer),
  );
}

/** Signed at the press of the button, so that a verifier takes it within the next five minutes. */
const COPIES: Readonly<Record<string, (request: SignedRequest) => string>> = {
  body: ({ body }) => body,
  headers: ({ headers }) => headers.map(([name, value]) => `${name}: ${value}`).join("\n"),
  curl: ({ url, headers, body }) =>
    [
      `curl -i ${quoted(url)}`,
      ...headers.map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
      `--data-binary ${quoted(body)}`,
    ].join(" \\\n  "),
};

/** As a POSIX shell takes it, whatever is in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

async function copy(
  button: HTMLElement,
  trouble: HTMLElement,
  id: string,
  format: (request: SignedRequest) => string,
): Promise<void> {
  const isCopied = await perform(button, trouble, async () => {
    const text = format((await post("sign", { id })) as SignedRequest);
    await navigator.clipboard.writeText(text);
  });
  if (!isCopied) return;
  announce("Copied.");
  setAttribute(button, "data-copied", "");
  setTimeout(() => setAttribute(button, "data-copied", undefined), 1_500);
}

function indented(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), undefined, 2);
  } catch {
    return body;
  }
}
