import { sameLine, toDigits } from "../changes/same-line.ts";
import { type History, loadHistory } from "../customers/history.ts";
import { maskNumber } from "../log.ts";
import type { RedeliverCommand } from "../schemas/command.ts";
import type { DeliveredEvent } from "../schemas/customer-row.ts";
import type { NumberEvent } from "../schemas/event.ts";
import type { CommandDeps } from "./command-deps.ts";
import { findCustomers } from "./customer-rows.ts";
import { takePage } from "./page.ts";
import { MAX_REFUSED, resend, whyNotSend } from "./resend.ts";
import { suggest } from "./suggest.ts";

/** Rows may hold half a megabyte of pending events each. */
const SCAN_PAGE = 20;

/**
 * Sends delivered events again in the order of their sequence, the same id and bytes. Writes
 * nothing. At least a customer's last 20 events are kept. `incomplete` counts customers some of
 * whose chosen events are gone: `resync` sends their present state instead.
 */
export async function redeliver(command: RedeliverCommand, deps: CommandDeps) {
  const counts = { sent: 0, incomplete: 0, unreadable: 0 };
  const refused: object[] = [];
  let near: string | undefined;
  const isFull = () => refused.length === MAX_REFUSED || deps.budget.isOver();
  const stopped = await whyNotSend(deps);
  if (stopped) return { ...counts, refused, more: false, stopped };

  const found = findCustomers(deps.store, { ...command, pageSize: SCAN_PAGE });
  const page = await takePage(found, command.after, isFull, async (one, previous) => {
    const { customer, stored, resumeFrom } = one;
    if (!stored) {
      counts.unreadable += 1;
      return undefined;
    }
    const history = await loadHistory(deps.store, customer, stored.value, command.since);
    if (resumeFrom === undefined && isCut(command, history)) counts.incomplete += 1;
    near ??= nearNumber(command, customer, history);
    const events = chooseEvents(command, history, resumeFrom).map((event) => ({
      ...event,
      cursor: `${customer}/${event.seq}`,
    }));
    return takePage(events, previous, isFull, async (event, after) => {
      const sent = await resend(event, deps);
      if (sent.kind === "stop") return { more: true, after, stopped: sent.stop };
      if (sent.kind === "delivered") counts.sent += 1;
      else {
        const { seq, id } = event;
        refused.push({ custSpaceId: customer, seq, id, status: sent.status });
      }
      return undefined;
    });
  });
  const isNothing = counts.sent + refused.length === 0 && !page.more;
  return { ...counts, refused, ...page, ...(isNothing && near ? { notFound: near } : {}) };
}

/** Pure: names a number that was perhaps meant. */
function nearNumber(
  { number }: RedeliverCommand,
  customer: string,
  { events }: History,
): string | undefined {
  if (number === undefined) return undefined;
  const subjects = events.map(({ body }) => String((JSON.parse(body) as NumberEvent).subject));
  const digits = toDigits(number);
  const near = suggest(digits, subjects);
  if (near === undefined) return undefined;
  // Both look alike where only the last four digits are shown.
  const at = [...near, ""].findIndex((digit, index) => digit !== digits[index]) + 1;
  return `${noEventIs(number)} Did you mean ${maskNumber(near)} of ${customer}? They differ from digit ${at} on.`;
}

export function noEventIs(number: string): string {
  return `No kept event is about ${maskNumber(number)}.`;
}

/** Pure: the delivered events that the command asks for, behind the sequence `resumeFrom`. */
function chooseEvents(
  { number }: RedeliverCommand,
  { events }: History,
  resumeFrom: string | undefined,
): DeliveredEvent[] {
  const digits = number === undefined ? undefined : toDigits(number);
  const isChosen = ({ seq, body }: DeliveredEvent) =>
    (resumeFrom === undefined || seq > Number(resumeFrom)) &&
    (digits === undefined || isAbout(body, digits));
  return events.filter(isChosen);
}

/** Whether some event of the time that the command asks for is no longer kept. */
function isCut({ since }: RedeliverCommand, { cutAt }: History): boolean {
  if (cutAt === undefined) return false;
  return since === undefined || Date.parse(cutAt) >= Date.parse(since);
}

/** Whether an event is about a number, in today's spelling, the first one or as it was added. */
function isAbout(body: string, digits: string): boolean {
  const { subject, data } = JSON.parse(body) as Partial<NumberEvent>;
  const spellings = [subject, data?.addedAs, data?.listedAs];
  return spellings.some((spelling) => spelling !== undefined && sameLine(spelling, digits));
}
