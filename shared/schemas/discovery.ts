import * as z from "zod/mini";

/** Where the listing of customer spaces stands, from run to run. */
export const discoverProgressSchema = z.looseObject({
  /** The page to read next, from 1. */
  page: z.number(),
  /** Rows on the pages before it: the upstream may give fewer a page than asked for. */
  seen: z.number(),
  /** Runs that have failed at this page. */
  tries: z.number(),
  /** When this listing began: wall clock, ms; 0 before the first. */
  startedAt: z.number(),
  /** Whether it has come to its end. */
  done: z.boolean(),
});

export type DiscoverProgress = z.infer<typeof discoverProgressSchema>;

/** Before the first listing: one is due at once. */
export function newDiscoverProgress(): DiscoverProgress {
  return { page: 1, seen: 0, tries: 0, startedAt: 0, done: true };
}
