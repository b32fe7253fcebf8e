import type { FailureReason } from "../changes/failure.ts";
import { formatDuration, plural } from "../commands/duration.ts";
import { reasonText } from "../commands/reason-text.ts";
import { maskCustomer } from "../log.ts";
import { type Answer, listOf } from "./answer.ts";
import { describeStatus } from "./status-lines.ts";
import { textTable } from "./text-table.ts";

/** Whether the command did everything that it was asked to do. */
export function isDone(answer: Answer): boolean {
  return (
    listOf(answer.refused).length === 0 &&
    answer.stopped === undefined &&
    answer.accepted !== false &&
    !answer.leftOut &&
    listOf(answer.notWatched).length === 0 &&
    answer.notFound === undefined &&
    (answer.command === "status" || !hasUnreadable(answer))
  );
}

/** Some commands name the customers whose rows they cannot read, others count them. */
function hasUnreadable({ unreadable }: Answer): boolean {
  return Array.isArray(unreadable) ? unreadable.length > 0 : Boolean(unreadable);
}

type Describe = (answer: Answer, now: number) => string[];

/** Commands whose answers are more than counts. */
const DESCRIBE: Readonly<Record<string, Describe | undefined>> = {
  status: describeStatus,
  "watch-list": describeWatchList,
  "dead-list": describeDeadList,
  watch: describeWatch,
  unwatch: describeUnwatch,
  erase: describeErase,
  "hints-url": describeHintsUrl,
  "webhook-test": describeWebhook,
  "webhook-pause": describeWebhook,
  "webhook-enable": describeWebhook,
};

/** An answer as lines for a person. */
export function describeAnswer(answer: Answer, now: number): string[] {
  const describe = DESCRIBE[String(answer.command)] ?? describeCounts;
  return describe(answer, now);
}

function describeWatchList({ customers }: Answer, now: number): string[] {
  const rows = listOf(customers);
  const failing = [
    ["failing since", "failingSince"],
    ["for", "failingFor"],
    ["reason", "reason"],
  ] as const;
  const explained = rows.map((row) => {
    if (row.code === undefined) return row;
    const failingFor = formatDuration(now - Date.parse(String(row.failingSince)));
    return { ...row, failingFor, reason: reasonText(row as FailureReason) };
  });
  return describeList(explained, [
    ["customer", "custSpaceId"],
    ["numbers", "numbers"],
    ["pending", "pending"],
    ["first read", "firstReadAt"],
    ["last change", "changedAt"],
    ["removed", "removedAt"],
    ...(rows.some(({ code }) => code !== undefined) ? failing : []),
  ]);
}

function describeDeadList({ deadLetters }: Answer): string[] {
  return describeList(listOf(deadLetters), [
    ["customer", "custSpaceId"],
    ["seq", "seq"],
    ["type", "type"],
    ["number", "phoneNumber"],
    ["response", "status"],
    ["dead-lettered", "diedAt"],
  ]);
}

function describeWatch(answer: Answer): string[] {
  const [fresh, again] = [listOf(answer.added).length, listOf(answer.revived).length];
  if (answer.dryRun) {
    const known = `already watched ${answer.alreadyWatched}`;
    return [
      `would add ${fresh}, watch again ${again}, ${known}. Nothing was changed.`,
      ...nameSome("would add", listOf(answer.added)),
      ...nameSome("would watch again", listOf(answer.revived)),
    ];
  }
  const added = `${fresh} added`;
  const revived = `${again} watched again`;
  return [
    `${added}, ${revived}, ${answer.alreadyWatched} already watched`,
    ...describeUnreadable(answer),
  ];
}

const MAX_NAMED = 10;

function nameSome(words: string, ids: readonly unknown[]): string[] {
  if (ids.length === 0) return [];
  const named = ids.slice(0, MAX_NAMED).map((id) => maskCustomer(String(id)));
  const more = ids.length > MAX_NAMED ? ` and ${ids.length - MAX_NAMED} more` : "";
  return [`${words}: ${named.join(", ")}${more}`];
}

