import { type Answer, listOf } from "./answer.ts";
import { textTable } from "./text-table.ts";

const UNREADABLE_ROW = "unknown: this version cannot read its row";

/** The answer to `status` as lines for a person. */
export function describeStatus(answer: Answer): string[] {
  const atLeast = new Set(listOf(answer.atLeast).map(String));
  const orMore = (name: string) => (atLeast.has(name) ? " or more" : "");
  const count = (name: string) => `${answer[name]}${orMore(name)}`;
  const part = (name: string) => (answer[name] ?? {}) as Answer;
  const customers = `${count("watched")} watched, ${count("unwatched")} removed`;
  return textTable([
    ["oldest read", describeOldestRead(answer)],
    ["sweep", describeSweep(part("sweep"))],
    ["freshness", describeFreshness(part("freshness"))],
    ["poll", describeLease(part("lease"))],
    ["account", describeAccount(part("account"))],
    ["customers", `${customers}, ${count("neverRead")} never read`],
    ["failing", `${count("failing")}, of which ${count("stale")} stale`],
    ["unreadable", count("unreadable")],
    ["numbers", count("numbers")],
    ["priority lane", `${describeLane(part("lane"))}${orMore("lane")}`],
    ["pending", `${count("pending")} events of ${count("pendingCustomers")} customers`],
    ["dead letters", count("dead")],
    ["receiver", describeReceiver(part("receiver"))],
  ]);
}

function describeOldestRead({ oldestReadAgeSeconds: age, oldestReadIs: is }: Answer): string {
  if (age === null) return "unknown";
  return is === "exact" ? `${age} s ago` : `${String(is).replace("-", " ")} ${age} s ago`;
}

function describeSweep({ done, ageSeconds }: Answer): string {
  if (ageSeconds === undefined) return "none";
  return `${done ? "done" : "under way"}, began ${ageSeconds} s ago`;
}

function describeFreshness({ sweep, onboarding, worse, asked, sweptAt }: Answer): string {
  const age = (seconds: unknown) => (typeof seconds === "number" ? `${seconds} s` : "never");
  const lanes = `onboarding ${age(onboarding)}, worse ${age(worse)}, requested ${age(asked)}`;
  const ended = typeof sweptAt === "string" ? `, last sweep ended at ${sweptAt}` : "";
  return `sweep ${age(sweep)}, ${lanes}${ended}`;
}

function describeLease({ held, until, unreadable }: Answer): string {
  if (unreadable) return UNREADABLE_ROW;
  return held ? `running, lease until ${until}` : "not running";
}

function describeAccount(account: Answer): string {
  const { failingSince, code, upstreamCode, staleAt, unreadable } = account;
  if (unreadable) return UNREADABLE_ROW;
  if (failingSince === undefined) return "healthy";
  const why = upstreamCode === undefined ? code : `${code}, ${upstreamCode}`;
  const stale = staleAt === undefined ? "" : `, stale since ${staleAt}`;
  return `failing since ${failingSince} (${why})${stale}`;
}

function describeLane({ onboarding, worse, asked }: Answer): string {
  return `${onboarding} onboarding, ${worse} worse, ${asked} requested`;
}

function describeReceiver({ state, since, nextProbeAt, reason, unreadable }: Answer): string {
  if (unreadable) return UNREADABLE_ROW;
  if (state === "closed") return "healthy";
  const why = reason === undefined ? "" : ` (${reason})`;
  const next = nextProbeAt === undefined ? "" : `, next probe at ${nextProbeAt}`;
  return `${state}${why} since ${since}${next}`;
}
