import { announce } from "./announcer.ts";
import { byId, find, make, setAttribute, setText } from "./dom.ts";
import { duration, plural, ticking } from "./format.ts";
import type { Model } from "./model.ts";
import { press } from "./requests.ts";

type Tone = "good" | "info" | "warning" | "critical";

const FAULT_WORDS = { none: "normal", throttling: "throttling", outage: "outage" } as const;

/** The four parties at the top. `show` is called with each state, `tick` each second. */
export function createOverview() {
  const cards = {
    upstream: card("upstream"),
    poll: card("poll"),
    store: card("store"),
    receiver: card("receiver"),
  };
  listen();

  function show({ overview }: Model): void {
    showUpstream(overview.upstream);
    showStore(overview.store);
    showReceiver(overview);
  }

  function showUpstream(upstream: Model["overview"]["upstream"]): void {
    const { isSimulated, fault, calls, perSecond, limit, throttled, failed } = upstream;
    byId("fault").hidden = !isSimulated;
    byId("upstream-real").hidden = isSimulated;
    const radio = find<HTMLInputElement>(byId("fault"), `[value=${fault}]`);
    if (!radio.checked) radio.checked = true;
    const { upstream: to } = cards;
    to.state(isSimulated ? FAULT_WORDS[fault] : "real", fault === "none" ? "good" : "warning");
    to.fact("calls", isSimulated ? String(calls) : "–");
    to.fact("rate", isSimulated ? `${perSecond.toFixed(1)} of ${limit}` : "–");
    to.fact(
      "throttled",
      isSimulated ? String(throttled) : "–",
      throttled > 0 ? "warning" : undefined,
    );
    to.fact("failed", isSimulated ? String(failed) : "–", failed > 0 ? "warning" : undefined);
  }

  function showStore(store: Model["overview"]["store"]): void {
    if (!store) return;
    const { pending, dead, customers, numbers, failing, stale, isPartial } = store;
    const least = isPartial ? "≥ " : "";
    const { store: to } = cards;
    if (stale > 0) to.state(`${stale} stale`, "critical");
    else if (failing > 0) to.state(`${failing} failing`, "warning");
    else to.state(pending > 0 ? "holding events" : "in step", pending > 0 ? "warning" : "good");
    to.fact("pending", `${least}${pending}`, pending > 0 ? "warning" : undefined);
    to.fact("dead", `${least}${dead}`, dead > 0 ? "critical" : undefined);
    to.fact(
      "watched",
      `${plural(customers, "customer")} watched, ${plural(numbers, "number")} known`,
    );
  }

  function showReceiver({ receiver, breaker, lastAttempt }: Model["overview"]): void {
    const toggle = byId("receiver-switch");
    toggle.hidden = !receiver;
    byId("receiver-own").hidden = receiver !== null;
    const { receiver: to } = cards;
    if (receiver) {
      setAttribute(toggle, "aria-checked", String(receiver.isUp));
      to.state(receiver.isUp ? "up" : "down: answers 503", receiver.isUp ? "good" : "critical");
      const { problemCount, lastProblems } = receiver;
      to.fact("received", String(receiver.received));
      to.fact("problems", String(problemCount), problemCount > 0 ? "critical" : undefined);
      showProblems(problemCount, lastProblems);
    } else {
      const { text = "nothing sent yet", isDelivered } = lastAttempt ?? {};
      to.state(`your own: ${text}`, isDelivered === false ? "critical" : "info");
    }
    const isClosed = breaker === null || breaker.state === "closed";
    to.fact("breaker", breaker?.state ?? "–", isClosed ? undefined : "warning");
    const resume = byId("resume");
    const isNeedless = isClosed || receiver?.isUp !== true;
    // What is hidden loses the focus, and who pressed it by keyboard the place.
    if (isNeedless && document.activeElement === resume) toggle.focus();
    resume.hidden = isNeedless;
  }

  /** What counts up or down by itself. */
  function tick({ overview, skew }: Model): void {
    const now = Date.now() + skew;
    const { poll, freshSince, breaker } = overview;
    const { poll: to } = cards;
    const { last, runningSince, nextAt } = poll;
    if (runningSince !== null) to.state(`running ${ticking(now - runningSince)}`, "info");
    else if (last?.trouble) to.state(last.trouble, "critical");
    else to.state(last ? "idle" : "not run yet", last ? "good" : "info");
    to.fact("read", last ? String(last.read) : "–");
    to.fact("changed", last ? String(last.changed) : "–");
    to.fact(
      "failed",
      last ? String(last.failed) : "–",
      last && last.failed > 0 ? "warning" : undefined,
    );
    to.fact("next", nextAt === null || runningSince !== null ? "–" : `in ${ticking(nextAt - now)}`);
    to.fact("last", last ? `last run ${ticking(now - last.endedAt)} ago` : "");
    setText(byId("run"), runningSince === null ? "Run now" : "Running…");
    const age = (at: number | null) => (at === null ? "–" : ticking(now - at));
    cards.store.fact("lane", age(freshSince.lane));
    cards.store.fact("sweep", age(freshSince.sweep));
    const probeAt = breaker?.nextProbeAt ?? null;
    cards.receiver.fact(
      "probe",
      probeAt === null ? "–" : `in ${duration(Math.max(0, probeAt - now))}`,
    );
  }

  return { show, tick };
}

function card(id: string) {
  const root = byId(id);
  const set = (name: string, text: string, tone: Tone | undefined) => {
    const element = find(root, `[data-field=${name}]`);
    setText(element, text);
    setAttribute(element, "data-level", tone);
  };
  return {
    fact: (name: string, text: string, tone?: Tone) => set(name, text, tone),
    state: (text: string, tone: Tone) => set("state", text, tone),
  };
}

function showProblems(count: number, last: readonly string[]): void {
  const place = byId("receiver-problems");
  place.hidden = count === 0;
  const title = count > last.length ? `The last ${last.length} of ${count} problems` : "Problems";
  setText(find(place, "h3"), title);
  const list = find(place, "ul");
  const texts = [...list.children].map(({ textContent }) => textContent);
  if (texts.join("\n") === last.join("\n")) return;
  list.replaceChildren(...last.map((text) => make("li", {}, text)));
  if (last.length > 0) announce(`Problem at the receiver: ${last.at(-1)}`);
}

function listen(): void {
  const trouble = (name: string) => find(document, `[data-error=${name}]`);
  const run = byId("run");
  run.addEventListener("click", () => void press(run, trouble("run"), "poll", {}));
  const toggle = byId("receiver-switch");
  toggle.addEventListener("click", () => {
    const isUp = toggle.getAttribute("aria-checked") !== "true";
    void press(toggle, trouble("receiver"), "receiver", { isUp });
  });
  const resume = byId("resume");
  resume.addEventListener("click", () => void press(resume, trouble("receiver"), "resume", {}));
  const fault = byId("fault");
  fault.addEventListener("change", ({ target }) => {
    const { value } = target as HTMLInputElement;
    void press(fault, trouble("fault"), "upstream", { fault: value });
  });
}
