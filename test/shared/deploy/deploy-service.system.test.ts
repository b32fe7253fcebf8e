import "./real-packages.ts";
import { afterEach, describe, expect, it } from "vitest";
import { examine } from "../../../shared/deploy/doctor.ts";
import { listFunctions } from "../../../shared/deploy/functions.ts";
import { deployService } from "../../../shared/deploy/service.ts";
import { startTablestore } from "../../sandbox/tablestore/tablestore.ts";
import { ACCOUNT, API_KEY, KEY } from "./account.ts";
import { type CloudOptions, type StandInCloud, startCloud } from "./cloud/cloud.ts";
import { archivesOf, connectTo, type InProcess, PROJECT, policyOf, roleOf } from "./in-process.ts";
import { planFor, serviceConfig } from "./service.ts";

const [ADD, QUERY, POLL] = [
  "waba-numbers-dev-add",
  "waba-numbers-dev-query",
  "waba-numbers-dev-poll",
] as const;

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

const deploy = (plan = planFor()) => world.deploy(plan);
const callNames = () => cloud.calls().map(({ name }) => name);
const changes = () =>
  callNames().filter((name) => /^\w+ (Create|Update|Delete|Put|Attach|Detach)/.test(name));

describe("waiting for what was just made", () => {
  it("the deployment asks again while a role, project or function is not known everywhere", async () => {
    await start({ roleUnknownFor: 3, projectUnseenFor: 2, functionPendingReads: 2 });
    await deploy();
    expect([...cloud.state.functions.keys()]).toEqual([POLL, ADD, QUERY]);
    expect(world.waited()).toBeLessThan(20_000);
    expect(callNames().filter((name) => name === `fc CreateFunction ${POLL}`)).toHaveLength(4);
  });

  it("takes no time when there is nothing to wait for", async () => {
    await start();
    await deploy();
    expect(world.waited()).toBe(0);
  });

  it("ends after 90 s with the refusal that lasted, in the cloud's words", async () => {
    await start({ roleUnknownFor: Number.POSITIVE_INFINITY });
    await expect(deploy()).rejects.toThrow(
      `Could not create function ${POLL} (InvalidArgument, HTTP 400, request id 1-6741f5c8-15ab0000-0000000000a1).
Function Compute says: role 'acs:ram::${ACCOUNT}:role/${roleOf("poll")}' cannot be assumed
Finished steps are kept. To continue, run the same command again.`,
    );
    expect(world.waited()).toBeGreaterThan(90_000);
    expect(world.waited()).toBeLessThan(100_000);
  });

  it("does not happen for a refusal that names nothing new", async () => {
    await start();
    const config = serviceConfig(({ provider }) => {
      provider.runtime = "nodejs22";
    });
    await expect(deploy(planFor(config))).rejects.toThrow(
      "Function Compute says: runtime 'nodejs22' is not supported in this region",
    );
    expect(world.waited()).toBe(0);
  });

  it("ends at once when a function cannot be made", async () => {
    await start({ functionPendingReads: 1 });
    cloud.state.failures.set(POLL, "ImagePullFailed");
    await expect(deploy()).rejects.toThrow(
      `Function Compute could not make the function ${POLL}: ImagePullFailed. Correct it and run the same command again.`,
    );
  });
});

