import type { FailureReason } from "../changes/failure.ts";
import { formatDuration, plural } from "../commands/duration.ts";
import { reasonText } from "../commands/reason-text.ts";
import { type Answer, listOf } from "./answer.ts";
import { textTable } from "./text-table.ts";

const UNREADABLE_ROW = "unknown: this version cannot read its row";

/** The answer to `status` as lines for a person. */
export function describeStatus(answer: Answer, now: number): string[] {
  const atLeast = new Set(listOf(answer.atLeast).map(String));
  const orMore = (name: string) => (atLeast.has(name) ? " or more" : "");
  const count = (name: string) => `${answer[name]}${orMore(name)}`;
  const some = (name: string, noun: string) => {
    const noPlural = answer[name] === 1 && !atLeast.has(name);
    return `${count(name)} ${noun}${noPlural ? "" : "s"}`;
  };
  const part = (name: string) => (answer[name] ?? {}) as Answer;
  const customers = `${count("watched")} watched, ${count("unwatched")} removed`;
  const rows = textTable([
    ["last run", describeLastRun(answer)],
    ["oldest read", describeOldestRead(answer)],
    ["sweep", describeSweep(part("sweep"))],
    ["freshness", describeFreshness(part("freshness"))],
    ["poll", describeLease(part("lease"))],
    ["account", describeAccount(part("account"))],
    ["customers", `${customers}, ${count("neverRead")} never read`],
    ["failing", `${count("failing")}, of which ${count("stale")} stale`],
    ...listOf(answer.failures).map((one) => ["", describeFailing(one, now)]),
    ["unreadable", count("unreadable")],
    ...describeAhead(answer),
    ["numbers", describeNumbers(answer, count)],
    ["priority lane", `${describeLane(part("lane"))}${orMore("lane")}`],
    ["pending", `${some("pending", "event")} of ${some("pendingCustomers", "customer")}`],
    ["dead letters", count("dead")],
    ["receiver", describeReceiver(part("receiver"))],
  ]);
  return [describeVerdict(answer), ...rows];
}

/** The verdict of an answer. poll of an earlier version gives none. */
export function verdictOf({ verdict }: Answer): { status: string; reasons: readonly string[] } {
  const { status, reasons } = (verdict ?? {}) as Answer;
  if (typeof status === "string") return { status, reasons: listOf(reasons).map(String) };
  return { status: "UNKNOWN", reasons: ["poll is of an earlier version. Deploy this one"] };
}

/** As monitoring plugins print it: the verdict, its reasons, and figures with their limits. */
function describeVerdict(answer: Answer): string {
  const { status, reasons } = verdictOf(answer);
  const { lastRunAgeSeconds: age, failing, pending, dead, watched } = answer;
  const figures = { age: age === null ? undefined : `${age}s;;600`, failing, pending, dead };
  const shown = Object.entries(figures).filter(([, value]) => value !== undefined);
  const text =
    reasons.length > 0 ? reasons.join("; ") : `${plural(Number(watched), "customer")} watched`;
  return `${status}: ${text} | ${shown.map((pair) => pair.join("=")).join(" ")}`;
}

/** Who is blocked is known with WATCH_HEALTH only. */
function describeNumbers({ blocked, limited }: Answer, count: (name: string) => string): string {
  const health =
    blocked || limited ? `, ${count("blocked")} blocked, ${count("limited")} limited` : "";
  return `${count("numbers")}${health}`;
}

function describeLastRun({ lastRunAt, lastRunAgeSeconds }: Answer): string {
  return lastRunAt === null ? "never" : `${ago(lastRunAgeSeconds)}, at ${lastRunAt}`;
}

function ago(seconds: unknown): string {
  return `${formatDuration(Number(seconds) * 1000)} ago`;
}

function describeOldestRead(answer: Answer): string {
  const { oldestReadAgeSeconds: age, oldestReadIs: is, neverRead } = answer;
  if (age === null) return "unknown";
  const whose = Number(neverRead) > 0 ? ", of those read" : "";
  return `${is === "exact" ? "" : `${String(is).replace("-", " ")} `}${ago(age)}${whose}`;
}

function describeSweep({ done, ageSeconds }: Answer): string {
  if (ageSeconds === undefined) return "none";
  return `${done ? "done" : "under way"}, began ${ago(ageSeconds)}`;
}

function describeFreshness({ sweep, onboarding, worse, asked, sweptAt }: Answer): string {
  const age = (seconds: unknown) =>
    typeof seconds === "number" ? formatDuration(seconds * 1000) : "never";
  const lanes = `onboarding ${age(onboarding)}, worse ${age(worse)}, requested ${age(asked)}`;
  const ended = typeof sweptAt === "string" ? `, last sweep ended at ${sweptAt}` : "";
  return `sweep ${age(sweep)}, ${lanes}${ended}`;
}

function describeLease({ held, until, unreadable }: Answer): string {
  if (unreadable) return UNREADABLE_ROW;
  return held ? `running, lease until ${until}` : "not running";
}

function describeAccount(account: Answer): string {
  const { failingSince, staleAt, unreadable } = account;
  if (unreadable) return UNREADABLE_ROW;
  if (failingSince === undefined) return "healthy";
  const stale = staleAt === undefined ? "" : `, stale since ${staleAt}`;
  return `failing since ${failingSince} (${reasonText(account as FailureReason)})${stale}`;
}

function describeFailing(failure: Answer, now: number): string {
  const why = reasonText(failure as FailureReason);
  const age = formatDuration(now - Date.parse(String(failure.since)));
  return `${failure.custSpaceId} for ${age}, since ${failure.since} (${why})`;
}

/** Only after a wrong clock. */
function describeAhead({ sequencesAhead, ahead }: Answer): string[][] {
  if (!sequencesAhead) return [];
  const named = listOf(ahead).map(({ custSpaceId, until }) => [
    "",
    `${custSpaceId} until ${until}`,
  ]);
  const verb = sequencesAhead === 1 ? "is" : "are";
  const many = `${plural(Number(sequencesAhead), "sequence")} ${verb} ahead of now`;
  return [["ahead", `${many}: a clock was wrong`], ...named];
}

function describeLane({ onboarding, worse, asked }: Answer): string {
  return `${onboarding} onboarding, ${worse} worse, ${asked} requested`;
}

function describeReceiver(receiver: Answer): string {
  const { state, since, nextProbeAt, reason, unreadable } = receiver;
  if (unreadable) return UNREADABLE_ROW;
  const why = reason === undefined ? "" : ` (${reason})`;
  if (state === "closed")
    return reason === undefined ? "healthy" : `the last delivery failed${why}`;
  const next = nextProbeAt === undefined ? "" : `, next probe at ${nextProbeAt}`;
  return `${state}${why} since ${since}${next}`;
}
