import { type Plan, planOf, type ServiceConfig } from "../../../shared/deploy/plan.ts";
import { ACCOUNT } from "./account.ts";

const REGION = "ap-southeast-1";

type Entries = Record<string, Record<string, unknown>>;
type Config = { provider: Record<string, unknown>; functions: Entries };

/** The service as serverless.yml has it, in short. */
export function serviceConfig(change: (config: Config) => void = () => undefined): ServiceConfig {
  const config: Config = {
    provider: { environment: { STAGE: "dev" } },
    functions: {
      add: { handler: "add.handler", events: [{ http: { method: "post", path: "/add" } }] },
      query: { handler: "query.handler", events: [{ http: { method: "get", path: "/query" } }] },
      poll: {
        handler: "poll.handler",
        cpu: 0.1,
        timeout: 75,
        maximumRetryAttempts: 0,
        maximumEventAge: 60,
        events: [{ timer: { cron: "@every 1m" } }],
      },
    },
  };
  change(config);
  return config;
}

export function planFor(
  config: ServiceConfig = serviceConfig(),
  target: Partial<Plan["target"]> = {},
): Plan {
  return planOf(config, {
    service: "waba-numbers",
    stage: "dev",
    region: REGION,
    accountId: ACCOUNT,
    ...target,
  });
}