describe("a deployment that is verified", () => {
  const answerOf = (parts: object) => ({
    body: JSON.stringify({ command: "check", ok: false, settings: { ok: true }, ...parts }),
  });

  it("fails with the function's own reason, before any timer or address exists", async () => {
    await start();
    const store = {
      ok: false,
      code: "ERR_STORE",
      reason: "store-1.ap-southeast-1.vpc.tablestore.aliyuncs.com: OTSAuthFailed",
      error: "The state store cannot be reached. Check STORE_URL and the store's health.",
    };
    cloud.state.answers.set(POLL, answerOf({ store }));
    await expect(deploy()).rejects.toThrow(
      `The function ${POLL} was made, but it does not work:
  store: The state store cannot be reached. Check STORE_URL and the store's health. (ERR_STORE, store-1.ap-southeast-1.vpc.tablestore.aliyuncs.com: OTSAuthFailed)
  In https://ots.console.alibabacloud.com, open the instance, then Network Management. Choose the type Custom and allow VPC access. Check the instance's name, region and account in STORE_URL.`,
    );
    expect(callNames().filter((name) => name.startsWith("fc CreateTrigger"))).toEqual([]);
    expect([...cloud.state.functions.keys()]).toEqual([POLL]);
  });

  it.each([
    [
      "settings",
      {
        settings: {
          ok: false,
          code: "ERR_CONFIG",
          error: "Settings to fix:",
          problems: [{ path: "API_KEYS", message: "must be set" }],
        },
      },
      "  settings: API_KEYS must be set",
    ],
    [
      "another stage",
      {
        store: {
          ok: false,
          code: "ERR_STORE_IDENTITY",
          error: "This store belongs to another account or stage.",
          expected: "1:dev",
          found: "1:prod",
        },
      },
      "(ERR_STORE_IDENTITY, expected 1:dev, found 1:prod)\n  Give each stage its own table.",
    ],
    [
      "Chat App",
      {
        upstream: {
          ok: false,
          code: "ERR_UPSTREAM_REJECTED",
          error: "The upstream refused the call.",
          facts: { action: "QueryChatappPhoneNumbers", upstreamCode: "Product.Unsubscript" },
        },
      },
      "Activate Chat App Message Service for this account: https://chatapp.console.alibabacloud.com",
    ],
  ])("says what to do about %s", async (_, parts, said) => {
    await start();
    cloud.state.answers.set(ADD, answerOf(parts));
    await expect(deploy()).rejects.toThrow(said);
  });

  it("fails with the message of a function that ends with an error", async () => {
    await start();
    const body = JSON.stringify({
      errorMessage: "Cannot find module './poll.js'",
      errorType: "Error",
    });
    cloud.state.answers.set(POLL, { body, failed: true });
    await expect(deploy()).rejects.toThrow("it does not work:\n  Cannot find module './poll.js'");
  });

  it("asks again for half a minute while a new role's rights are not known", async () => {
    await start();
    const upstream = {
      ok: false,
      code: "ERR_UPSTREAM_ACCOUNT",
      facts: { upstreamCode: "NoPermission" },
    };
    cloud.state.answers.set(POLL, answerOf({ upstream }));
    await expect(deploy()).rejects.toThrow("it does not work");
    expect(cloud.state.invocations).toHaveLength(4);
    expect(world.waited()).toBe(30_000);
  });

  it("fails when an address does not refuse a wrong key", async () => {
    await start();
    cloud.state.statuses.set(QUERY, 200);
    await expect(deploy()).rejects.toThrow(
      `https://${QUERY}-abcdefghij.ap-southeast-1.fcapp.run of ${QUERY} answers a wrong API key with 200, and must with 401.`,
    );
  });

  it("gives every function the store's host that poll found, once", async () => {
    await start();
    const bare = "tablestore://store-1.ap-southeast-1/waba";
    const storeUrl = `${bare}?endpoint=https://store-1.ap-southeast-1.vpc.tablestore.aliyuncs.com`;
    const config = serviceConfig(({ provider }) => {
      provider.environment = { STAGE: "dev", STORE_URL: bare };
    });
    cloud.state.answers.set(POLL, {
      body: JSON.stringify({ command: "check", ok: true, store: { ok: true, storeUrl } }),
    });
    await deploy(planFor(config));
    for (const { settings } of cloud.state.functions.values()) {
      expect(settings.environmentVariables).toMatchObject({ STORE_URL: storeUrl });
    }
    expect(callNames().filter((name) => name.startsWith("fc UpdateFunction"))).toEqual([
      `fc UpdateFunction ${POLL}`,
    ]);
  });
});

