import "./real-packages.ts";
import { createRequire } from "node:module";
import { zip } from "../../../shared/deploy/archive.js";
import { createClients } from "../../../shared/deploy/clients.js";
import type { Cloud } from "../../../shared/deploy/deploy-role.js";
import { ACCOUNT, KEY } from "./account.ts";
import type { StandInCloud } from "./cloud/cloud.ts";
import { type planFor, REGION } from "./service.ts";

/** Sends this process's requests to the stand-in until what it answers is called. */
export const { reroute } = createRequire(import.meta.url)("./cloud/reroute.cjs") as {
  reroute: (port: number) => () => void;
};

export const NAMES = {
  role: "sls-waba-numbers-dev-ap-southeast-1-exec-role",
  policy: "fc-waba-numbers-dev-ap-southeast-1-access",
  project: "sls-1234567890123456-ap-southeast-1-logs",
};

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
