import "./real-packages.ts";
import { createRequire } from "node:module";
import { zip } from "../../../shared/deploy/archive.js";
import { createClients } from "../../../shared/deploy/clients.js";
import type { Cloud } from "../../../shared/deploy/deploy-role.js";
import { planOf } from "../../../shared/deploy/plan.js";
import { ACCOUNT, KEY } from "./account.ts";
import type { StandInCloud } from "./cloud/cloud.ts";

/** Sends this process's requests to the stand-in until what it answers is called. */
export const { reroute } = createRequire(import.meta.url)("./cloud/reroute.cjs") as {
  reroute: (port: number) => () => void;
};

const REGION = "ap-southeast-1";
export const NAMES = {
  role: "sls-waba-numbers-dev-ap-southeast-1-exec-role",
  policy: "fc-waba-numbers-dev-ap-southeast-1-access",
  project: "sls-1234567890123456-ap-southeast-1-logs",
};

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

export function archivesOf(plan: ReturnType<typeof planFor>): Map<string, Buffer> {
  const files = (file: string) => [{ name: `${file}.js`, content: Buffer.from(`// ${file}`) }];
  return new Map(plan.functions.map(({ key, file }) => [key, zip(files(file))]));
}

export type InProcess = {
  readonly cloud: Cloud;
  /** What was told to the user. */
  readonly said: string[];
  /** How long was waited, in ms of a clock that only waiting and `advance` move. */
  waited(): number;
  advance(ms: number): void;
  stop(): void;
};

/** The real clients, sent to the stand-in, on a clock that only waiting moves. */
export function connectTo({ port }: StandInCloud): InProcess {
  const stop = reroute(port);
  const said: string[] = [];
  let waited = 0;
  let startedAt = Date.now();
  return {
    cloud: {
      clients: createClients({ ...KEY, accountId: ACCOUNT }, REGION),
      clock: {
        now: () => startedAt + waited,
        sleep: async (ms) => {
          waited += ms;
        },
      },
      say: (text) => said.push(text),
    },
    said,
    waited: () => waited,
    advance: (ms) => {
      startedAt += ms;
    },
    stop,
  };
}
