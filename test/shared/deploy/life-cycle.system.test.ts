import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { noteDelivery } from "../../contract/document-guard.ts";
import { type SandboxReceiver, startReceiver } from "../../sandbox/receiver.ts";
import { type SandboxTablestore, startTablestore } from "../../sandbox/tablestore/tablestore.ts";
import { ACCOUNT, KEY, SECRETS, WEBHOOK_SECRET } from "./account.ts";
import { createService, type ServiceFolder } from "./cli.ts";
import { type StandInCloud, startCloud } from "./cloud/cloud.ts";

const ROLE = "sls-waba-numbers-dev-ap-southeast-1-exec-role";
const POLICY = "fc-waba-numbers-dev-ap-southeast-1-access";
const PROJECT = "sls-1234567890123456-ap-southeast-1-logs";
const STORE = `${PROJECT}/waba-numbers-dev`;
const [ADD, QUERY, POLL] = [
  "waba-numbers-dev-add",
  "waba-numbers-dev-query",
  "waba-numbers-dev-poll",
];

let cloud: StandInCloud;
let receiver: SandboxReceiver;
let tablestore: SandboxTablestore;
let service: ServiceFolder;

beforeEach(async () => {
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
  expect(new Set(cloud.calls().map(({ scheme }) => scheme))).toEqual(new Set(["https"]));
  for (const { host } of cloud.calls()) {
    expect(host).toMatch(
      /^((ram|sts)\.aliyuncs\.com|1234567890123456\.ap-southeast-1\.fc\.aliyuncs\.com|(sls-1234567890123456-ap-southeast-1-logs\.)?ap-southeast-1\.log\.aliyuncs\.com)$/,
    );
  }
  return { ...result, calls: cloud.calls().map(({ name }) => name) };
}

describe("the real command line", () => {
  it("deploys, deploys changes, deploys without a function, deploys one and removes all", async () => {
    const first = await run(["deploy"]);
    expect(first.code, first.printed).toBe(0);
    expect(first.calls).toEqual([
      "sts GetCallerIdentity",
      "fc ListFunctions",
      `ram GetRole ${ROLE}`,
      `ram GetPolicy ${POLICY}`,
      `ram CreateRole ${ROLE}`,
      `ram CreatePolicy ${POLICY}`,
      `ram ListPoliciesForRole ${ROLE}`,
      `ram AttachPolicyToRole ${ROLE} ${POLICY}`,
      `sls GetProject ${PROJECT}`,
      `sls CreateProject ${PROJECT}`,
      `sls GetProject ${PROJECT}`,
      `sls GetLogStore ${STORE}`,
      `sls CreateLogStore ${STORE}`,
      `sls GetLogStore ${STORE}`,
      `sls GetIndex ${STORE}`,
      `sls CreateIndex ${STORE}`,
      "fc ListFunctions",
      `fc CreateFunction ${ADD}`,
      `fc CreateTrigger ${ADD} http`,
      `fc CreateFunction ${QUERY}`,
      `fc CreateTrigger ${QUERY} http`,
      `fc CreateFunction ${POLL}`,
      `fc PutConcurrencyConfig ${POLL}`,
      `fc PutAsyncInvokeConfig ${POLL}`,
      `fc CreateTrigger ${POLL} timer`,
    ]);
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
      role: `acs:ram::${ACCOUNT}:role/${ROLE}`,
      logConfig: { project: PROJECT, logstore: "waba-numbers-dev" },
      environmentVariables: {
        STAGE: "dev",
        TICK_SECONDS: "50",
        WEBHOOK_SECRET,
        WATCH_CUST_SPACES: "cust-1,cust-2",
      },
    });
    expect(poll?.settings.environmentVariables).not.toHaveProperty("API_KEYS");
    expect(poll?.concurrency).toBe(2);
    expect(poll?.asyncConfig).toEqual({ maxAsyncEventAgeInSeconds: 60, maxAsyncRetryAttempts: 0 });
    expect([...(poll?.code.keys() ?? [])]).toEqual([
      "package.json",
      "poll.js",
      "store-postgres.js",
    ]);
    const [statement] = cloud.state.policies.get(POLICY)?.versions ?? [];
    expect(JSON.parse(statement?.document ?? "")).toEqual({
      Version: "1",
      Statement: [
        {
          Effect: "Allow",
          Action: ["log:PostLogStoreLogs"],
          Resource: [`acs:log:*:${ACCOUNT}:project/${PROJECT}/logstore/waba-numbers-dev`],
        },
        {
          Effect: "Allow",
          Action: ["cams:AddChatappPhoneNumber", "cams:QueryChatappPhoneNumbers"],
          Resource: "*",
        },
      ],
    });

    const second = await run(["deploy", "--param=TIMER=CRON_TZ=Asia/Singapore 0 */2 * * * *"], {
      LOG_LEVEL: "debug",
      WATCH_DISCOVER: "on",
      STORE_URL: `tablestore://store-1.ap-southeast-1/waba?endpoint=${tablestore.url}`,
      CI: "1",
    });
    expect(second.code, second.printed).toBe(0);
    expect(second.calls).toEqual([
      "sts GetCallerIdentity",
      "fc ListFunctions",
      `ram GetRole ${ROLE}`,
      `ram GetPolicy ${POLICY}`,
      `ram CreatePolicyVersion ${POLICY}`,
      `ram ListPoliciesForRole ${ROLE}`,
      `sls GetProject ${PROJECT}`,
      `sls GetLogStore ${STORE}`,
      `sls GetIndex ${STORE}`,
      "fc ListFunctions",
      "fc ListFunctions",
      `fc ListTriggers ${ADD}`,
      `fc UpdateFunction ${ADD}`,
      `fc DeleteConcurrencyConfig ${ADD}`,
      `fc DeleteAsyncInvokeConfig ${ADD}`,
      `fc ListTriggers ${QUERY}`,
      `fc UpdateFunction ${QUERY}`,
      `fc DeleteConcurrencyConfig ${QUERY}`,
      `fc DeleteAsyncInvokeConfig ${QUERY}`,
      `fc ListTriggers ${POLL}`,
      `fc UpdateFunction ${POLL}`,
      `fc PutConcurrencyConfig ${POLL}`,
      `fc PutAsyncInvokeConfig ${POLL}`,
      `fc UpdateTrigger ${POLL} timer`,
    ]);
    expect(second.printed).toContain("the table waba was created");
    expect(second.stdout).toContain("  poll   timer CRON_TZ=Asia/Singapore 0 */2 * * * *\n");
    const updated = cloud.state.functions.get(POLL);
    expect(updated?.settings.environmentVariables).toMatchObject({ LOG_LEVEL: "debug" });
    expect([...(updated?.code.keys() ?? [])]).toEqual([
      "package.json",
      "poll.js",
      "store-tablestore.js",
    ]);
    expect(updated?.triggers.get("timer")?.triggerConfig).toBe(
      '{"cronExpression":"CRON_TZ=Asia/Singapore 0 */2 * * * *","enable":true,"payload":""}',
    );
    const policy = cloud.state.policies.get(POLICY)?.versions.find(({ isDefault }) => isDefault);
    const statements = JSON.parse(policy?.document ?? "").Statement;
    expect(statements.at(-2)?.Action).toEqual([
      "cams:AddChatappPhoneNumber",
      "cams:QueryChatappPhoneNumbers",
      "cams:ListInstance",
    ]);
    expect(statements.at(-1)).toEqual({
      Effect: "Allow",
      Action: ["ots:GetRow", "ots:GetRange", "ots:PutRow", "ots:DeleteRow"],
      Resource: "acs:ots:ap-southeast-1:*:instance/store-1/table/waba",
    });

    await service.edit((yaml) => yaml.replace(/^ {2}query:\n( {4}.*\n)+/m, ""));
    const third = await run(["deploy", "--skip-checks"]);
    expect(third.code, third.printed).toBe(0);
    expect(third.calls.slice(-5)).toEqual([
      `fc ListTriggers ${QUERY}`,
      `fc DeleteTrigger ${QUERY} http`,
      `fc DeleteAsyncInvokeConfig ${QUERY}`,
      `fc DeleteConcurrencyConfig ${QUERY}`,
      `fc DeleteFunction ${QUERY}`,
    ]);
    expect([...cloud.state.functions.keys()]).toEqual([ADD, POLL]);

    const one = await run(["deploy", "function", "-f", "add"]);
    expect(one.code, one.printed).toBe(0);
    expect(one.calls.filter((name) => / (Create|Update|Put)/.test(name))).toEqual([
      `fc UpdateFunction ${ADD}`,
    ]);

    const removed = await run(["remove", "--remove-roles", "--remove-logstore"]);
    expect(removed.code, removed.printed).toBe(0);
    expect(removed.calls).toEqual([
      "sts GetCallerIdentity",
      `ram GetRole ${ROLE}`,
      "fc ListFunctions",
      `fc ListTriggers ${ADD}`,
      `fc DeleteTrigger ${ADD} http`,
      `fc DeleteAsyncInvokeConfig ${ADD}`,
      `fc DeleteConcurrencyConfig ${ADD}`,
      `fc DeleteFunction ${ADD}`,
      `fc ListTriggers ${POLL}`,
      `fc DeleteTrigger ${POLL} timer`,
      `fc DeleteAsyncInvokeConfig ${POLL}`,
      `fc DeleteConcurrencyConfig ${POLL}`,
      `fc DeleteFunction ${POLL}`,
      `sls GetLogStore ${STORE}`,
      `sls GetIndex ${STORE}`,
      `sls DeleteLogStore ${STORE}`,
      `sls ListLogStores ${PROJECT}`,
      `sls GetProject ${PROJECT}`,
      `sls DeleteProject ${PROJECT}`,
      `ram ListPoliciesForRole ${ROLE}`,
      `ram DetachPolicyFromRole ${ROLE} ${POLICY}`,
      `ram GetPolicy ${POLICY}`,
      `ram ListPolicyVersions ${POLICY}`,
      `ram DeletePolicyVersion ${POLICY} v1`,
      `ram DeletePolicyVersion ${POLICY} v2`,
      `ram DeletePolicy ${POLICY}`,
      `ram DeleteRole ${ROLE}`,
    ]);
    expect(cloud.snapshot()).toEqual({ functions: {}, roles: {}, policies: {}, projects: {} });
  }, 180_000);
});
