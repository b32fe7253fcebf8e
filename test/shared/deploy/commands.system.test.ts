import { mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { noteDelivery } from "../../contract/document-guard.ts";
import { startReceiver } from "../../sandbox/receiver.ts";
import { startTablestore } from "../../sandbox/tablestore/tablestore.ts";
import { startUpstream } from "../../sandbox/upstream.ts";
import { ACCOUNT, KEY, SECRETS, WEBHOOK_SECRET } from "./account.ts";
import { createService, type ServiceFolder } from "./cli.ts";
import { type CloudOptions, type StandInCloud, startCloud } from "./cloud/cloud.ts";
import { addServiceRole } from "./cloud/cloud-state.ts";
import { connectTo } from "./in-process.ts";
import { planFor } from "./service.ts";

const LIMIT_MS = 180_000;
const POLL = "waba-numbers-dev-poll";

let cloud: StandInCloud;
let service: ServiceFolder;

const start = async (fresh: Partial<CloudOptions> = {}) => {
  cloud = await startCloud({ accountId: ACCOUNT, credentials: [KEY], ...fresh });
  service = await createService(cloud);
};
beforeEach(() => start());
afterEach(async () => {
  await service.remove();
  await cloud.close();
});

const run = async (args: readonly string[], env: Record<string, string> = {}) => {
  const result = await service.run(args, env);
  for (const secret of SECRETS) expect(result.printed).not.toContain(secret);
  expect(await service.escapes()).toEqual([]);
  return result;
};
const NONE = { ALIBABA_CLOUD_ACCESS_KEY_ID: "", ALIBABA_CLOUD_ACCESS_KEY_SECRET: "" };
const callNames = () => cloud.calls().map(({ name }) => name);
const writes = () => callNames().filter((name) => /^\w+ (Create|Update|Put|Delete)/.test(name));

describe("what is deployed", () => {
  it(
    "is shown, invoked and read by the commands",
    async () => {
      const world = connectTo(cloud);
      await world.deploy(planFor()).finally(world.stop);

      const info = await run(["info"]);
      // The line for the log is one that the command takes.
      const [, logLine = ""] = /^ +npx serverless (logs .+)$/m.exec(info.stdout) ?? [];
      expect(await run(logLine.split(" "))).toMatchObject({
        code: 0,
        stdout: "No log lines since 10m.\n",
      });
      expect(info.stdout).toContain(
        "  add    POST https://waba-numbers-dev-add-abcdefghij.ap-southeast-1.fcapp.run/add\n",
      );

      cloud.state.invocations.length = 0;
      cloud.state.answers.set(POLL, { body: '{"customers":[]}' });
      const good = await run(["invoke", "-f", "poll", "-d", '{"command":"watch-list"}']);
      expect(good).toMatchObject({ code: 0, stdout: '{"customers":[]}\n' });
      cloud.state.answers.set(POLL, { body: '{"errorType":"ERR_STORE"}', failed: true });
      await writeFile(path.join(service.folder, "command.json"), '{"command":"status"}');
      const bad = await run(["invoke", "-f", "poll", "--path", "command.json"]);
      expect(bad.code).toBe(1);
      expect(bad.printed).toContain(`The function ${POLL} ended with an error.`);
      expect(cloud.state.invocations).toEqual([
        { name: POLL, payload: '{"command":"watch-list"}' },
        { name: POLL, payload: '{"command":"status"}' },
      ]);

      const now = Math.floor(Date.now() / 1000);
      cloud.state.lines.push(
        { time: now - 7200, functionName: POLL, message: "old" },
        { time: now - 60, functionName: POLL, message: '{"level":"info","message":"poll run"}' },
        { time: now - 60, functionName: "waba-numbers-dev-add", message: "of another" },
      );
      const logs = await run(["logs", "-f", "poll"]);
      const at = new Date((now - 60) * 1000).toISOString();
      expect(logs.stdout).toBe(`${at} {"level":"info","message":"poll run"}\n`);
    },
    LIMIT_MS,
  );
});

describe("a removal", () => {
  it(
    "prints the account first",
    async () => {
      const result = await run(["remove"]);
      expect(result.code, result.printed).toBe(0);
      expect(result.printed.trim().split("\n").slice(0, 2)).toEqual([
        `account ${ACCOUNT} (acs:ram::${ACCOUNT}:user/deployer), stage dev, ap-southeast-1`,
        "No functions to delete",
      ]);
    },
    LIMIT_MS,
  );
});

describe("a deployment that cannot work", () => {
  it(
    "lists all that is missing or wrong, one a line with what to type, and changes nothing",
    async () => {
      const result = await run(["deploy", "--skip-checks"], {
        ...NONE,
        TIMER: "* * * * *",
        API_KEYS: "",
        WEBHOOK_URL: "",
        WEBHOOK_SECRET: "",
        STORE_URL: "",
        ALIBABA_CLOUD_REGION: "singapore",
      });
      expect(result.code).toBe(1);
      expect(result.stdout).toContain(
        `7 problems to fix. Nothing was changed.
  ALIBABA_CLOUD_ACCESS_KEY_ID  is not set, and no profile of the aliyun CLI was found.
    Run: export ALIBABA_CLOUD_ACCESS_KEY_ID=… ALIBABA_CLOUD_ACCESS_KEY_SECRET=… (or: aliyun configure)
  ALIBABA_CLOUD_REGION  must look like ap-southeast-1. Run: export ALIBABA_CLOUD_REGION=ap-southeast-1
  TIMER  of poll must be like '@every 1m', or have six fields: second minute hour day month weekday
  API_KEYS  must be set. Run: export API_KEYS="crm:$(openssl rand -hex 24)"
  STORE_URL  must be set. Run: export STORE_URL=tablestore://INSTANCE.ap-southeast-1/waba_numbers
  WEBHOOK_URL  must be set. Run: export WEBHOOK_URL=https://hooks.example.com/whatsapp
  WEBHOOK_SECRET  must be set. Run: export WEBHOOK_SECRET="whsec_$(openssl rand -base64 32)"
Then run: npm run deploy -- --stage dev`,
      );
      expect(callNames()).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    "names both accounts when the keys are of another one",
    async () => {
      const result = await run(["deploy"], { ALIBABA_CLOUD_ACCOUNT_ID: "9999999999999999" });
      expect(result.code).toBe(1);
      expect(result.stdout).toContain(
        "ALIBABA_CLOUD_ACCOUNT_ID  is 9999999999999999, but the credentials are of account 1234567890123456.",
      );
      expect(callNames()).toEqual(["sts GetCallerIdentity"]);
    },
    LIMIT_MS,
  );

  it(
    "says that the keys are wrong, that nothing was changed, and what to type in which stage",
    async () => {
      const wrong = { ALIBABA_CLOUD_ACCESS_KEY_ID: "LTAI5tNobodyKnowsThis" };
      const result = await run(["deploy", "--stage", "prod"], wrong);
      expect(result.code).toBe(1);
      expect(result.stdout).toContain(`1 problem to fix. Nothing was changed.
  Could not get caller identity (InvalidAccessKeyId.NotFound, HTTP 400, request id 7B8E1C34-0000-4000-8000-00000000A001).
  STS says: Specified access key is not found.
  Check the access key, its secret and, for temporary ones, the security token. Run: export ALIBABA_CLOUD_ACCESS_KEY_ID=… ALIBABA_CLOUD_ACCESS_KEY_SECRET=…
Then run: npm run deploy -- --stage prod`);
    },
    LIMIT_MS,
  );

  it(
    "names the command to run again with its function and stage",
    async () => {
      const args = ["deploy", "function", "-f", "query", "--stage", "prod"];
      const result = await run(args, { API_KEYS: "" });
      expect(result.code).toBe(1);
      expect(result.stdout).toContain(
        "Then run: npx serverless deploy function -f query --stage prod\n",
      );
    },
    LIMIT_MS,
  );

  it(
    "is refused on the table of another stage, before anything is made",
    async () => {
      const STORE_URL = "tablestore://store-1.ap-southeast-1/waba";
      const first = await run(["deploy", "--skip-checks"], { STORE_URL });
      expect(first.code, first.printed).toBe(0);
      cloud.forget();
      const second = await run(["deploy", "--stage", "prod"], { STORE_URL });
      expect(second.code).toBe(1);
      expect(second.printed).toContain(
        "error   The table waba belongs to 1234567890123456:dev, and this is 1234567890123456:prod. Give each stage its own table. Run: export STORE_URL=tablestore://store-1.ap-southeast-1/waba_prod",
      );
      expect(second.printed).toContain("warning the webhook did not accept a signed webhook.test");
      expect(writes()).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    "is warned of a region that is not the store's, with the line to type",
    async () => {
      const STORE_URL = "tablestore://store-1.ap-southeast-1/waba";
      const result = await run(["preflight"], { STORE_URL, ALIBABA_CLOUD_REGION: "eu-central-1" });
      expect(result.code).toBe(1);
      expect(result.printed).toContain(
        "warning the store is in ap-southeast-1, and the functions are in eu-central-1: every call crosses regions. Run: export ALIBABA_CLOUD_REGION=ap-southeast-1",
      );
      expect(writes()).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    "is refused in a region that does not exist, before anything is made",
    async () => {
      const result = await run(["deploy"], { ALIBABA_CLOUD_REGION: "ap-southest-1" });
      expect(result.code).toBe(1);
      expect(result.printed).toContain(
        `error   Could not list functions in ap-southest-1 (ENOTFOUND).
        No such host. Check the network and the region. Run: export ALIBABA_CLOUD_REGION=ap-southeast-1
`,
      );
      expect(result.stdout).toContain(
        "2 lines above to fix. Nothing was changed.\nThen run: npm run deploy -- --stage dev\n",
      );
      expect(writes()).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    "fails on a word in serverless.yml that nobody knows",
    async () => {
      await service.edit((yaml) => yaml.replace("maximumEventAge:", "maximumEventAges:"));
      const result = await run(["deploy"]);
      expect(result.code).toBe(1);
      expect(result.stdout).toContain("unrecognized property 'maximumEventAges'");
      expect(callNames()).toEqual([]);
    },
    LIMIT_MS,
  );
});

describe("settings of a stage", () => {
  it(
    "come from .env.<stage>, and one that would disappear stops the deployment until --yes",
    async () => {
      const file = path.join(service.folder, ".env.prod");
      await writeFile(file, "UPSTREAM_QPS=6\nWEBHOOK_ALLOW_CIDRS=127.0.0.0/8,10.0.0.0/8\n");
      const env = { WEBHOOK_ALLOW_CIDRS: "" };
      // A variable of the shell goes before the file, so an empty one must not be there.
      const first = await run(["deploy", "--skip-checks", "--stage", "prod"], {});
      expect(first.code, first.printed).toBe(0);
      const poll = () => cloud.state.functions.get("waba-numbers-prod-poll")?.settings;
      expect(poll()?.environmentVariables).toMatchObject({ UPSTREAM_QPS: "6" });
      cloud.forget();

      await writeFile(file, "UPSTREAM_QPS=5\n");
      const lost = {
        ...env,
        WEBHOOK_ALLOW_HTTP: "true",
        WATCH_CUST_SPACES: "",
        WEBHOOK_URL: "https://hooks.example.com/",
      };
      const second = await run(["deploy", "--skip-checks", "--stage", "prod"], lost);
      expect(second.code).toBe(1);
      expect(second.printed).toContain("~ poll  UPSTREAM_QPS 6 -> 5\n");
      expect(second.printed).toContain("~ poll  WEBHOOK_URL\n");
      expect(second.printed).toContain("- poll  WATCH_CUST_SPACES cust-1,cust-2\n");
      expect(second.printed).toContain(
        `What runs in stage prod now would disappear: WATCH_CUST_SPACES, WEBHOOK_ALLOW_CIDRS. Nothing was changed.
To keep it, set it where the others are (.env.prod, without that file .env, or this shell).
To let it go, run: npm run deploy -- --stage prod --yes`,
      );
      expect(writes()).toEqual([]);

      const third = await run(["deploy", "--skip-checks", "--stage", "prod", "--yes"], lost);
      expect(third.code, third.printed).toBe(0);
      expect(poll()?.environmentVariables).not.toHaveProperty("WATCH_CUST_SPACES");
    },
    LIMIT_MS,
  );

  it(
    "that nobody gives any more stop the deployment, wherever the others are given",
    async () => {
      const names = ["WATCH_DISCOVER", "RETENTION_DAYS", "UPSTREAM_QPS", "POLL_INTERVAL_SECONDS"];
      const first = await run(["deploy", "--skip-checks", "--stage", "prod"], {
        ...{ WATCH_DISCOVER: "on", RETENTION_DAYS: "30", UPSTREAM_QPS: "2" },
        ...{ POLL_INTERVAL_SECONDS: "120", QUERY_QPS: "2" },
      });
      expect(first.code, first.printed).toBe(0);
      cloud.forget();
      await writeFile(path.join(service.folder, ".env.prod"), "UPSTREAM_QPS=7\n");
      await service.edit((yaml) =>
        yaml.replace("params:\n", "params:\n  prod:\n    POLL_INTERVAL_SECONDS: '60'\n"),
      );
      const args = ["deploy", "--skip-checks", "--stage", "prod", "--param=RETENTION_DAYS=90"];
      const second = await run(args, { QUERY_QPS: "1" });
      expect(second.code).toBe(1);
      for (const name of names) expect(second.printed).toContain(`~ poll  ${name} `);
      expect(second.printed).toContain("~ query  QUERY_QPS 2 -> 1\n");
      expect(second.printed).toContain(
        "What runs in stage prod now would disappear: WATCH_DISCOVER. Nothing was changed.",
      );
      expect(writes()).toEqual([]);
    },
    LIMIT_MS,
  );
});

describe("a stage with a long name", () => {
  it(
    "is no secret, and is deployed although its role is not known everywhere at once",
    async () => {
      await service.remove();
      await cloud.close();
      await start({ roleUnknownFor: 1 });
      const result = await run(["deploy", "--skip-checks", "--stage", "production"]);
      expect(result.code, result.printed).toBe(0);
      expect(result.printed).not.toContain("***");
    },
    LIMIT_MS,
  );
});

describe("the provider plugin's analytics", () => {
  it(
    "are neither sent nor prepared where CI is not set",
    async () => {
      const result = await run(["info"]);
      expect(result.code, result.printed).toBe(0);
      expect(callNames()).toEqual(["sts GetCallerIdentity", "fc ListFunctions"]);
      // It would keep an id for them in the home folder, which is this one.
      expect(await readdir(service.folder)).not.toContain(".config");
    },
    LIMIT_MS,
  );

  it(
    "would be there with the plugins in another order, which is refused",
    async () => {
      const [own, named] = ["./shared/deploy/plugin.js", "serverless-aliyun-function-compute"];
      await service.edit((yaml) =>
        yaml.replace(`  - ${own}\n  - ${named}\n`, `  - ${named}\n  - ${own}\n`),
      );
      const result = await run(["info"]);
      expect(result.code).toBe(1);
      expect(result.printed).toContain(
        "List ./shared/deploy/plugin.js before serverless-aliyun-function-compute in serverless.yml",
      );
      expect(callNames()).toEqual([]);
    },
    LIMIT_MS,
  );
});

describe("credentials", () => {
  it(
    "may come from the profile of the aliyun CLI",
    async () => {
      await mkdir(path.join(service.folder, ".aliyun"));
      const profile = {
        name: "default",
        mode: "StsToken",
        access_key_id: KEY.accessKeyId,
        access_key_secret: KEY.accessKeySecret,
        sts_token: KEY.securityToken,
      };
      const file = path.join(service.folder, ".aliyun", "config.json");
      await writeFile(file, JSON.stringify({ current: "default", profiles: [profile] }));
      const result = await run(["info"], { ...NONE, ALIBABA_CLOUD_SECURITY_TOKEN: "" });
      expect(result.stdout, result.printed).toContain("nothing is deployed");

      await writeFile(file, `{"profiles": "${KEY.accessKeySecret}"`);
      const broken = await run(["info"], NONE);
      expect(broken.stdout).toContain("No credentials came from profile in use. Run: aliyun sts");
    },
    LIMIT_MS,
  );
});

describe("DEBUG", () => {
  it(
    "is refused where it would have the deploying user's token printed",
    async () => {
      const result = await run(["info"], { DEBUG: "*" });
      expect(result.code).toBe(1);
      expect(result.printed).toContain("DEBUG must not name httpx, aliyun or log:client");
      expect(callNames()).toEqual([]);
    },
    LIMIT_MS,
  );
});

describe("a fresh account", () => {
  it(
    "learns what is missing and where to click, and deploys verified functions after it",
    async () => {
      await service.remove();
      await cloud.close();
      const tablestore = await startTablestore({ instance: "store-1", credentials: [KEY] });
      await start({ isFresh: true, runsFunctions: true, tablestore: tablestore.url });
      const receiver = await startReceiver({ secrets: [WEBHOOK_SECRET] });
      const upstream = await startUpstream({ credentials: [KEY] });
      const STORE_URL = "tablestore://store-1.ap-southeast-1/waba";
      const env = { WEBHOOK_URL: receiver.url, CAMS_ENDPOINT: upstream.url, STORE_URL };
      const lines = (text: string) =>
        text.split("\n").filter((line) => /^(ok|warning|error) /.test(line));

      const doctor = await run(["preflight"], env);
      expect(doctor.code).toBe(1);
      expect(lines(doctor.printed).slice(0, 3)).toEqual([
        "error   Could not list functions in ap-southeast-1 (AccessDenied, HTTP 403, request id 1-6741f5c8-15ab0000-0000000000a1).",
        "error   The service role AliyunServiceRoleForFC is missing, without which Function Compute writes no log. Open https://fcnext.console.alibabacloud.com as an administrator and confirm its creation.",
        `error   Could not get project sls-${ACCOUNT}-ap-southeast-1-logs (SLSServiceNotOpen, request id 6A2F0D9C4B00000000000001).`,
      ]);
      expect(doctor.printed).toContain(
        "        Activate Function Compute for this account: https://fcnext.console.alibabacloud.com\n",
      );
      expect(doctor.printed).toContain(
        "        Activate Log Service for this account: https://sls.console.alibabacloud.com\n",
      );
      expect(doctor.stdout).toContain("3 lines above to fix. Nothing was changed.");
      const refused = await run(["deploy"], env);
      expect(refused.code).toBe(1);
      expect(writes()).toEqual([]);

      cloud.state.activated.add("fc").add("sls");
      addServiceRole(cloud.state);
      const good = await run(["preflight"], { ...env, TIMER: "@every 2m" });
      expect(good.code, good.printed).toBe(0);
      expect(lines(good.printed)).toEqual([
        "ok      Function Compute is active in ap-southeast-1",
        "ok      the service role AliyunServiceRoleForFC exists",
        "ok      Log Service is active in ap-southeast-1",
        "ok      the table waba cannot be reached from this machine (OTSAuthFailed), which is usual for a new instance: poll's check makes it if it is absent.",
        "ok      Chat App is asked by the functions' check. Activate it first: https://chatapp.console.alibabacloud.com",
        "ok      API keys: crm (every customer)",
        "ok      the webhook accepted a signed webhook.test with 204",
        "ok      a day of poll with 720 runs and 2 listed customers, each read every 2 min: about 1440 upstream calls, 79 s billed, 0.00033 USD for Function Compute and 0.0022 USD for Tablestore",
        "ok      at most, called without a pause all day: add 10 instances, 9.94 USD; query 2 instances, 1.99 USD",
      ]);
      const deployed = await run(["deploy"], env);
      expect(deployed.code, deployed.printed).toBe(0);
      // The real functions ran: poll found the host and made the table, and each asked the upstream.
      const host = "https://store-1.ap-southeast-1.vpc.tablestore.aliyuncs.com";
      expect(deployed.printed).toContain("The functions use the store's host store-1.ap-southeast");
      for (const { settings } of cloud.state.functions.values()) {
        expect(settings.environmentVariables).toMatchObject({
          STORE_URL: `${STORE_URL}?endpoint=${host}`,
        });
      }
      expect(cloud.state.invocations).toHaveLength(4);
      expect(tablestore.control.calls().map(({ operation }) => operation)).toEqual(
        expect.arrayContaining(["CreateTable", "PutRow"]),
      );
      const asked = upstream.control.calls().map(({ action, code }) => [action, code]);
      expect(asked).toEqual(Array(4).fill(["QueryChatappPhoneNumbers", "OK"]));
      await upstream.close();
      await tablestore.close();
      for (const { headers, body } of receiver.received()) noteDelivery(headers, body);
      await receiver.close();
    },
    LIMIT_MS,
  );
});

describe("permissions", () => {
  it(
    "prints the deploying user's policy, without credentials",
    async () => {
      const result = await run(["permissions"], NONE);
      expect(result.code, result.printed).toBe(0);
      expect(JSON.parse(result.stdout)).toMatchObject({ Version: "1" });
      expect(callNames()).toEqual([]);
    },
    LIMIT_MS,
  );
});
