import { planOf } from "../../../shared/deploy/plan.js";
import { ACCOUNT } from "./account.ts";

export const REGION = "ap-southeast-1";

type Config = Parameters<typeof planOf>[0];

/** The service as serverless.yml has it, in short. */
export function serviceConfig(change: (config: Config) => void = () => undefined): Config {
  const config: Config = {
    provider: {
      environment: { STAGE: "dev" },
      ramRoleStatements: [
        { Effect: "Allow", Action: ["cams:QueryChatappPhoneNumbers"], Resource: "*" },
      ],
    },
    functions: {
      add: { handler: "add.handler", events: [{ http: { method: "post", path: "/add" } }] },
      query: { handler: "query.handler", events: [{ http: { method: "get", path: "/query" } }] },
      poll: {
        handler: "poll.handler",
        cpu: 0.1,
        timeout: 75,
        reservedConcurrency: 2,
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
  config: Config = serviceConfig(),
  target: Partial<Parameters<typeof planOf>[1]> = {},
) {
  return planOf(config, {
    service: "waba-numbers",
    stage: "dev",
    region: REGION,
    accountId: ACCOUNT,
    ...target,
  });
}
