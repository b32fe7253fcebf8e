import { toDigits } from "../changes/phone-number.ts";
import type { CommandOf } from "../schemas/command.ts";
import {
  CUSTOMER_PREFIX,
  type CustomerRow,
  customerKey,
  customerRowSchema,
  type DeliveredEvent,
} from "../schemas/customer-row.ts";
import { scanAll } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import type { CommandDeps, Page } from "./command-deps.ts";
import { subjectOf } from "./dead-letters.ts";
import { readCustomerIfReadable, tryDecode } from "./try-decode.ts";
import { resend, type Stop, whyNotSend } from "./webhook.ts";

/** Rows hold up to 64 KB of delivered events each. */
const SCAN_PAGE = 20;
const MAX_REFUSED = 100;

/**
 * Sends delivered events again, in the order of their sequence within a customer: the same id and
 * bytes, marked as a redelivery. Writes nothing. What can be sent again is what the rows keep: the
 * last 20 events of a customer, at most 64 KB. `incomplete` counts customers of which events of the
 * time that was asked for are kept no more: `resync` tells the receiver their present state.
 */
export async function redeliver(command: CommandOf<"redeliver">, deps: CommandDeps) {
  const refused: { custSpaceId: string; seq: number; id: string; status: number }[] = [];
  const counts = { sent: 0, incomplete: 0, unreadable: 0 };
  const answer = (page: Page, stopped?: Stop) => ({
    command: command.command,
    ...counts,
    refused,
    ...(stopped ? { stopped } : {}),
    ...page,
  });
  const closed = await whyNotSend(deps);
  if (closed) return answer({ more: false }, closed);

  let after = command.after ?? "";
  for await (const { customer, row, isResumed } of customersFrom(command, deps.store)) {
    if (deps.budget.isOver()) return answer({ more: true, after });
    if (!row) {
      counts.unreadable += 1;
      after = customer;
      continue;
    }
    if (!isResumed && isCut(command, row)) counts.incomplete += 1;
    for (const event of wanted(command, customer, row)) {
      if (deps.budget.isOver() || refused.length === MAX_REFUSED) {
        return answer({ more: true, after });
      }
      const sent = await resend(event, deps);
      if (sent.kind === "stop") return answer({ more: true, after }, sent.stop);
      if (sent.kind === "delivered") counts.sent += 1;
      else {
        refused.push({ custSpaceId: customer, seq: event.seq, id: event.id, status: sent.status });
      }
      after = `${customer}/${event.seq}`;
    }
    after = customer;
  }
  return answer({ more: false });
}

type Visited = {
  readonly customer: string;
  /** Undefined when this version cannot read it. */
  readonly row: CustomerRow | undefined;
  /** An earlier answer stopped in the middle of this customer. */
  readonly isResumed: boolean;
};

type Choice = CommandOf<"redeliver">;

async function* customersFrom(choice: Choice, store: Store): AsyncGenerator<Visited> {
  const [last = "", seq] = (choice.after ?? "").split("/");
  const single = choice.customer ?? (seq === undefined ? undefined : last);
  if (single !== undefined) {
    const found = await readCustomerIfReadable(store, single);
    const row = found === "unreadable" ? undefined : found?.value;
    if (found) yield { customer: single, row, isResumed: seq !== undefined };
  }
  if (choice.customer !== undefined) return;
  const from = last === "" ? "" : customerKey(last);
  for await (const stored of scanAll(store, CUSTOMER_PREFIX, from, SCAN_PAGE)) {
    const customer = stored.key.slice(CUSTOMER_PREFIX.length);
    yield { customer, row: tryDecode(stored, customerRowSchema), isResumed: false };
  }
}

function wanted(choice: Choice, customer: string, row: CustomerRow): DeliveredEvent[] {
  const [last, seq] = (choice.after ?? "").split("/");
  const sentTo = last === customer && seq !== undefined ? Number(seq) : Number.NEGATIVE_INFINITY;
  const since = choice.since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(choice.since);
  const number = choice.number === undefined ? undefined : toDigits(choice.number);
  return (row.delivered ?? [])
    .filter(
      (event) =>
        event.seq > sentTo &&
        Date.parse(event.deliveredAt) >= since &&
        (number === undefined || subjectOf(event.body) === number),
    )
    .sort((a, b) => a.seq - b.seq);
}

function isCut(choice: Choice, row: CustomerRow): boolean {
  if (row.deliveredCutAt === undefined) return false;
  return choice.since === undefined || row.deliveredCutAt >= new Date(choice.since).toISOString();
}