describe("a later deployment", () => {
  it("without a change sends none", async () => {
    await start();
    await deploy();
    cloud.forget();
    const before = cloud.snapshot();
    await deploy();
    expect(changes()).toEqual([]);
    expect(cloud.snapshot()).toEqual(before);
  });

  it("changes a policy by a new version, and keeps RAM's limit of five", async () => {
    await start();
    for (let round = 1; round <= 7; round += 1) {
      const config = serviceConfig(({ provider }) => {
        provider.environment = { STORE_URL: `tablestore://store-${round}.ap-southeast-1/waba` };
      });
      await deploy(planFor(config));
    }
    const versions = cloud.state.policies.get(policyOf("query"))?.versions ?? [];
    expect(versions.map(({ id, isDefault }) => [id, isDefault])).toEqual([
      ["v3", false],
      ["v4", false],
      ["v5", false],
      ["v6", false],
      ["v7", true],
    ]);
    expect(versions.at(-1)?.document).toContain("instance/store-7/table/waba");
  });

  it("writes no policy when it holds the same in another order", async () => {
    await start();
    await deploy();
    const policy = cloud.state.policies.get(policyOf("add"));
    const { Version, Statement } = JSON.parse(policy?.versions[0]?.document ?? "");
    const document = JSON.stringify({ Statement, Version }, null, 2);
    policy?.versions.splice(0, 1, { id: "v1", document, isDefault: true });
    cloud.forget();
    await deploy();
    expect(changes()).toEqual([]);
  });

  it("gives an older index the fields that it lacks, and keeps the others", async () => {
    await start();
    await deploy();
    const store = cloud.state.projects.get(PROJECT)?.stores.get("waba-numbers-dev");
    const { keys } = (store?.index ?? { keys: {} }) as { keys: Record<string, unknown> };
    const mark = Object.keys(keys).find((key) => key.startsWith("serverless__")) ?? "";
    expect(mark).toMatch(/^serverless__waba_numbers__dev__[0-9a-f]{8}$/);
    const mine = { type: "text", token: [","] };
    if (store) store.index = { ttl: 7, keys: { [mark]: keys[mark], mine } };
    cloud.forget();
    await deploy();
    expect(changes()).toEqual([`sls UpdateIndex ${PROJECT}/waba-numbers-dev`]);
    expect(store?.index).toMatchObject({
      ttl: 7,
      keys: {
        mine,
        message: {
          type: "json",
          json_keys: {
            level: { type: "text" },
            message: { type: "text" },
            code: { type: "text" },
            pending: { type: "long" },
            failed: { type: "long" },
            durationMs: { type: "long" },
            "freshness.sweep": { type: "long" },
          },
        },
      },
    });
  });

  it("puts its mark in the place of the one that version 0.1.0 wrote", async () => {
    await start();
    await deploy();
    const store = cloud.state.projects.get(PROJECT)?.stores.get("waba-numbers-dev");
    if (store) store.index = { ttl: 30, keys: { "serverless:waba-numbers:dev": { type: "text" } } };
    await deploy();
    const { keys } = (store?.index ?? { keys: {} }) as { keys: object };
    expect(Object.keys(keys).filter((key) => key.startsWith("serverless"))).toEqual([
      expect.stringMatching(/^serverless__waba_numbers__dev__[0-9a-f]{8}$/),
    ]);
  });

  it("takes limits and triggers away that are no longer asked for", async () => {
    await start();
    await deploy();
    const config = serviceConfig(({ functions }) => {
      functions.poll = { handler: "poll.handler", events: [] };
    });
    await deploy(planFor(config));
    const poll = cloud.state.functions.get(POLL);
    expect(poll?.asyncConfig).toBeUndefined();
    expect([...(poll?.triggers.keys() ?? [])]).toEqual([]);
  });

  it("deletes a function that is no longer listed, with its role and policy", async () => {
    await start();
    await deploy();
    const config = serviceConfig(({ functions }) => {
      delete functions.query;
    });
    await deploy(planFor(config));
    expect([...cloud.state.functions.keys()]).toEqual([POLL, ADD]);
    expect([...cloud.state.policies.keys()]).toEqual([policyOf("add"), policyOf("poll")]);
    expect(cloud.state.roles.has(roleOf("query"))).toBe(false);
  });

  it("refuses a trigger that was added by hand under a name that is wanted", async () => {
    await start();
    await deploy();
    const poll = cloud.state.functions.get(POLL);
    const timer = poll?.triggers.get("timer");
    if (timer) poll?.triggers.set("timer", { ...timer, description: "" });
    const before = cloud.snapshot();
    await expect(deploy()).rejects.toThrow(
      `The trigger timer of ${POLL} exists, and nothing says that this service and stage made it.`,
    );
    expect(cloud.snapshot()).toEqual(before);
  });

  it("leaves a trigger alone that was added by hand", async () => {
    await start();
    await deploy();
    const triggers = cloud.state.functions.get(POLL)?.triggers;
    const timer = triggers?.get("timer");
    if (timer) triggers?.set("by-hand", { ...timer, triggerName: "by-hand", description: "" });
    await deploy();
    expect([...(triggers?.keys() ?? [])]).toEqual(["timer", "by-hand"]);
  });
});

