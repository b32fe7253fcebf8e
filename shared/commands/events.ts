import { maskNumber } from "../log.ts";
import type { EventsCommand } from "../schemas/command.ts";
import type { DeliveredEvent } from "../schemas/customer-row.ts";
import type { CommandDeps } from "./command-deps.ts";
import { findCustomers } from "./customer-rows.ts";
import { takePage } from "./page.ts";
import { subjectOf } from "./resend.ts";

/** Rows hold up to 64 KB of delivered events each. */
const SCAN_PAGE = 20;
const MAX_EVENTS = 1_000;

/**
 * Events that the receiver accepted at a time or later, by customer, without their values. A row
 * keeps a customer's last 20 events. Writes nothing.
 */
export async function listEvents({ since, after }: EventsCommand, deps: CommandDeps) {
  const events: object[] = [];
  const isFull = () => events.length >= MAX_EVENTS || deps.budget.isOver();
  const found = findCustomers(deps.store, { after, pageSize: SCAN_PAGE });
  const page = await takePage(found, after, isFull, ({ customer, stored }) => {
    const delivered = stored?.value.delivered ?? [];
    const chosen = delivered.filter((one) => Date.parse(one.deliveredAt) >= Date.parse(since));
    events.push(...chosen.map((event) => describeEvent(customer, event)));
    return undefined;
  });
  return { events, ...page };
}

function describeEvent(custSpaceId: string, { id, seq, type, body, deliveredAt }: DeliveredEvent) {
  const { data } = JSON.parse(body) as { readonly data?: { readonly severity?: unknown } };
  const subject = subjectOf(body);
  const phoneNumber = subject && /^\d+$/.test(subject) ? maskNumber(subject) : undefined;
  return { deliveredAt, id, seq, type, custSpaceId, phoneNumber, severity: data?.severity };
}
