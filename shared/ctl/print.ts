import type { Answer } from "./io.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Whether the command did all that it was asked to do. */
export function isDone(answer: Answer): boolean {
  return (
    listOf(answer.refused).length === 0 &&
    answer.stopped === undefined &&
    answer.accepted !== false &&
    !answer.leftOut &&
    (answer.command === "status" || !hasUnreadable(answer))
  );
}

/** Some commands name the customers whose rows they could not read, the others count them. */
function hasUnreadable({ unreadable }: Answer): boolean {
  return Array.isArray(unreadable) ? unreadable.length > 0 : Boolean(unreadable);
}

/** An answer as lines for a person. */
export function describeAnswer(answer: Answer): string[] {
  switch (answer.command) {
    case "status":
      return describeStatus(answer);
    case "watch-list":
      return describeList(listOf(answer.customers), [
        ["customer", "custSpaceId"],
        ["numbers", "numbers"],
        ["pending", "pending"],
        ["first read", "firstReadAt"],
        ["last change", "changedAt"],
        ["taken off", "removedAt"],
      ]);
    case "dead-list":
      return describeList(listOf(answer.deadLetters), [
        ["customer", "custSpaceId"],
        ["seq", "seq"],
        ["type", "type"],
        ["number", "phoneNumber"],
        ["answer", "status"],
        ["given up", "diedAt"],
      ]);
    case "watch":
      return [
        `${listOf(answer.added).length} added, ${listOf(answer.revived).length} watched again, ${answer.alreadyWatched} watched already`,
        ...describeUnreadable(answer),
      ];
    case "unwatch":
      return describeUnwatch(answer);
    case "webhook-test":
    case "webhook-pause":
    case "webhook-enable":
      return describeReceiver(answer);
    default:
      return describeCounts(answer);
  }
}

function describeStatus(answer: Answer): string[] {
  const { receiver, sweep, lane, lease, freshness, account } = answer as Record<
    string,
    Fields | null
  >;
  const atLeast = new Set(listOf(answer.atLeast).map(String));
  const orMore = (name: string) => (atLeast.has(name) ? " or more" : "");
  const count = (name: string) => `${answer[name]}${orMore(name)}`;
  const age = answer.oldestReadAgeSeconds;
  const is = String(answer.oldestReadIs ?? "").replace("-", " ");
  return table([
    ["oldest read", age === null ? "unknown" : `${is === "exact" ? "" : `${is} `}${age} s ago`],
    [
      "sweep",
      sweep ? `${sweep.done ? "done" : "under way"}, begun ${sweep.ageSeconds} s ago` : "none",
    ],
    ["all read since", describeFreshness(freshness ?? {})],
    ["poll", describeLease(lease ?? {})],
    ["account", describeAccount(account ?? {})],
    [
      "customers",
      `${count("watched")} watched, ${count("unwatched")} taken off, ${count("neverRead")} never read`,
    ],
    ["failing", `${count("failing")}, of which ${count("stale")} stale`],
    ["unreadable", count("unreadable")],
    ["numbers", count("numbers")],
    [
      "priority lane",
      `${lane?.onboarding} onboarding, ${lane?.worse} turned bad, ${lane?.asked} asked for${orMore("lane")}`,
    ],
    ["pending", `${count("pending")} events of ${count("pendingCustomers")} customers`],
    ["dead letters", count("dead")],
    ["receiver", describeState(receiver ?? {})],
  ]);
}

const UNREADABLE_ROW = "unknown: its row cannot be read by this version";

/** When every customer of a kind had been read, or failed, for the last time. */
function describeFreshness({ sweep, onboarding, worse, asked, sweptAt }: Fields): string {
  const ago = (seconds: unknown) => (typeof seconds === "number" ? `${seconds} s ago` : "never");
  const swept = typeof sweptAt === "string" ? `; last sweep ended ${sweptAt}` : "";
  return `sweep ${ago(sweep)}, onboarding ${ago(onboarding)}, turned bad ${ago(worse)}, asked for ${ago(asked)}${swept}`;
}

