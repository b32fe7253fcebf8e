import { loadHttpConfig } from "../../shared/config.ts";
import { createCommonDeps } from "../../shared/deps.ts";
import { QUERY } from "../../shared/functions.js";

/** The signing module's call alone, with its check of the answer, as query makes it. */
export function createOwnCall(environment: NodeJS.ProcessEnv) {
  const deps = createCommonDeps(loadHttpConfig(environment, QUERY));
  const upstream = deps.upstreamFor({});
  return (custSpaceId: string) =>
    upstream.query({ custSpaceId }, { deadlineAt: deps.monotonic() + 10_000 });
}