describe("the table of a stage", () => {
  it("stays its own when another stage was tried on it later, and is refused to a third", async () => {
    const tablestore = await startTablestore({ instance: "store-1", credentials: [KEY] });
    await start({ tablestore: tablestore.url });
    const planOf = (STAGE: string) => {
      const config = serviceConfig(({ provider }) => {
        const STORE_URL = "tablestore://store-1.ap-southeast-1/waba";
        provider.environment = { STAGE, STORE_URL, API_KEYS: `crm:${API_KEY}` };
      });
      return planFor(config, { stage: STAGE });
    };
    await deploy(planOf("dev"));
    await deploy(planOf("prod"));
    const errorsIn = async (stage: string) => {
      const { findings } = await examine(KEY, world.cloudFor(planOf(stage)));
      return findings.filter(({ state }) => state === "error").map(({ text }) => text);
    };
    expect(await errorsIn("dev")).toEqual([]);
    expect(await errorsIn("test")).toEqual([
      `The table waba belongs to ${ACCOUNT}:dev, and this is ${ACCOUNT}:test. Give each stage its own table. Run: export STORE_URL=tablestore://store-1.ap-southeast-1/waba_test`,
    ]);
    await tablestore.close();
  });
});

describe("the doctor", () => {
  const storeLine = async (STORE_URL: string) => {
    const config = serviceConfig(({ provider }) => {
      provider.environment = { STAGE: "dev", STORE_URL, API_KEYS: `crm:${API_KEY}` };
    });
    const { findings } = await examine(KEY, world.cloudFor(planFor(config)));
    return findings.find(({ text }) => text.startsWith("the table waba"));
  };

  it("warns of a store at whose host nothing listens", async () => {
    await start();
    expect(await storeLine("tablestore://store-1.ap-southeast-9/waba")).toEqual({
      state: "warning",
      text: "the table waba cannot be reached from this machine (ECONNREFUSED). If the instance is not new, check its name and region in STORE_URL, and whose it is: https://ots.console.alibabacloud.com",
    });
  });

  it("says what to check when an instance refuses this machine", async () => {
    const tablestore = await startTablestore({ instance: "store-1", credentials: [KEY] });
    await start({ tablestore: tablestore.url });
    const line = await storeLine("tablestore://stroe-1.ap-southeast-1/waba");
    expect(line?.text).toContain(
      "\nIf the instance is not new, check its name and region in STORE_URL, and whose it is: https://ots.console.alibabacloud.com",
    );
    await tablestore.close();
  });
});

describe("the deployment of one function", () => {
  const one = async (plan = planFor()) => {
    const listed = await listFunctions(world.cloudFor(plan));
    const archives = await archivesOf(plan);
    return deployService({ listed, archives, only: "query" }, world.cloudFor(plan));
  };

  it("changes that function alone, and calls no API of roles, policies or logs", async () => {
    await start();
    await deploy();
    cloud.forget();
    const config = serviceConfig(({ provider, functions }) => {
      provider.environment = { STAGE: "dev", STORE_URL: "tablestore://other.ap-southeast-1/t" };
      delete functions.add;
    });
    await one(planFor(config));
    expect(changes()).toEqual([`fc UpdateFunction ${QUERY}`]);
    expect(callNames().filter((name) => /^(ram|sls) /.test(name))).toEqual([]);
    expect(cloud.state.functions.has(ADD)).toBe(true);
  });

  it("is refused before the first whole one", async () => {
    await start();
    await expect(one()).rejects.toThrow(
      `The function ${QUERY} is not deployed yet, so it has no role. Run: npm run deploy -- --stage dev`,
    );
    expect(changes()).toEqual([]);
  });
});
