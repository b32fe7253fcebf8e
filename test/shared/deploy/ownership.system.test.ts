import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listFunctions } from "../../../shared/deploy/functions.ts";
import { deployService, removeService } from "../../../shared/deploy/service.ts";
import { ACCOUNT, KEY } from "./account.ts";
import { type StandInCloud, startCloud } from "./cloud/cloud.ts";
import { archivesOf, connectTo, type InProcess, PROJECT, policyOf, roleOf } from "./in-process.ts";
import { planFor, serviceConfig } from "./service.ts";

const POLL = "waba-numbers-dev-poll";

let cloud: StandInCloud;
let world: InProcess;

beforeEach(async () => {
  cloud = await startCloud({ accountId: ACCOUNT, credentials: [KEY] });
  world = connectTo(cloud);
});
afterEach(async () => {
  world.stop();
  await cloud.close();
});

const deploy = (plan = planFor()) => world.deploy(plan);
const everything: Parameters<typeof removeService>[0] = {
  "remove-roles": true,
  "remove-logstore": true,
};
const remove = (flags = everything, plan = planFor()) => removeService(flags, world.cloudFor(plan));
const callNames = () => cloud.calls().map(({ name }) => name);

describe("another service", () => {
  const neighbour = { service: "waba", stage: "numbers-dev" };

  it("whose names come out the same is refused before anything is written", async () => {
    await deploy();
    const before = cloud.snapshot();
    await expect(deploy(planFor(serviceConfig(), neighbour))).rejects.toThrow(
      `The policy ${policyOf("add")} exists, and nothing says that this service and stage made it. Choose another stage (--stage), or delete it if nothing needs it.`,
    );
    expect(cloud.snapshot()).toEqual(before);
  });

  it("whose names come out the same cannot remove anything", async () => {
    await deploy();
    const before = cloud.snapshot();
    const plan = planFor(serviceConfig(), neighbour);
    await remove(everything, plan);
    expect(cloud.snapshot()).toEqual(before);
  });

  it("with a longer name keeps all that it has when this one is removed", async () => {
    const longer = planFor(serviceConfig(), { stage: "dev-add" });
    await deploy(longer);
    const alone = cloud.snapshot();
    await deploy();
    await remove();
    expect(cloud.snapshot()).toEqual(alone);
    expect([...(cloud.state.projects.get(PROJECT)?.stores.keys() ?? [])]).toEqual([
      "waba-numbers-dev-add",
    ]);
  });

  it("or a person, who made a function of that name, keeps it", async () => {
    await deploy();
    const add = cloud.state.functions.get("waba-numbers-dev-add");
    if (add) {
      cloud.state.functions.set("waba-numbers-dev-add", {
        ...add,
        settings: { ...add.settings, description: "made in the console" },
      });
    }
    await expect(deploy()).rejects.toThrow(
      "The function waba-numbers-dev-add exists, and nothing says that this service and stage made it.",
    );
    await remove();
    expect([...cloud.state.functions.keys()]).toEqual(["waba-numbers-dev-add"]);
  });
});

describe("a function that somebody makes between the look and the creation", () => {
  const deployBeside = async (description: string) => {
    const given = world.cloudFor(planFor());
    const { fc } = given.clients;
    const environmentVariables = { WHO: "the other" };
    const racing: typeof fc = async (operation, place, input = {}) => {
      const isRace = operation === "createFunction" && input.body.functionName === POLL;
      const body = { ...input.body, description, environmentVariables };
      if (isRace) await fc(operation, place, { body });
      return fc(operation, place, input);
    };
    const now = { ...given, clients: { ...given.clients, fc: racing } };
    const archives = await archivesOf(now.plan);
    return deployService({ listed: await listFunctions(now), archives }, now);
  };
  const environment = () => cloud.state.functions.get(POLL)?.settings.environmentVariables;

  it("becomes what this deployment wants if it is of the same service and stage", async () => {
    await deployBeside("serverless:waba-numbers/dev");
    expect(environment()).toEqual({ STAGE: "dev" });
  });

  it("is refused if a person made it, and stays", async () => {
    await expect(deployBeside("a person's")).rejects.toThrow(
      `The function ${POLL} exists, and nothing says that this service and stage made it.`,
    );
    expect(environment()).toEqual({ WHO: "the other" });
  });
});

describe("a removal", () => {
  it("keeps role, policy and logs unless they are asked for", async () => {
    await deploy();
    await remove({});
    expect(cloud.state.functions.size).toBe(0);
    const keys = ["add", "query", "poll"];
    expect([...cloud.state.policies.keys()]).toEqual(keys.map(policyOf));
    for (const key of keys) expect(cloud.state.roles.has(roleOf(key))).toBe(true);
    expect(cloud.state.projects.get(PROJECT)?.stores.size).toBe(1);
  });

  it("of what is not there does nothing", async () => {
    await remove();
    expect(world.said).toContain("No functions to delete");
    expect(callNames().filter((name) => /(Create|Put|Update)/.test(name))).toEqual([]);
  });
});