function describeLease({ held, until, unreadable }: Fields): string {
  if (unreadable) return UNREADABLE_ROW;
  return held ? `running, lease until ${until}` : "not running";
}

function describeAccount(account: Fields): string {
  const { failingSince, code, upstreamCode, staleAt, unreadable } = account;
  if (unreadable) return UNREADABLE_ROW;
  if (failingSince === undefined) return "in order";
  const why = upstreamCode === undefined ? code : `${code}, ${upstreamCode}`;
  const told = staleAt === undefined ? "" : `, stale since ${staleAt}`;
  return `failing since ${failingSince} (${why})${told}`;
}

function describeState({ state, since, nextProbeAt, reason, unreadable }: Fields): string {
  if (unreadable) return UNREADABLE_ROW;
  const why = reason === undefined ? "" : ` (${reason})`;
  const next = nextProbeAt === undefined ? "" : `, next try ${nextProbeAt}`;
  return state === "closed" ? "in order" : `${state}${why} since ${since}${next}`;
}

function describeUnwatch(answer: Answer): string[] {
  const refused = listOf(answer.refused).map(
    (entry) => `${entry.custSpaceId} has ${entry.pending} pending events; --drop gives them up`,
  );
  const dropped = answer.droppedEvents ? `, ${answer.droppedEvents} events dropped` : "";
  return [
    `${listOf(answer.removed).length} taken off, ${listOf(answer.notWatched).length} not watched${dropped}`,
    ...refused,
    ...describeUnreadable(answer),
  ];
}

function describeUnreadable(answer: Answer): string[] {
  return listOf(answer.unreadable).map(
    (id) => `${id} was left as it is: its row cannot be read by this version`,
  );
}

function describeReceiver(answer: Answer): string[] {
  const lines: string[] = [];
  if (answer.accepted !== undefined) {
    const detail = answer.status ?? answer.reason;
    lines.push(`test event ${answer.eventId}: ${answer.result} (${detail})`);
  }
  if (answer.state !== undefined) {
    lines.push(`receiver: ${answer.state}${answer.changed ? "" : " (unchanged)"}`);
  }
  return lines;
}

/** Counts first, then what needs attention. */
function describeCounts(answer: Answer): string[] {
  const counts = Object.entries(answer)
    .filter(([, value]) => typeof value === "number")
    .map(([name, value]) => [
      name.replaceAll(/[A-Z]/g, (c) => ` ${c.toLowerCase()}`),
      String(value),
    ]);
  const lines = table(counts);
  for (const { custSpaceId, seq, status } of listOf(answer.refused)) {
    lines.push(`refused again: ${custSpaceId} ${seq} (status ${status})`);
  }
  for (const { custSpaceId, numbers, after } of listOf(answer.leftOutOf)) {
    lines.push(
      `${numbers} numbers of ${custSpaceId} left out; when its events are delivered: resync --customer ${custSpaceId} --after ${after}`,
    );
  }
  lines.push(...describeUnreadable(answer));
  if (answer.incomplete)
    lines.push("older events are kept no more; resync tells the present state");
  if (answer.stopped !== undefined) {
    lines.push(describeStop(answer.stopped as Fields));
  }
  return lines;
}

function describeStop({ reason, status }: Fields): string {
  if (reason === "paused" || reason === "disabled" || reason === "gone") {
    const state = reason === "gone" ? "has answered 410 and is disabled" : `is ${reason}`;
    return `stopped: the receiver ${state}; webhook enable lets deliveries start again`;
  }
  return `stopped: the receiver is in trouble (${status ?? reason})`;
}

function describeList(
  rows: readonly Fields[],
  columns: readonly (readonly [title: string, field: string])[],
): string[] {
  if (rows.length === 0) return ["none"];
  const cell = (row: Fields, field: string, index: number) =>
    row.unreadable && index === columns.length - 1 ? "unreadable" : String(row[field] ?? "");
  return table([
    columns.map(([title]) => title),
    ...rows.map((row) => columns.map(([, field], index) => cell(row, field, index))),
  ]);
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
    }
  }
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value : [];
}
