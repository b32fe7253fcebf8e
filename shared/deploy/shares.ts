import type { Config } from "../config.ts";
import { POLL, QUERY } from "../functions.js";
import type { Finding } from "./doctor.ts";

/** Calls a second that an account has for one operation, by the operation's page. */
const ACCOUNT_QPS = 10;
/** For the query after an unclear add, and for commands. */
const SPARE_QPS = 1;

/**
 * A warning if query, poll and what is left for the rest come to more calls than the account has.
 *
 * @param instances the most that query has at a time
 */
export function checkShares(
  configs: ReadonlyMap<string, Config>,
  instances: number | undefined,
): Finding[] {
  const query = configs.get(QUERY.name);
  const poll = configs.get(POLL.name);
  if (!query || !poll || instances === undefined) return [];
  const live = instances * query.queryQps;
  const sum = poll.qps + live + SPARE_QPS;
  if (sum <= ACCOUNT_QPS) return [];
  const text =
    `the shares come to ${sum} calls a second, and an account has ${ACCOUNT_QPS}: ` +
    `UPSTREAM_QPS ${poll.qps}, live queries ${live} (reservedConcurrency ${instances} x QUERY_QPS ${query.queryQps}), ` +
    `${SPARE_QPS} for adds and commands. Lower one, or have the limit raised in the Quota Center`;
  return [{ state: "warning", text }];
}