describe("a policy of that name that is not ours", () => {
  const makeForeign = () => {
    const policy = cloud.state.policies.get(policyOf("add"));
    if (policy) cloud.state.policies.set(policyOf("add"), { ...policy, description: "by hand" });
  };

  it("is neither changed nor used, and no role is made for it", async () => {
    await deploy();
    makeForeign();
    cloud.state.roles.delete(roleOf("add"));
    cloud.forget();
    await expect(deploy()).rejects.toThrow(`The policy ${policyOf("add")} exists, and nothing`);
    expect(callNames()).toEqual([
      ...["fc ListFunctions", "fc ListFunctions"],
      `ram GetPolicy ${policyOf("add")}`,
    ]);
  });

  it("stays when all is removed", async () => {
    await deploy();
    makeForeign();
    await remove();
    expect([...cloud.state.policies.keys()]).toEqual([policyOf("add")]);
    expect(cloud.state.roles.has(roleOf("add"))).toBe(false);
    expect(world.said).toContain(
      `Policy ${policyOf("add")} kept: nothing says that this service and stage made it`,
    );
  });
});

describe("the one role of all functions that version 0.1.0 made", () => {
  const SHARED = { role: roleOf("exec-role"), policy: policyOf("access") };
  const makeShared = (owner: string) => {
    cloud.state.roles.set(SHARED.role, {
      description: `Lets the functions reach other services; ${owner}`,
      trust: "{}",
      createdAt: 0,
      policies: new Set([SHARED.policy]),
      unknownFor: 0,
    });
    const versions = [{ id: "v1", document: "{}", isDefault: true }];
    cloud.state.policies.set(SHARED.policy, { description: owner, versions, made: 1 });
  };

  it("goes with its policy once each function has its own, and works", async () => {
    makeShared("serverless:waba-numbers/dev");
    await deploy();
    expect(cloud.state.roles.has(SHARED.role)).toBe(false);
    expect(cloud.state.policies.has(SHARED.policy)).toBe(false);
    expect(world.said).toContain(`Role ${SHARED.role} deleted`);
    const names = callNames();
    expect(names.indexOf(`ram DeleteRole ${SHARED.role}`)).toBeGreaterThan(
      names.lastIndexOf("http GET waba-numbers-dev-query"),
    );
  });

  it("stays when another service made it", async () => {
    makeShared("serverless:waba/numbers-dev");
    await deploy();
    await remove();
    expect([...cloud.state.policies.keys()]).toEqual([SHARED.policy]);
    expect(cloud.state.roles.has(SHARED.role)).toBe(true);
  });
});

describe("logs", () => {
  const neighbour = planFor(serviceConfig(), { service: "waba", stage: "numbers-dev" });
  const place = `${PROJECT}/waba-numbers-dev`;
  const kept = `Logstore ${place} kept: nothing says that this service and stage made it`;
  const stores = () => [...(cloud.state.projects.get(PROJECT)?.stores.keys() ?? [])];

  it("that were kept by choice can be removed when role and functions are gone", async () => {
    await deploy();
    await remove({ "remove-roles": true });
    expect(stores()).toEqual(["waba-numbers-dev"]);
    await remove();
    expect(cloud.snapshot()).toEqual({ functions: {}, roles: {}, policies: {}, projects: {} });
    expect(world.said).toContain(`Logstore ${place} deleted`);
  });

  it("that were kept cannot be removed, nor written to, by a service with the same names", async () => {
    await deploy();
    await remove({ "remove-roles": true });
    await remove(everything, neighbour);
    expect(stores()).toEqual(["waba-numbers-dev"]);
    expect(world.said).toContain(kept);
    await expect(deploy(neighbour)).rejects.toThrow(
      `The index of ${place} exists, and nothing says that this service and stage made it.`,
    );
    expect(cloud.state.functions.size).toBe(0);
    // Its role is there now, and is no reason either.
    await remove(everything, neighbour);
    expect(stores()).toEqual(["waba-numbers-dev"]);
  });

  it("of a person's logstore are used, and stay", async () => {
    await deploy();
    const store = cloud.state.projects.get(PROJECT)?.stores.get("waba-numbers-dev");
    if (store) store.index = { ttl: 7, keys: { functionName: { type: "text" } } };
    await deploy();
    await remove();
    expect(stores()).toEqual(["waba-numbers-dev"]);
    expect(world.said).toContain(kept);
  });

  it("without an index are a deployment's that did not get further, if there was one", async () => {
    await deploy();
    const store = cloud.state.projects.get(PROJECT)?.stores.get("waba-numbers-dev");
    if (store) store.index = undefined;
    await remove({ "remove-logstore": true });
    expect(cloud.state.projects.size).toBe(0);
    await deploy();
    const again = cloud.state.projects.get(PROJECT)?.stores.get("waba-numbers-dev");
    if (again) again.index = undefined;
    await remove({ "remove-roles": true });
    await remove();
    expect(stores()).toEqual(["waba-numbers-dev"]);
  });

  it("leave an empty log project behind that a person made", async () => {
    cloud.state.projects.set(PROJECT, {
      description: "ours since 2019",
      stores: new Map(),
      unseenFor: 0,
    });
    await deploy();
    await remove();
    expect([...cloud.state.projects.keys()]).toEqual([PROJECT]);
    expect(stores()).toEqual([]);
    expect(world.said).toContain(
      `Log project ${PROJECT} kept: nothing says that this service and stage made it`,
    );
  });

  it("that are not there are not said to be deleted", async () => {
    await remove();
    expect(world.said).toEqual(["No functions to delete"]);
  });
});
