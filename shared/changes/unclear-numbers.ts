import { UpstreamContractError } from "../errors.ts";
import type { CustomerRow, PendingEvent } from "../schemas/customer-row.ts";
import { QUERY_NUMBERS } from "../signing/operations.ts";
import type { DecisionInput } from "./customer-read.ts";
import { afterFailedRead, afterGoodRead, type FailureUpdate } from "./failure.ts";
import { MAX_PENDING_EVENTS } from "./limits.ts";

const CONTRADICTION = /* @__PURE__ */ new UpstreamContractError({ action: QUERY_NUMBERS.action });

/**
 * The row after a read in which these numbers stand in two rows that contradict each other. Each is
 * stale by itself if that lasts, and recovers by itself. Undefined when nothing is new.
 *
 * @param isComplete whether a number that is not unclear is known to have one clear row or none
 */
export function updateUnclear(
  input: DecisionInput,
  unclear: ReadonlySet<string>,
  isComplete: boolean,
): FailureUpdate | undefined {
  const known = Object.keys(input.row.unclear ?? {});
  const ended = isComplete ? known.filter((phoneNumber) => !unclear.has(phoneNumber)) : [];
  let row: CustomerRow = input.row;
  const events: PendingEvent[] = [];
  for (const phoneNumber of [...unclear, ...ended]) {
    // The next read finds the same.
    if (row.pending.length >= MAX_PENDING_EVENTS) break;
    const failure = row.unclear?.[phoneNumber];
    const one = { ...input, now: input.readAt, phoneNumber, row: { ...row, failure } };
    const update = unclear.has(phoneNumber)
      ? afterFailedRead(one, CONTRADICTION, 0)
      : afterGoodRead(one);
    if (!update) continue;
    row = { ...update.row, failure: row.failure, unclear: withOne(row, phoneNumber, update.row) };
    events.push(...update.events);
  }
  return row === input.row ? undefined : { row, events };
}

function withOne(
  { unclear }: CustomerRow,
  phoneNumber: string,
  { failure }: CustomerRow,
): CustomerRow["unclear"] {
  const { [phoneNumber]: _before, ...others } = unclear ?? {};
  const all = failure ? { ...others, [phoneNumber]: failure } : others;
  return Object.keys(all).length > 0 ? all : undefined;
}
