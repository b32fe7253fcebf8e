import "./real-packages.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listFunctions } from "../../../shared/deploy/functions.ts";
import { deployService, removeService } from "../../../shared/deploy/service.ts";
import { ACCOUNT, KEY, SECRETS } from "./account.ts";
import { type FaultKind, type StandInCloud, startCloud } from "./cloud/cloud.ts";
import { archivesOf, connectTo, type InProcess } from "./in-process.ts";
import { planFor, serviceConfig } from "./service.ts";

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
const deploy = () => world.deploy(plan);
const remove = () =>
  removeService({ "remove-roles": true, "remove-logstore": true }, world.cloudFor(plan));
const failureOf = async (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: Error) => error,
  );
/** The calls of APIs: the functions' addresses are asked again until they answer. */
const apiCalls = () => cloud.calls().filter(({ name }) => !name.startsWith("http "));

describe("a first deployment", () => {
  it.each<[FaultKind, RegExp]>([
    ["refuse", /^Could not .+ \(InternalError, (HTTP 500, )?request id [\w-]+\)\.\n/],
    ["break", /^Could not .+ \(UnreadableAnswer/],
    ["lose", /^Could not .+ \((ECONNRESET|EPIPE)/],
  ])(
    "that meets a fault of kind %s at any one call ends alike when run again",
    async (kind, said) => {
      await deploy();
      const count = apiCalls().length;
      const undisturbed = cloud.snapshot();
      console.info(`a first deployment makes ${count} calls`);
      for (let number = 1; number <= count; number += 1) {
        await stop();
        await start();
        cloud.failCall(number, kind);
        const error = await failureOf(deploy());
        expect(error?.message, `call ${number}`).toMatch(said);
        expect(error?.message).toContain("To continue, run the same command again.");
        for (const secret of SECRETS) expect(error?.message).not.toContain(secret);
        expect(error?.cause).toBeUndefined();

        await deploy();
        expect(cloud.snapshot(), `after call ${number} failed`).toEqual(undisturbed);
      }
    },
    120_000,
  );
});

describe("a deployment over an earlier one", () => {
  const changed = planFor(
    serviceConfig(({ provider, functions }) => {
      provider.environment = { STAGE: "dev", STORE_URL: "tablestore://s-1.ap-southeast-1/waba" };
      functions.poll = { handler: "poll.handler", events: [{ timer: { cron: "@every 5m" } }] };
      delete functions.query;
    }),
  );
  const deployAdd = async () => {
    const listed = await listFunctions(world.cloudFor(changed));
    const archives = await archivesOf(changed);
    return deployService({ listed, archives, only: "add" }, world.cloudFor(changed));
  };

  it.each<[string, FaultKind, () => Promise<unknown>]>(
    (["refuse", "break", "lose"] as const).flatMap((kind) => [
      ["that changes settings and drops a function", kind, () => world.deploy(changed)],
      ["of one function", kind, deployAdd],
    ]),
  )(
    "%s, and that meets a fault of kind %s at any one call ends alike when run again",
    async (_, kind, act) => {
      await deploy();
      cloud.forget();
      await act();
      const count = apiCalls().length;
      const undisturbed = cloud.snapshot();
      for (let number = 1; number <= count; number += 1) {
        await stop();
        await start();
        await deploy();
        cloud.failCall(number, kind);
        expect(await failureOf(act()), `call ${number}`).toMatchObject({ code: "ERR_DEPLOY" });
        await act();
        expect(cloud.snapshot(), `after call ${number} failed`).toEqual(undisturbed);
      }
    },
    240_000,
  );
});

describe("a removal with roles and logs", () => {
  it.each<FaultKind>(["refuse", "break", "lose"])(
    "that meets a fault of kind %s at any one call leaves nothing when run again",
    async (kind) => {
      await deploy();
      cloud.forget();
      await remove();
      const count = apiCalls().length;
      for (let number = 1; number <= count; number += 1) {
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
    120_000,
  );
});
