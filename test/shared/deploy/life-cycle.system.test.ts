import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deployingPolicy } from "../../../shared/deploy/rights.ts";
import { noteDelivery } from "../../contract/document-guard.ts";
import { type SandboxReceiver, startReceiver } from "../../sandbox/receiver.ts";
import { type SandboxTablestore, startTablestore } from "../../sandbox/tablestore/tablestore.ts";
import { ACCOUNT, KEY, SECRETS, WEBHOOK_SECRET } from "./account.ts";
import { createService, type ServiceFolder } from "./cli.ts";
import { type StandInCloud, startCloud } from "./cloud/cloud.ts";
import { PROJECT, policyOf, roleOf } from "./in-process.ts";

const STORE = `${PROJECT}/waba-numbers-dev`;
const [ADD, QUERY, POLL] = [
  "waba-numbers-dev-add",
  "waba-numbers-dev-query",
  "waba-numbers-dev-poll",
] as const;
const LOOK = [
  "sts GetCallerIdentity",
  "fc ListFunctions",
  "ram GetRole AliyunServiceRoleForFC",
  `sls GetProject ${PROJECT}`,
];

let cloud: StandInCloud;
let receiver: SandboxReceiver;
let tablestore: SandboxTablestore;
let service: ServiceFolder;
/** Every call since the start. */
let recorded: string[];

beforeEach(async () => {
  recorded = [];
  cloud = await startCloud({ accountId: ACCOUNT, credentials: [KEY] });
  receiver = await startReceiver({ secrets: [WEBHOOK_SECRET] });
  tablestore = await startTablestore({ instance: "store-1", credentials: [KEY], tables: [] });
  service = await createService(cloud);
});
afterEach(async () => {
  await service.remove();
  await tablestore.close();
  for (const { headers, event } of receiver.received())
    noteDelivery(headers, JSON.stringify(event));
  await receiver.close();
  await cloud.close();
});

/** Runs one command and holds it to what every command promises. */
async function run(args: readonly string[], env: Record<string, string> = {}) {
  cloud.forget();
  const result = await service.run(args, { WEBHOOK_URL: receiver.url, ...env });
  for (const secret of SECRETS) expect(result.printed).not.toContain(secret);
  expect(result.printed).not.toMatch(/warning|deprecat/i);
  expect(await service.escapes()).toEqual([]);
  const schemes = new Set(cloud.calls().map(({ scheme }) => scheme));
  expect([...schemes]).toEqual(cloud.calls().length > 0 ? ["https"] : []);
  const calls = cloud.calls().map(({ name }) => name);
  recorded.push(...calls);
  return { ...result, calls };
}
/** The calls that change something, and the checks. */
const changes = (calls: readonly string[]) => calls.filter((name) => !/^\w+ (Get|List)/.test(name));

const rightsMade = (key: string) => [
  `ram CreatePolicy ${policyOf(key)}`,
  `ram CreateRole ${roleOf(key)}`,
  `ram AttachPolicyToRole ${roleOf(key)} ${policyOf(key)}`,
];
const policyNow = (key: string) => {
  const versions = cloud.state.policies.get(policyOf(key))?.versions ?? [];
  return JSON.parse(versions.find(({ isDefault }) => isDefault)?.document ?? "").Statement;
};

