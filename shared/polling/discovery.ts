import { ensureWatched } from "../customers/watch-list.ts";
import { isAppError } from "../errors.ts";
import { describeError, type Log } from "../log.ts";
import { observeAcquire } from "../pacing/rate-limiter.ts";
import { customerKey } from "../schemas/customer-row.ts";
import type { DiscoverProgress } from "../schemas/discovery.ts";
import type { CallLimiter, ListInstancesReply, Upstream } from "../signing/upstream.ts";
import type { Store } from "../store/store.ts";

const PAGE_SIZE = 100;
const EVERY_MS = 3_600_000;
/** 100,000 customers are listed within the hour, and a run gives no more than this to it. */
const PAGES_PER_TICK = 40;
/** An upstream that takes no notice of the page's number would never come to an end. */
const LAST_PAGE = 10_000;
/** Failed tries, after which a malformed row no longer hides the customers on the pages after it. */
const TRIES_FOR_WHOLE_PAGE = 3;
const STORE_CALLS_AT_ONCE = 10;

export type DiscoverDeps = {
  readonly store: Store;
  readonly upstream: Pick<Upstream, "listInstances">;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly log: Pick<Log, "warn">;
};

export type DiscoverOptions = {
  readonly limiter: CallLimiter;
  /** On the monotonic clock, in ms: no page is begun from then on. */
  readonly deadlineAt: number;
  readonly progress: DiscoverProgress;
};

export type Discovery = {
  /** What the next run goes on from. */
  readonly progress: DiscoverProgress;
  /** Customers that are newly watched. */
  readonly added: number;
};

type Page =
  | { readonly kind: "read"; readonly reply: ListInstancesReply }
  /** The rate limiter has ended: nothing is wrong, but there is no time left. */
  | { readonly kind: "over" }
  | { readonly kind: "denied"; readonly error: unknown }
  | { readonly kind: "failed"; readonly error: unknown };

/**
 * Lists the account's WhatsApp customer spaces (`ListInstance`) and watches new ones: at most once
 * an hour, over as many runs as it takes. A customer that is known, or that an operator took off,
 * is left as it is. A page that fails is logged and read again by the next run; a listing that is
 * still stuck after an hour begins anew. When the account may not list (RAM action
 * `cams:ListInstance`), that is one warning an hour and nothing else.
 *
 * @throws store errors alone
 */
export async function discover(deps: DiscoverDeps, options: DiscoverOptions): Promise<Discovery> {
  let progress = beginIfDue(options.progress, deps.now());
  let added = 0;
  for (let pages = 0; pages < PAGES_PER_TICK; pages += 1) {
    if (progress.done || deps.monotonic() >= options.deadlineAt) break;
    const page = await readPage(progress.page, deps, options);
    if (page.kind === "over") break;
    if (page.kind === "denied") {
      deps.log.warn(
        "customer spaces cannot be listed for an hour: allow cams:ListInstance",
        describeError(page.error),
      );
      // From now on, so that the warning comes once an hour wherever the listing stood.
      progress = { ...progress, startedAt: deps.now(), done: true };
      break;
    }
    if (page.kind === "read") {
      added += await watchNew(customersOf(page.reply), deps);
      const next = advance(progress, page.reply);
      if (next.tries > 0 || page.reply.malformed > 0) warnOfPage(progress, page.reply, deps);
      progress = next;
    } else {
      deps.log.warn("page of customer spaces failed", {
        ...describeError(page.error),
        page: progress.page,
      });
      progress = { ...progress, tries: progress.tries + 1 };
    }
    if (progress.tries > 0) break;
    if (progress.page > LAST_PAGE) {
      deps.log.warn("listing of customer spaces has no end", { page: progress.page });
      progress = { ...progress, done: true };
    }
  }
  return { progress, added };
}

function beginIfDue(progress: DiscoverProgress, now: number): DiscoverProgress {
  const age = now - progress.startedAt;
  const isStuck = progress.tries > 0;
  // A listing that began in the future tells of a clock that was wrong: it must not stop discovery.
  const isDue = (progress.done || isStuck) && (age < 0 || age >= EVERY_MS);
  return isDue
    ? { ...progress, page: 1, seen: 0, tries: 0, startedAt: now, done: false }
    : progress;
}

async function readPage(
  pageIndex: number,
  deps: DiscoverDeps,
  { limiter, deadlineAt }: DiscoverOptions,
): Promise<Page> {
  let isRefused = false;
  const observed = observeAcquire(limiter, (isGranted) => {
    isRefused = !isGranted;
  });
  try {
    const params = { pageIndex, pageSize: PAGE_SIZE };
    const reply = await deps.upstream.listInstances(params, { limiter: observed, deadlineAt });
    return { kind: "read", reply };
  } catch (error) {
    if (isRefused) return { kind: "over" };
    if (!isAppError(error) || !error.code.startsWith("ERR_UPSTREAM_")) throw error;
    return { kind: error.code === "ERR_UPSTREAM_ACCOUNT" ? "denied" : "failed", error };
  }
}

/** What is known after a page: it is passed, was the last one, or is to be read again. */
function advance(progress: DiscoverProgress, reply: ListInstancesReply): DiscoverProgress {
  const { page, seen, tries } = progress;
  const { instances, total, malformed } = reply;
  // A page past the end may well hold no list.
  const isPastEnd = total !== undefined && seen >= total;
  if (!instances && !isPastEnd) return { ...progress, tries: tries + 1 };
  if (malformed > 0 && tries + 1 < TRIES_FOR_WHOLE_PAGE) return { ...progress, tries: tries + 1 };
  const rows = (instances?.length ?? 0) + malformed;
  // Without a total only an empty page is the end: how many a page may hold is not documented.
  const done = rows === 0 || (total !== undefined && seen + rows >= total);
  return { ...progress, page: page + 1, seen: seen + rows, tries: 0, done };
}

function warnOfPage(progress: DiscoverProgress, reply: ListInstancesReply, deps: DiscoverDeps) {
  deps.log.warn("page of customer spaces is not whole", {
    page: progress.page,
    malformed: reply.malformed,
    hasList: reply.instances !== undefined,
    requestId: reply.requestId,
  });
}

/** The filter's letter case is not documented, so rows of another channel are left out here too. */
function customersOf(reply: ListInstancesReply): string[] {
  const ids = (reply.instances ?? [])
    .filter(({ channelType }) => (channelType ?? "whatsapp").toLowerCase() === "whatsapp")
    .map(({ custSpaceId }) => custSpaceId);
  return [...new Set(ids)];
}

async function watchNew(customers: readonly string[], deps: DiscoverDeps): Promise<number> {
  const { store, now } = deps;
  const watchOne = async (customer: string): Promise<number> => {
    // A look first: nearly all are known, and a refused write costs as much as one that is taken.
    if (await store.get(customerKey(customer))) return 0;
    await ensureWatched(store, [customer], new Set(), now);
    return 1;
  };
  let added = 0;
  for (let from = 0; from < customers.length; from += STORE_CALLS_AT_ONCE) {
    const some = customers.slice(from, from + STORE_CALLS_AT_ONCE);
    for (const one of await Promise.all(some.map(watchOne))) added += one;
  }
  return added;
}
