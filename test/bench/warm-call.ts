import { loadHttpConfig } from "../../shared/common-config.ts";
import { createCommonDeps } from "../../shared/deps.ts";

/** The signing module's call alone, with its check of the answer, as query makes it. */
export function createOwnCall(environment: NodeJS.ProcessEnv) {
  const deps = createCommonDeps(loadHttpConfig(environment, "query"));
  const upstream = deps.upstreamFor({});
  return (custSpaceId: string) =>
    upstream.query({ custSpaceId }, { deadlineAt: deps.monotonic() + 10_000 });
}
