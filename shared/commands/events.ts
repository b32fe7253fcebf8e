import { loadHistory } from "../customers/history.ts";
import { maskNumber } from "../log.ts";
import type { EventsCommand } from "../schemas/command.ts";
import type { DeliveredEvent } from "../schemas/customer-row.ts";
import type { CommandDeps } from "./command-deps.ts";
import { findCustomers } from "./customer-rows.ts";
import { takePage } from "./page.ts";
import { subjectOf } from "./resend.ts";

/** Rows may hold half a megabyte of pending events each. */
const SCAN_PAGE = 20;
const MAX_EVENTS = 1_000;

/**
 * Events that the receiver accepted at a time or later, by customer, without their values. At least
 * a customer's last 20 are kept. Writes nothing.
 */
export async function listEvents({ since, after }: EventsCommand, deps: CommandDeps) {
  const events: object[] = [];
  const isFull = () => events.length >= MAX_EVENTS || deps.budget.isOver();
  const found = findCustomers(deps.store, { after, pageSize: SCAN_PAGE });
  const page = await takePage(found, after, isFull, async ({ customer, stored }) => {
    if (!stored) return undefined;
    const history = await loadHistory(deps.store, customer, stored.value, since);
    events.push(...history.events.map((event) => describeEvent(customer, event)));
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
