import { createLog } from "../../../shared/log.ts";
import { discover } from "../../../shared/polling/discovery.ts";
import {
  type DiscoverProgress,
  discoverProgressSchema,
  newDiscoverProgress,
} from "../../../shared/schemas/discovery.ts";
import type { CallLimiter, Upstream } from "../../../shared/signing/upstream.ts";
import type { Store } from "../../../shared/store/store.ts";
import { createFakeUpstream, type FakeReply } from "../../support/fake-upstream.ts";
import { createTestStore } from "../../support/memory-store.ts";

/** 2026-01-01T00:00:00Z */
export const T0 = 1_767_225_600_000;
export const HOUR = 3_600_000;
/** Lets every call through at once. */
export const OPEN: CallLimiter = { acquire: async () => true, release: () => undefined };

/** `s001`, `s002`, … */
export const ids = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => `s${String(from + n).padStart(3, "0")}`);

/** A page of these customers, and the count of all if it is given. */
export const page = (custSpaceIds: readonly string[], total?: number) => ({
  Data: custSpaceIds.map((CustSpaceId) => ({ CustSpaceId })),
  TotalCount: total,
});

/** Discovery run by run, over a memory store. The upstream replies from `pages` unless given. */
export function createScene(given?: Pick<Upstream, "listInstances">) {
  const store = createTestStore();
  const lines: Record<string, unknown>[] = [];
  const pagesRead: number[] = [];
  const pages = new Map<number, FakeReply>();
  const upstream = createFakeUpstream({
    listInstances({ params }) {
      const pageIndex = Number(params.pageIndex);
      pagesRead.push(pageIndex);
      return pages.get(pageIndex) ?? page([]);
    },
  });
  const scene = {
    store: store as Store,
    lines,
    pagesRead,
    nowMs: T0,
    monotonicMs: 0,
    /** Replies by page. Any other page is empty. */
    pages,
    progress: newDiscoverProgress(),
    limiter: OPEN,
    upstream: given ?? upstream,
    /** One run's share. Resolves to how many customers were new. */
    async run() {
      pagesRead.length = 0;
      lines.length = 0;
      const log = createLog({
        level: "info",
        now: () => scene.nowMs,
        write: (line) => void lines.push(JSON.parse(line)),
      });
      const found = await discover(
        {
          store: scene.store,
          upstream: scene.upstream,
          now: () => scene.nowMs,
          monotonic: () => scene.monotonicMs,
          log,
        },
        { limiter: scene.limiter, deadlineAt: 50_000, progress: scene.progress },
      );
      // As it comes back out of the lease's row.
      const stored = JSON.parse(JSON.stringify(found.progress));
      scene.progress = discoverProgressSchema.parse(stored) as DiscoverProgress;
      return found.added;
    },
    async customers() {
      return (await store.scan("c/", "", 100_000)).map(({ key }) => key.slice(2));
    },
    row: async (customer: string) => (await store.get(`c/${customer}`))?.value,
  };
  return scene;
}
