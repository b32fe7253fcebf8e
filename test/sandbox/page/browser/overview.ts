import type { Overview } from "../state.ts";
import { announce } from "./announcer.ts";
import { byId, find, make, setAttribute, setText } from "./dom.ts";
import { plural, ticking } from "./format.ts";
import type { Model } from "./model.ts";
import { press } from "./requests.ts";

type Tone = "good" | "info" | "warning" | "critical";

const FAULT_WORDS = { none: "answers", throttling: "throttles", outage: "down" } as const;

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

  function showUpstream({ isSimulated, fault, ...upstream }: Overview["upstream"]): void {
    const { perSecond, limit, throttled, failed } = upstream;
    const select = byId<HTMLSelectElement>("fault");
    select.hidden = !isSimulated;
    byId("upstream-real").hidden = isSimulated;
    if (select.value !== fault) select.value = fault;
    const { upstream: to } = cards;
    to.state(isSimulated ? FAULT_WORDS[fault] : "real", fault === "none" ? "good" : "warning");
    to.fact("rate", isSimulated ? `${perSecond.toFixed(1)} of ${limit}` : "–");
    const count = (value: number) => (isSimulated ? String(value) : "–");
    to.fact("throttled", count(throttled), throttled > 0 ? "warning" : undefined);
    to.fact("failed", count(failed), failed > 0 ? "warning" : undefined);
  }

  function showStore(store: Overview["store"]): void {
    if (!store) return;
    const { waiting, dead, customers, numbers, failing, stale, isPartial } = store;
    const least = isPartial ? "≥ " : "";
    const { store: to } = cards;
    if (stale > 0) to.state(`${stale} stale`, "critical");
    else if (failing > 0) to.state(`${failing} cannot be read`, "warning");
    else to.state(waiting > 0 ? "events wait" : "fresh", waiting > 0 ? "warning" : "good");
    to.fact("waiting", `${least}${waiting}`, waiting > 0 ? "warning" : undefined);
    to.fact("dead", `${least}${dead}`, dead > 0 ? "critical" : undefined);
    to.fact("watched", `${plural(customers, "customer")}, ${plural(numbers, "number")}`);
  }

  function showReceiver({ receiver, breaker }: Overview): void {
    const { sandbox, delivered, lastAttempt: last } = receiver;
    const toggle = byId("receiver-switch");
    toggle.hidden = !sandbox;
    byId("receiver-own").hidden = sandbox !== null;
    const { receiver: to } = cards;
    const isClosed = breaker === null || breaker.state === "closed";
    if (sandbox && !sandbox.isUp) to.state("off", "critical");
    else if (!isClosed) to.state(breaker.state === "open" ? "down" : breaker.state, "critical");
    else if (!last) to.state(sandbox ? "up" : "nothing sent yet", sandbox ? "good" : "info");
    else if (last.isAccepted) to.state("accepts", "good");
    else to.state(/^\d/.test(last.status) ? "refuses" : last.status, "critical");
    if (sandbox) {
      setAttribute(toggle, "aria-checked", String(sandbox.isUp));
      showProblems(sandbox.problemCount, sandbox.lastProblems);
    }
    to.fact("delivered", String(delivered));
    const status = last && (/^\d/.test(last.status) ? last.status : "none");
    to.fact("answer", status ?? "–", last && !last.isAccepted ? "warning" : undefined);
    const resume = byId("resume");
    const isNeedless = isClosed || sandbox?.isUp === false;
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
    const failed = last?.failed ?? 0;
    to.fact("failed", last ? String(failed) : "–", failed > 0 ? "warning" : undefined);
    const ago = last ? `${ticking(now - last.endedAt)} ago` : "";
    const next = nextAt === null || nextAt < now ? "" : `next in ${ticking(nextAt - now)}`;
    to.fact("last", [ago, next].filter(Boolean).join(", "));
    setText(byId("run"), runningSince === null ? "Run now" : "Running…");
    const age = freshSince === null ? "–" : `${ticking(now - freshSince)} ago`;
    cards.store.fact("fresh", age);
    const probeAt = breaker?.nextProbeAt ?? null;
    cards.receiver.fact("next", probeAt === null ? "–" : `in ${ticking(probeAt - now)}`);
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
  const fault = byId<HTMLSelectElement>("fault");
  fault.addEventListener("change", () => {
    void press(fault, trouble("fault"), "upstream", { fault: fault.value });
  });
}