describe("the real command line", () => {
  it("deploys, changes nothing, deploys changes, drops a function, deploys one and removes all", async () => {
    const first = await run(["deploy"]);
    expect(first.code, first.printed).toBe(0);
    expect(first.calls.slice(0, LOOK.length)).toEqual(LOOK);
    expect(changes(first.calls)).toEqual([
      ...["add", "query", "poll"].flatMap(rightsMade),
      `sls CreateProject ${PROJECT}`,
      `sls CreateLogStore ${STORE}`,
      `sls CreateIndex ${STORE}`,
      `fc CreateFunction ${POLL}`,
      `fc PutConcurrencyConfig ${POLL}`,
      `fc PutAsyncInvokeConfig ${POLL}`,
      `fc InvokeFunction ${POLL}`,
      `fc CreateFunction ${ADD}`,
      `fc PutConcurrencyConfig ${ADD}`,
      `fc InvokeFunction ${ADD}`,
      `fc CreateFunction ${QUERY}`,
      `fc PutConcurrencyConfig ${QUERY}`,
      `fc InvokeFunction ${QUERY}`,
      `fc CreateTrigger ${POLL} timer`,
      `fc CreateTrigger ${ADD} http`,
      `fc CreateTrigger ${QUERY} http`,
      `http POST ${ADD}`,
      `http GET ${QUERY}`,
    ]);
    expect(cloud.state.invocations.map(({ payload }) => payload)).toEqual(
      Array(3).fill('{"command":"check"}'),
    );
    expect(first.printed).toContain(
      `account ${ACCOUNT} (acs:ram::${ACCOUNT}:user/deployer), stage dev, ap-southeast-1`,
    );
    expect(first.stdout).toContain(
      "  query  GET https://waba-numbers-dev-query-abcdefghij.ap-southeast-1.fcapp.run/query\n",
    );
    expect(first.stdout).toContain("  poll   timer @every 1m\n");
    expect(first.stdout).toContain(`  logs   Log Service, ${STORE}\n`);
    expect(first.stdout).toMatch(/^ {2}curl "https:\S+\/query\?custSpaceId=self" -H /m);
    expect(receiver.attempts().map(({ status }) => status)).toEqual([204]);
    expect(receiver.problems()).toEqual([]);

    const poll = cloud.state.functions.get(POLL);
    expect(poll?.settings).toMatchObject({
      description: "Watches the numbers and sends what changed serverless:waba-numbers/dev",
      runtime: "nodejs20",
      handler: "poll.handler",
      memorySize: 256,
      cpu: 0.1,
      timeout: 75,
      role: `acs:ram::${ACCOUNT}:role/${roleOf("poll")}`,
      logConfig: { project: PROJECT, logstore: "waba-numbers-dev" },
      environmentVariables: { STAGE: "dev", WEBHOOK_SECRET, WATCH_CUST_SPACES: "cust-1,cust-2" },
    });
    expect(poll?.settings.environmentVariables).not.toHaveProperty("API_KEYS");
    expect(poll?.concurrency).toBe(2);
    expect(poll?.asyncConfig).toEqual({ maxAsyncEventAgeInSeconds: 60, maxAsyncRetryAttempts: 0 });
    expect([...(poll?.code.keys() ?? [])]).toEqual([
      "package.json",
      "poll.js",
      "store-postgres.js",
      "LICENSES.txt",
    ]);
    const licences = String(poll?.code.get("LICENSES.txt"));
    for (const name of ["waba-numbers 0.1.0", "@alicloud/pop-core 1.8.0", "pg 8.23.1"]) {
      expect(licences).toContain(`${name}\n\n`);
    }
    expect(policyNow("query")).toEqual([
      {
        Effect: "Allow",
        Action: ["log:PostLogStoreLogs"],
        Resource: [`acs:log:*:${ACCOUNT}:project/${PROJECT}/logstore/waba-numbers-dev`],
      },
      { Effect: "Allow", Action: ["cams:QueryChatappPhoneNumbers"], Resource: ["*"] },
    ]);

    const before = cloud.snapshot();
    const unchanged = await run(["deploy"]);
    expect(unchanged.code, unchanged.printed).toBe(0);
    expect(changes(unchanged.calls)).toEqual([
      `fc InvokeFunction ${POLL}`,
      `fc InvokeFunction ${ADD}`,
      `fc InvokeFunction ${QUERY}`,
      `http POST ${ADD}`,
      `http GET ${QUERY}`,
    ]);
    expect(cloud.snapshot()).toEqual(before);

    const other = {
      LOG_LEVEL: "debug",
      WATCH_DISCOVER: "on",
      STORE_URL: `tablestore://store-1.ap-southeast-1/waba?endpoint=${tablestore.url}`,
      CI: "1",
    };
    const timer = "--param=TIMER=CRON_TZ=Asia/Singapore 0 */2 * * * *";
    const second = await run(["deploy", timer], other);
    expect(second.code, second.printed).toBe(0);
    expect(second.printed).toContain("~ poll  LOG_LEVEL info -> debug\n");
    expect(second.printed).toContain("~ poll  STORE_URL\n");
    expect(second.printed).toContain("the table waba does not exist yet: poll's check makes it");
    expect(changes(second.calls)).toEqual([
      `ram CreatePolicyVersion ${policyOf("add")}`,
      `ram CreatePolicyVersion ${policyOf("query")}`,
      `ram CreatePolicyVersion ${policyOf("poll")}`,
      `fc UpdateFunction ${POLL}`,
      `fc InvokeFunction ${POLL}`,
      `fc UpdateFunction ${ADD}`,
      `fc InvokeFunction ${ADD}`,
      `fc UpdateFunction ${QUERY}`,
      `fc InvokeFunction ${QUERY}`,
      `fc UpdateTrigger ${POLL} timer`,
      `http POST ${ADD}`,
      `http GET ${QUERY}`,
    ]);
    expect(second.stdout).toContain("  poll   timer CRON_TZ=Asia/Singapore 0 */2 * * * *\n");
    expect([...(cloud.state.functions.get(POLL)?.code.keys() ?? [])]).toEqual([
      ...["package.json", "poll.js", "store-tablestore.js", "LICENSES.txt"],
    ]);
    expect(policyNow("poll").at(-2)?.Action).toEqual([
      "cams:QueryChatappPhoneNumbers",
      "cams:ListInstance",
    ]);
    expect(policyNow("poll").at(-1)?.Resource).toEqual([
      "acs:ots:ap-southeast-1:*:instance/store-1/table/waba",
    ]);

    await service.edit((yaml) => yaml.replace(/^ {2}query:\n( {4}.*\n)+/m, ""));
    const refused = await run(["deploy", timer, "--skip-checks"], other);
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain(
      "What runs in stage dev now would disappear: query. Nothing was changed.",
    );
    expect(changes(refused.calls)).toEqual([]);
    const third = await run(["deploy", timer, "--skip-checks", "--yes"], other);
    expect(third.code, third.printed).toBe(0);
    expect(changes(third.calls).slice(-8)).toEqual([
      `fc DeleteTrigger ${QUERY} http`,
      `ram DetachPolicyFromRole ${roleOf("query")} ${policyOf("query")}`,
      `ram DeletePolicyVersion ${policyOf("query")} v1`,
      `ram DeletePolicy ${policyOf("query")}`,
      `ram DeleteRole ${roleOf("query")}`,
      `fc DeleteConcurrencyConfig ${QUERY}`,
      `fc DeleteAsyncInvokeConfig ${QUERY}`,
      `fc DeleteFunction ${QUERY}`,
    ]);

    const one = await run(["deploy", "function", "-f", "add"], { ...other, LOG_LEVEL: "warn" });
    expect(one.code, one.printed).toBe(0);
    expect(changes(one.calls)).toEqual([
      `fc UpdateFunction ${ADD}`,
      `fc InvokeFunction ${ADD}`,
      `http POST ${ADD}`,
    ]);

    const kept = await run(["remove"]);
    expect(kept.code, kept.printed).toBe(0);
    expect(kept.printed).toContain(
      "To delete roles and logs too, run: npx serverless remove --stage dev --remove-roles --remove-logstore",
    );
    expect(changes(kept.calls)).toEqual(
      [ADD, POLL].flatMap((name) => [
        `fc DeleteTrigger ${name} ${name === POLL ? "timer" : "http"}`,
        `fc DeleteConcurrencyConfig ${name}`,
        `fc DeleteAsyncInvokeConfig ${name}`,
        `fc DeleteFunction ${name}`,
      ]),
    );
    const removed = await run(["remove", "--remove-roles", "--remove-logstore"]);
    expect(removed.code, removed.printed).toBe(0);
    expect(changes(removed.calls)).toEqual([
      `sls DeleteLogStore ${STORE}`,
      `sls DeleteProject ${PROJECT}`,
      ...["add", "poll"].flatMap((key) => [
        `ram DetachPolicyFromRole ${roleOf(key)} ${policyOf(key)}`,
        `ram DeletePolicyVersion ${policyOf(key)} v1`,
        `ram DeletePolicy ${policyOf(key)}`,
        `ram DeleteRole ${roleOf(key)}`,
      ]),
    ]);
    expect(cloud.snapshot()).toEqual({ functions: {}, roles: {}, policies: {}, projects: {} });

    expectPolicyToFit(recorded);
  }, 180_000);
});

/** Every recorded call is allowed, and all that is allowed was called but for what is named here. */
function expectPolicyToFit(calls: readonly string[]) {
  const products: Readonly<Record<string, string>> = { fc: "fc", ram: "ram", sls: "log" };
  const called = calls.flatMap((name) => {
    const [, product = "", action] = /^(\w+) (\w+)/.exec(name) ?? [];
    return products[product] ? [`${products[product]}:${action}`] : [];
  });
  const { Statement } = deployingPolicy("waba-numbers") as { Statement: { Action: string[] }[] };
  const allowed = new Set(Statement.flatMap(({ Action }) => Action));
  expect([...new Set(called)].filter((action) => !allowed.has(action))).toEqual([]);
  expect([...allowed].filter((action) => !called.includes(action)).sort()).toEqual(
    [
      // Older deployments' indexes get new fields.
      "log:UpdateIndex",
      // Reads the logs: npx serverless logs.
      "log:GetLogStoreLogs",
      // The table's identity row, asked of Tablestore.
      "ots:GetRow",
      // Checked by RAM when a function gets its role.
      "ram:PassRole",
    ].sort(),
  );
}
