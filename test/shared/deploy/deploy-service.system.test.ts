import { afterEach, describe, expect, it } from "vitest";
import { deployService } from "../../../shared/deploy/deploy-service.js";
import { removeService } from "../../../shared/deploy/remove-service.js";
import { ACCOUNT, KEY } from "./account.ts";
import { type CloudOptions, type StandInCloud, startCloud } from "./cloud/cloud.ts";
import { archivesOf, connectTo, type InProcess, NAMES } from "./in-process.ts";
import { planFor, serviceConfig } from "./service.ts";

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
    expect(world.said.filter((text) => text.includes("up to 90 s"))).toEqual([
      `The log project ${NAMES.project} is not there yet: waiting for up to 90 s`,
      "Refused with InvalidArgument, which may be because the role or the logs are new: trying again for up to 90 s",
      "The function waba-numbers-dev-add is not there yet: waiting for up to 90 s",
      "The function waba-numbers-dev-query is not there yet: waiting for up to 90 s",
      "The function waba-numbers-dev-poll is not there yet: waiting for up to 90 s",
    ]);
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

  it.each([600_000, -600_000])(
    "waits for a new role with a clock that is %d ms off",
    async (offset) => {
      await start({ roleUnknownFor: 2 });
      await deploy();
      await removeService(planFor(), world.cloud, { roles: true, logs: false });
      const before = world.waited();
      world.advance(offset);
      await deploy();
      expect(cloud.state.functions.size).toBe(3);
      expect(world.waited() - before).toBe(1000);
    },
  );

  it("does not take a role for new for ever when the clock is behind", async () => {
    await start();
    await deploy();
    for (const role of cloud.state.roles.values()) role.unknownFor = 1;
    world.advance(-600_000);
    await expect(deploy()).rejects.toThrow("Could not update the function waba-numbers-dev-add");
    expect(world.waited()).toBe(0);
  });

  it("ends at once when a function cannot be made", async () => {
    await start({ functionPendingReads: 1 });
    cloud.state.failures.set("waba-numbers-dev-add", "ImagePullFailed");
    await expect(deploy()).rejects.toThrow(
      "Function Compute could not make the function waba-numbers-dev-add: ImagePullFailed. Mend it and run the same command again.",
    );
    expect(world.waited()).toBe(1000);
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

  it("refuses a trigger that was added by hand under a name that is wanted", async () => {
    await start();
    await deploy();
    const poll = cloud.state.functions.get("waba-numbers-dev-poll");
    const timer = poll?.triggers.get("timer");
    if (timer) poll?.triggers.set("timer", { ...timer, description: "" });
    const before = cloud.snapshot();
    await expect(deploy()).rejects.toThrow(
      "The function waba-numbers-dev-poll has a trigger timer that no deployment of this service and stage made: its description does not say so.",
    );
    expect(cloud.snapshot()).toEqual(before);
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
