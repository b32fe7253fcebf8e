import { type FailureReason, isAccountDown } from "../changes/failure.ts";
import { formatDuration, plural } from "./duration.ts";
import { codesText } from "./reason-text.ts";
import type { NamedFailure } from "./status-counts.ts";

/** A customer may fail this long before it is a warning. */
const FAILING_MS = 45 * 60_000;
/** Without a run for this long, nothing is watched. */
const SILENT_MS = 10 * 60_000;
const NAMED = 3;

/** `UNKNOWN`: a row on which the verdict depends cannot be read. */
export type Verdict = {
  readonly status: "OK" | "WARN" | "CRIT" | "UNKNOWN";
  /** The heaviest first. */
  readonly reasons: readonly string[];
};

type Unreadable = { readonly unreadable: boolean };

type AccountFailure = FailureReason & {
  readonly failingSince: string;
  readonly staleAt?: string | undefined;
};

/** The part of the status that the verdict rests on. */
type Facts = {
  readonly lastRunAt: string | null;
  readonly lease: Unreadable | { readonly held: boolean };
  readonly account: null | Unreadable | AccountFailure;
  readonly receiver:
    | Unreadable
    | { readonly state: string; readonly since: string; readonly reason?: string };
  readonly failures: readonly NamedFailure[];
  readonly failing: number;
  readonly dead: number;
  /** When the first of them is deleted. */
  readonly deadUntil?: string | undefined;
  readonly unreadable: number;
  readonly atLeast: readonly string[];
};

/** Judges as monitoring plugins do. The thresholds are those of the operators' page. */
export function judge(facts: Facts, now: number): Verdict {
  const found = {
    CRIT: [silence(facts, now), account(facts, now, "CRIT"), receiver(facts, now, "CRIT")],
    UNKNOWN: [
      ...unreadableRows(facts),
      facts.atLeast.includes("customers") ? "not all customers could be counted" : undefined,
    ],
    WARN: [
      account(facts, now, "WARN"),
      receiver(facts, now, "WARN"),
      failing(facts, now),
      dead(facts),
      facts.unreadable > 0 ? `${plural(facts.unreadable, "row")} unreadable` : undefined,
    ],
  };
  const levels = (["CRIT", "UNKNOWN", "WARN"] as const).map((status) => ({
    status,
    reasons: found[status].flatMap((reason) => reason ?? []),
  }));
  const status = levels.find(({ reasons }) => reasons.length > 0)?.status ?? "OK";
  return { status, reasons: levels.flatMap(({ reasons }) => reasons) };
}

function silence({ lastRunAt, lease }: Facts, now: number): string | undefined {
  if ("unreadable" in lease) return undefined;
  // A run that lives saves its progress, and so this time, every few seconds.
  if (lastRunAt === null) return lease.held ? undefined : "poll has never run";
  const ms = now - Date.parse(lastRunAt);
  return ms < SILENT_MS ? undefined : `poll has not run for ${sinceText(lastRunAt, now)}`;
}

/** What few customers failed with while no other was due may not be the account's. */
function account({ account }: Facts, now: number, level: "WARN" | "CRIT"): string | undefined {
  if (!account || "unreadable" in account) return undefined;
  const isDown = isAccountDown(account);
  if (isDown !== (level === "CRIT")) return undefined;
  const words = isDown ? "the account has failed" : "no customer could be read";
  return `${words} for ${sinceText(account.failingSince, now)}: ${codesText(account)}`;
}

function receiver({ receiver }: Facts, now: number, level: "WARN" | "CRIT"): string | undefined {
  if ("unreadable" in receiver || receiver.state === "closed") return undefined;
  const { state, since, reason } = receiver;
  if ((state === "disabled") !== (level === "CRIT")) return undefined;
  const words =
    state === "open" ? "the receiver has not accepted events" : `the receiver has been ${state}`;
  return `${words} for ${sinceText(since, now)}${reason ? `: ${reason}` : ""}`;
}

function failing({ failures, failing }: Facts, now: number): string | undefined {
  const long = failures.filter(({ since }) => now - Date.parse(since) >= FAILING_MS);
  if (long.length === 0) return undefined;
  const named = long.slice(0, NAMED).map((one) => {
    const ms = now - Date.parse(one.since);
    return `${one.custSpaceId} for ${formatDuration(ms)} (${codesText(one)})`;
  });
  return `${plural(failing, "customer")} failing: ${named.join(", ")}`;
}

function dead({ dead, deadUntil }: Facts): string | undefined {
  if (dead === 0) return undefined;
  const ends = deadUntil ? `, deleted from ${deadUntil.slice(0, 10)} on` : "";
  return `${plural(dead, "dead letter")}${ends}`;
}

function unreadableRows({ lease, account, receiver }: Facts): string[] {
  const rows = { poll: lease, account, receiver };
  const names = Object.entries(rows).filter(([, row]) => row && "unreadable" in row);
  return names.map(([name]) => `this version cannot read the row of ${name}`);
}

/** `5 h (since 2026-01-02T03:04:05Z)`. */
function sinceText(since: string, now: number): string {
  const exact = since.replace(/\.\d+Z$/, "Z");
  return `${formatDuration(now - Date.parse(since))} (since ${exact})`;
}
