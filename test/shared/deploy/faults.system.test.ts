import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deployService } from "../../../shared/deploy/deploy-service.js";
import { removeService } from "../../../shared/deploy/remove-service.js";
import { ACCOUNT, KEY, SECRETS } from "./account.ts";
import { type FaultKind, type StandInCloud, startCloud } from "./cloud/cloud.ts";
import { archivesOf, connectTo, type InProcess } from "./in-process.ts";
import { planFor } from "./service.ts";

const FIRST_DEPLOY_CALLS = 23;
const REMOVE_CALLS = 30;

let cloud: StandInCloud;
let world: InProcess;

const start = async () => {
  cloud = await startCloud({ accountId: ACCOUNT, credentials: [KEY] });
  world = connectTo(cloud);
};
const stop = async () => {
  world.stop();
  await cloud.close();
};
beforeEach(start);
afterEach(stop);

const plan = planFor();
const deploy = () => deployService(plan, archivesOf(plan), world.cloud);
const remove = () => removeService(plan, world.cloud, { roles: true, logs: true });
const failureOf = async (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: Error) => error,
  );

describe("a first deployment", () => {
  it.each<[FaultKind, RegExp]>([
    ["refuse", /^Could not .+: InternalError, (HTTP 500, )?request id [\w-]+\. /],
    ["break", /^Could not .+: UnreadableAnswer, /],
    ["lose", /^Could not .+: (ECONNRESET|EPIPE), /],
  ])(
    "that meets a fault of kind %s at any one call ends alike when run again",
    async (kind, said) => {
      await deploy();
      expect(cloud.calls()).toHaveLength(FIRST_DEPLOY_CALLS);
      const undisturbed = cloud.snapshot();

      const named = new Set<string>();
      for (let number = 1; number <= FIRST_DEPLOY_CALLS; number += 1) {
        await stop();
        await start();
        cloud.failCall(number, kind);
        const error = await failureOf(deploy());
        expect(error?.message, `call ${number}`).toMatch(said);
        expect(error?.message).toContain("running the same command again continues");
        for (const secret of SECRETS) expect(error?.message).not.toContain(secret);
        expect(error?.cause).toBeUndefined();
        named.add(error?.message.split(":")[0] ?? "");

        await deploy();
        expect(cloud.snapshot(), `after call ${number} failed`).toEqual(undisturbed);
      }
      // Look-ups before and after a creation share their words; each other step has its own.
      expect(named.size).toBe(FIRST_DEPLOY_CALLS - 2);
    },
  );
});

describe("a removal with roles and logs", () => {
  it.each<FaultKind>(["refuse", "break", "lose"])(
    "that meets a fault of kind %s at any one call leaves nothing when run again",
    async (kind) => {
      await deploy();
      cloud.forget();
      await remove();
      expect(cloud.calls()).toHaveLength(REMOVE_CALLS);

      for (let number = 1; number <= REMOVE_CALLS; number += 1) {
        await stop();
        await start();
        await deploy();
        cloud.forget();
        cloud.failCall(number, kind);
        expect(await failureOf(remove()), `call ${number}`).toMatchObject({ code: "ERR_DEPLOY" });
        await remove();
        expect(cloud.snapshot(), `after call ${number} failed`).toEqual({
          functions: {},
          roles: {},
          policies: {},
          projects: {},
        });
      }
    },
  );
});
