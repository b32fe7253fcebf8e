import { ensureWatched } from "../customers/watch-list.ts";
import { isAppError } from "../errors.ts";
import { describeError, type Log } from "../log.ts";
import { customerKey } from "../schemas/customer-row.ts";
import type { DiscoverProgress } from "../schemas/discovery.ts";
import type { CallLimiter, ListInstancesReply, Upstream } from "../signing/upstream.ts";
import { dueInMs } from "./due.ts";
import type { RunDeps } from "./settings.ts";

const PAGE_SIZE = 100;
const EVERY_MS = 3_600_000;
/** Enough to list 100,000 customers within half an hour. */
const PAGES_PER_RUN = 40;
/** An upstream that ignores the page number would never come to an end. */
const LAST_PAGE = 10_000;
/** After so many tries a malformed row no longer hides the customers on the pages after it. */
const TRIES_FOR_WHOLE_PAGE = 3;
const STORE_CALLS_AT_ONCE = 10;

export type DiscoverDeps = Pick<RunDeps, "store" | "now" | "monotonic"> & {
  readonly upstream: Pick<Upstream, "listInstances">;
  readonly log: Pick<Log, "warn">;
};

export type DiscoverOptions = {
  readonly limiter: CallLimiter;
  /** On the monotonic clock, in ms: no page begins from then on. */
  readonly deadlineAt: number;
  readonly progress: DiscoverProgress;
  /** Gets each customer that is newly watched. */
  readonly onNew?: (customer: string) => void;
};

export type Discovery = {
  /** Where the next run continues. */
  readonly progress: DiscoverProgress;
  /** Customers that are newly watched. */
  readonly added: number;
};

type Page =
  | { readonly kind: "read"; readonly reply: ListInstancesReply }
  | { readonly kind: "denied"; readonly error: unknown }
  | { readonly kind: "failed"; readonly error: unknown };

/**
 * Lists the account's WhatsApp customer spaces (`ListInstance`) and watches new ones: at most once
 * an hour, over as many runs as it takes. A customer that is known, or that an operator removed,
 * stays as it is. A page that fails is logged, and the next run reads it again. A listing that is
 * still stuck after an hour starts over. If the account may not list (RAM action
 * `cams:ListInstance`), that costs one warning an hour and nothing else.
 *
 * @throws store errors alone
 */
export async function discover(deps: DiscoverDeps, options: DiscoverOptions): Promise<Discovery> {
  let progress = beginIfDue(options.progress, deps.now());
  let added = 0;
  for (let pages = 0; pages < PAGES_PER_RUN; pages += 1) {
    if (progress.done || deps.monotonic() >= options.deadlineAt) break;
    const page = await readPage(progress.page, deps, options);
    if (!page) break;
    if (page.kind === "read") added += await watchNew(customersOf(page.reply), deps, options.onNew);
    progress = afterPage(progress, page, deps);
    if (progress.tries > 0) break;
  }
  return { progress, added };
}

function beginIfDue(progress: DiscoverProgress, now: number): DiscoverProgress {
  const isStuck = progress.tries > 0;
  const isDue = (progress.done || isStuck) && dueInMs(progress.startedAt, EVERY_MS, now) === 0;
  if (!isDue) return progress;
  return { ...progress, page: 1, seen: 0, tries: 0, startedAt: now, done: false };
}

/** Undefined when the rate limiter has ended: nothing is wrong, but there is no time left. */
async function readPage(
  pageIndex: number,
  deps: DiscoverDeps,
  { limiter, deadlineAt }: DiscoverOptions,
): Promise<Page | undefined> {
  try {
    const params = { pageIndex, pageSize: PAGE_SIZE };
    const reply = await deps.upstream.listInstances(params, { limiter, deadlineAt });
    return { kind: "read", reply };
  } catch (error) {
    if (!isAppError(error) || !error.code.startsWith("ERR_UPSTREAM_")) throw error;
    if (error.code === "ERR_UPSTREAM_NOT_SENT") return undefined;
    return { kind: error.code === "ERR_UPSTREAM_ACCOUNT" ? "denied" : "failed", error };
  }
}

/** Where the listing is after a page, with a warning if that page was not good. */
function afterPage(
  progress: DiscoverProgress,
  page: Page,
  { log, now }: DiscoverDeps,
): DiscoverProgress {
  if (page.kind === "denied") {
    const message = "customer spaces cannot be listed for an hour: allow cams:ListInstance";
    log.warn(message, describeError(page.error));
    // Counted from now on, so that the warning comes once an hour wherever the listing stood.
    return { ...progress, startedAt: now(), done: true };
  }
  if (page.kind === "failed") {
    const facts = { ...describeError(page.error), page: progress.page };
    log.warn("page of customer spaces failed", facts);
    return { ...progress, tries: progress.tries + 1 };
  }
  const { instances, malformed, requestId } = page.reply;
  const next = afterReply(progress, page.reply);
  if (next.tries > 0 || malformed > 0) {
    const hasList = instances !== undefined;
    const facts = { page: progress.page, malformed, hasList, requestId };
    log.warn("page of customer spaces is not whole", facts);
  }
  if (next.page <= LAST_PAGE) return next;
  log.warn("listing of customer spaces has no end", { page: next.page });
  return { ...next, done: true };
}

/** A page is done, was the last one, or is to be read again. */
function afterReply(progress: DiscoverProgress, reply: ListInstancesReply): DiscoverProgress {
  const { page, seen, tries } = progress;
  const { instances, total, malformed } = reply;
  // A page past the end may well hold no list.
  const isPastEnd = total !== undefined && seen >= total;
  const isBroken = malformed > 0 && tries + 1 < TRIES_FOR_WHOLE_PAGE;
  if ((!instances && !isPastEnd) || isBroken) return { ...progress, tries: tries + 1 };
  const rows = (instances?.length ?? 0) + malformed;
  // Without a total only an empty page is the end: how many a page may hold is not documented.
  const done = rows === 0 || (total !== undefined && seen + rows >= total);
  return { ...progress, page: page + 1, seen: seen + rows, tries: 0, done };
}

/** The filter's letter case is not documented, so rows of another channel are left out here too. */
function customersOf(reply: ListInstancesReply): string[] {
  const ids = (reply.instances ?? [])
    .filter(({ channelType }) => (channelType ?? "whatsapp").toLowerCase() === "whatsapp")
    .map(({ custSpaceId }) => custSpaceId);
  return [...new Set(ids)];
}

async function watchNew(
  customers: readonly string[],
  deps: DiscoverDeps,
  onNew?: (customer: string) => void,
): Promise<number> {
  const { store, now } = deps;
  const watchOne = async (customer: string): Promise<number> => {
    // Nearly all are known, and a refused write costs as much as an accepted one.
    if (await store.get(customerKey(customer))) return 0;
    await ensureWatched(store, [customer], new Set(), now, onNew);
    return 1;
  };
  let added = 0;
  for (let from = 0; from < customers.length; from += STORE_CALLS_AT_ONCE) {
    const some = customers.slice(from, from + STORE_CALLS_AT_ONCE);
    for (const one of await Promise.all(some.map(watchOne))) added += one;
  }
  return added;
}
