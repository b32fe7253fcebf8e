import { afterEach, describe, expect, it } from "vitest";
import { deployService } from "../../shared/deploy/deploy-service.js";
import { removeService } from "../../shared/deploy/remove-service.js";
import { ACCOUNT, KEY } from "./cli.ts";
import { type CloudOptions, type StandInCloud, startCloud } from "./cloud/cloud.ts";
import {
  archivesOf,
  connectTo,
  type InProcess,
  NAMES,
  planFor,
  serviceConfig,
} from "./in-process.ts";

let cloud: StandInCloud;
let world: InProcess;

const start = async (options: Partial<CloudOptions> = {}) => {
  cloud = await startCloud({ accountId: ACCOUNT, credentials: [KEY], ...options });
  world = connectTo(cloud);
};
afterEach(async () => {
  world.stop();
  await cloud.close();
});

const deploy = (plan = planFor(), options: { only?: string } = {}) =>
  deployService(plan, archivesOf(plan), world.cloud, options);
const everything = { roles: true, logs: true };
const callNames = () => cloud.calls().map(({ name }) => name);

describe("waiting for what was just made", () => {
  it("goes on asking while a new role, project and function are not known everywhere", async () => {
    await start({ roleUnknownFor: 3, projectUnseenFor: 2, functionPendingReads: 2 });
    await deploy();
    expect([...cloud.state.functions.keys()]).toEqual([
      "waba-numbers-dev-add",
      "waba-numbers-dev-query",
      "waba-numbers-dev-poll",
    ]);
    expect(world.waited()).toBeLessThan(15_000);
    expect(
      callNames().filter((name) => name === "fc CreateFunction waba-numbers-dev-add"),
    ).toHaveLength(4);
  });

  it("takes no time when there is nothing to wait for", async () => {
    await start();
    await deploy();
    expect(world.waited()).toBe(0);
  });

  it("ends after 90 s with the refusal that lasted", async () => {
    await start({ roleUnknownFor: Number.POSITIVE_INFINITY });
    await expect(deploy()).rejects.toThrow(
      "Could not create the function waba-numbers-dev-add: InvalidArgument, HTTP 400,",
    );
    expect(world.waited()).toBeGreaterThan(90_000);
    expect(world.waited()).toBeLessThan(100_000);
  });

  it("does not repeat a refusal when role and logs are old", async () => {
    await start();
    await deploy();
    for (const [name, role] of cloud.state.roles) {
      cloud.state.roles.set(name, { ...role, createdAt: Date.now() - 200_000, unknownFor: 1 });
    }
    await expect(deploy()).rejects.toThrow("Could not update the function waba-numbers-dev-add");
    expect(world.waited()).toBe(0);
  });
});

describe("a later deployment", () => {
  it("changes the policy by a new version, and keeps RAM's limit of five", async () => {
    await start();
    for (let round = 1; round <= 7; round += 1) {
      const config = serviceConfig((given) => {
        given.provider.ramRoleStatements.push({
          Effect: "Allow",
          Action: ["ots:GetRow"],
          Resource: [`acs:ots:*:*:instance/store-${round}`],
        });
      });
      await deploy(planFor(config));
    }
    const versions = cloud.state.policies.get(NAMES.policy)?.versions ?? [];
    expect(versions.map(({ id, isDefault }) => [id, isDefault])).toEqual([
      ["v3", false],
      ["v4", false],
      ["v5", false],
      ["v6", false],
      ["v7", true],
    ]);
    expect(versions.at(-1)?.document).toContain("instance/store-7");
  });

  it("writes no policy when it holds the same in another order", async () => {
    await start();
    await deploy();
    const [version] = cloud.state.policies.get(NAMES.policy)?.versions ?? [];
    const { Version, Statement } = JSON.parse(version?.document ?? "") as Record<string, unknown>;
    const policy = cloud.state.policies.get(NAMES.policy);
    policy?.versions.splice(0, 1, {
      id: "v1",
      document: JSON.stringify({ Statement, Version }, null, 2),
      isDefault: true,
    });
    cloud.forget();
    await deploy();
    expect(callNames().filter((name) => /^ram (Create|Attach)/.test(name))).toEqual([]);
  });

  it("takes limits and triggers away that are no longer asked for", async () => {
    await start();
    await deploy();
    const config = serviceConfig(({ functions }) => {
      functions.poll = { handler: "poll.handler", events: [] };
    });
    await deploy(planFor(config));
    const poll = cloud.state.functions.get("waba-numbers-dev-poll");
    expect(poll?.concurrency).toBeUndefined();
    expect(poll?.asyncConfig).toBeUndefined();
    expect([...(poll?.triggers.keys() ?? [])]).toEqual([]);
  });

  it("leaves a trigger alone that was added by hand", async () => {
    await start();
    await deploy();
    const triggers = cloud.state.functions.get("waba-numbers-dev-poll")?.triggers;
    const timer = triggers?.get("timer");
    if (timer) triggers?.set("by-hand", { ...timer, triggerName: "by-hand", description: "" });
    await deploy();
    expect([...(triggers?.keys() ?? [])]).toEqual(["timer", "by-hand"]);
  });

  it("of one function touches no other, and deletes none", async () => {
    await start();
    await deploy();
    cloud.forget();
    const config = serviceConfig(({ functions }) => {
      delete functions.add;
    });
    await deploy(planFor(config), { only: "query" });
    const writes = callNames().filter((name) => /^fc (Create|Update|Delete|Put)/.test(name));
    expect(writes).toEqual([
      "fc UpdateFunction waba-numbers-dev-query",
      "fc DeleteConcurrencyConfig waba-numbers-dev-query",
      "fc DeleteAsyncInvokeConfig waba-numbers-dev-query",
    ]);
    expect(cloud.state.functions.has("waba-numbers-dev-add")).toBe(true);
  });
});