function describeUnwatch(answer: Answer): string[] {
  const removed = `${listOf(answer.removed).length} removed`;
  const count = Number(answer.droppedEvents);
  const dropped = count > 0 ? `, ${plural(count, "event")} dropped` : "";
  const refused = listOf(answer.refused).map(
    ({ custSpaceId, pending }) =>
      `${custSpaceId} has ${plural(Number(pending), "pending event")}. To drop them, add --drop.`,
  );
  return [
    `${removed}, ${listOf(answer.notWatched).length} not watched${dropped}`,
    ...refused,
    ...listOf(answer.left).map(
      ({ custSpaceId, deadLetters }) =>
        `${custSpaceId} has ${plural(Number(deadLetters), "dead letter")} left`,
    ),
    ...(listOf(answer.removed).length > 0 ? [KEPT_AFTER_REMOVAL] : []),
    ...describeNotWatched(answer),
    ...describeUnreadable(answer),
  ];
}

const KEPT_AFTER_REMOVAL =
  "Dead letters and responses to adds stay. To remove them, run: npm run ctl -- erase ID";

function describeErase(answer: Answer): string[] {
  const { erased, tombstones, ...rest } = answer;
  const kept = listOf(tombstones).map(
    (id) => `${id} keeps a tombstone, as WATCH_CUST_SPACES or WATCH_DISCOVER would bring it back`,
  );
  return [
    `${listOf(erased).length} erased`,
    ...describeCounts({ ...rest, processed: undefined, notWatched: undefined }),
    ...kept,
    ...describeNotWatched(answer),
  ];
}

function describeHintsUrl(answer: Answer): string[] {
  return [
    ...listOf(answer.addresses).map(({ url }) => String(url)),
    ...describeNotWatched(answer),
    ...describeUnreadable(answer),
  ];
}

function describeNotWatched({ notWatched, didYouMean }: Answer): string[] {
  const near = (didYouMean ?? {}) as Answer;
  return listOf(notWatched).map(
    (id) => `${id} is not watched.${near[String(id)] ? ` Did you mean ${near[String(id)]}?` : ""}`,
  );
}

function describeUnreadable(answer: Answer): string[] {
  return listOf(answer.unreadable).map(
    (id) => `${id} is unchanged: this version cannot read its row`,
  );
}

function describeWebhook(answer: Answer): string[] {
  const lines: string[] = [];
  if (answer.accepted !== undefined) {
    const detail = answer.status ?? answer.transportCode ?? answer.reason;
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
    .map(([name, value]) => [toWords(name), String(value)]);
  const refused = listOf(answer.refused).map(
    ({ custSpaceId, seq, status }) => `refused again: ${custSpaceId} ${seq} (status ${status})`,
  );
  const leftOut = listOf(answer.leftOutOf).map(
    ({ custSpaceId, numbers, after }) =>
      `${plural(Number(numbers), "number")} of ${custSpaceId} left out. Once its events are delivered, run: npm run ctl -- resync --customer ${custSpaceId} --after ${after}`,
  );
  const gone =
    "Older events are no longer kept. To send the present state, run: npm run ctl -- resync";
  return [
    ...textTable(counts),
    ...refused,
    ...leftOut,
    ...describeNotWatched(answer),
    ...(answer.notFound === undefined ? [] : [String(answer.notFound)]),
    ...describeUnreadable(answer),
    ...(answer.incomplete ? [gone] : []),
    ...(answer.stopped === undefined ? [] : [describeStop(answer.stopped as Answer)]),
  ];
}

/** `inLane` becomes `in lane`. */
function toWords(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function describeStop({ reason, status, transportCode }: Answer): string {
  if (reason === "paused" || reason === "disabled" || reason === "gone") {
    const state = reason === "gone" ? "answered 410 and is disabled" : `is ${reason}`;
    return `Stopped: the receiver ${state}. To start deliveries again, run: npm run ctl -- webhook enable`;
  }
  return `Stopped: the receiver fails (${status ?? transportCode ?? reason})`;
}

function describeList(
  rows: readonly Answer[],
  columns: readonly (readonly [title: string, field: string])[],
): string[] {
  if (rows.length === 0) return ["none"];
  const cell = (row: Answer, field: string, index: number) =>
    row.unreadable && index === columns.length - 1 ? "unreadable" : String(row[field] ?? "");
  return textTable([
    columns.map(([title]) => title),
    ...rows.map((row) => columns.map(([, field], index) => cell(row, field, index))),
  ]);
}
