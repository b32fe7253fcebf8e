import "./real-packages.ts";
import { createRequire } from "node:module";
import { zip } from "../../../shared/bundle/bundle.ts";
import { createClients } from "../../../shared/deploy/clients.ts";
import { type Cloud, createHider } from "../../../shared/deploy/cloud.ts";
import { listFunctions } from "../../../shared/deploy/functions.ts";
import type { Plan } from "../../../shared/deploy/plan.ts";
import type { Deployed } from "../../../shared/deploy/service.ts";
import { deployService } from "../../../shared/deploy/service.ts";
import { KEY, SECRETS } from "./account.ts";
import type { StandInCloud } from "./cloud/cloud.ts";
import { planFor } from "./service.ts";

/** Sends this process's requests to the stand-in until what it answers is called. */
const { reroute } = createRequire(import.meta.url)("./cloud/reroute.cjs") as {
  reroute: (port: number) => () => void;
};

/** The role and policy of a function of the stage dev. */
export const roleOf = (key: string) => `sls-waba-numbers-dev-ap-southeast-1-${key}`;
export const policyOf = (key: string) => `fc-waba-numbers-dev-ap-southeast-1-${key}`;
export const PROJECT = "sls-1234567890123456-ap-southeast-1-logs";

export async function archivesOf({ functions }: Plan): Promise<Map<string, Buffer>> {
  const files = (file: string) => [{ name: `${file}.js`, content: Buffer.from(`// ${file}`) }];
  const archives = functions.map(async ({ key, file }) => [key, await zip(files(file))] as const);
  return new Map(await Promise.all(archives));
}

export type InProcess = {
  /** Of a plan, as the command has it. */
  cloudFor(plan: Plan): Cloud;
  /** What the user was shown. */
  readonly said: string[];
  /** How long was waited, in ms of a clock that only waiting moves. */
  waited(): number;
  /** Lists what is there and brings it to the plan, as the command does. */
  deploy(plan: Plan): Promise<Deployed[]>;
  stop(): void;
};

/** The real clients, sent to the stand-in, on a clock that only waiting moves. */
export function connectTo({ port }: StandInCloud): InProcess {
  const stop = reroute(port);
  const said: string[] = [];
  let waited = 0;
  const startedAt = Date.now();
  const hide = createHider(SECRETS);
  const { target } = planFor();
  const cloud: Omit<Cloud, "plan"> = {
    again: "npx serverless x --stage dev",
    clients: createClients(KEY, target, hide),
    clock: {
      now: () => startedAt + waited,
      sleep: async (ms) => {
        waited += ms;
      },
    },
    say: (text) => said.push(text),
    hide,
  };
  return {
    cloudFor: (plan) => ({ ...cloud, plan }),
    said,
    waited: () => waited,
    deploy: async (plan) => {
      const listed = await listFunctions({ ...cloud, plan });
      return deployService({ listed, archives: await archivesOf(plan) }, { ...cloud, plan });
    },
    stop,
  };
}