describe("another service", () => {
  const neighbour = { service: "waba", stage: "numbers-dev" };

  it("whose names come out the same is refused before anything is written", async () => {
    await start();
    await deploy();
    cloud.forget();
    await expect(deploy(planFor(serviceConfig(), neighbour))).rejects.toThrow(
      `The role ${NAMES.role} exists and is not of service waba in stage numbers-dev`,
    );
    expect(callNames()).toEqual([`ram GetRole ${NAMES.role}`]);
  });

  it("whose names come out the same cannot remove anything", async () => {
    await start();
    await deploy();
    const before = cloud.snapshot();
    const plan = planFor(serviceConfig(), neighbour);
    await expect(removeService(plan, world.cloud, everything)).rejects.toThrow(
      "is not of service waba",
    );
    expect(cloud.snapshot()).toEqual(before);
  });

  it("with a longer name keeps all that it has when this one is removed", async () => {
    await start();
    const longer = planFor(serviceConfig(), { stage: "dev-add" });
    await deploy(longer);
    const alone = cloud.snapshot();
    await deploy();
    await removeService(planFor(), world.cloud, everything);
    expect(cloud.snapshot()).toEqual(alone);
    expect([...(cloud.state.projects.get(NAMES.project)?.stores.keys() ?? [])]).toEqual([
      "waba-numbers-dev-add",
    ]);
  });

  it("or a person, who made a function of that name, keeps it", async () => {
    await start();
    await deploy();
    const add = cloud.state.functions.get("waba-numbers-dev-add");
    if (add) {
      cloud.state.functions.set("waba-numbers-dev-add", {
        ...add,
        settings: { ...add.settings, description: "made in the console" },
      });
    }
    await expect(deploy()).rejects.toThrow(
      "The function waba-numbers-dev-add exists and was not made by this service and stage",
    );
    await removeService(planFor(), world.cloud, everything);
    expect([...cloud.state.functions.keys()]).toEqual(["waba-numbers-dev-add"]);
  });
});

describe("a removal", () => {
  it("keeps role, policy and logs unless they are asked for", async () => {
    await start();
    await deploy();
    await removeService(planFor(), world.cloud, { roles: false, logs: false });
    expect(cloud.state.functions.size).toBe(0);
    expect([...cloud.state.roles.keys()]).toEqual([NAMES.role]);
    expect([...cloud.state.policies.keys()]).toEqual([NAMES.policy]);
    expect(cloud.state.projects.get(NAMES.project)?.stores.size).toBe(1);
  });

  it("of what is not there does nothing", async () => {
    await start();
    await removeService(planFor(), world.cloud, everything);
    expect(world.said).toContain("No functions to delete");
    expect(callNames().filter((name) => /(Create|Put|Update)/.test(name))).toEqual([]);
  });
});
