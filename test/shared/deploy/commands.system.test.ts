import { readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deployService } from "../../../shared/deploy/deploy-service.js";
import { noteDelivery } from "../../contract/document-guard.ts";
import { startReceiver } from "../../sandbox/receiver.ts";
import { ACCOUNT, KEY, SECRETS, WEBHOOK_SECRET } from "./account.ts";
import { createService, type ServiceFolder } from "./cli.ts";
import { type StandInCloud, startCloud } from "./cloud/cloud.ts";
import { archivesOf, connectTo } from "./in-process.ts";
import { planFor } from "./service.ts";

const LIMIT_MS = 180_000;

let cloud: StandInCloud;
let service: ServiceFolder;

beforeEach(async () => {
  cloud = await startCloud({ accountId: ACCOUNT, credentials: [KEY] });
  service = await createService(cloud);
});
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
const stageOf = ({ environmentVariables }: Record<string, unknown>) =>
  (environmentVariables as Record<string, string>).STAGE;
const deployInProcess = async () => {
  const world = connectTo(cloud);
  try {
    await deployService(planFor(), archivesOf(planFor()), world.cloud);
  } finally {
    world.stop();
  }
};

describe("what is deployed", () => {
  it(
    "is told, invoked and read by the commands, and by whom it is asked",
    async () => {
      await deployInProcess();
      const poll = "waba-numbers-dev-poll";

      const info = await run(["info"]);
      expect(info.stdout).toContain(
        "  add    POST https://waba-numbers-dev-add-abcdefghij.ap-southeast-1.fcapp.run/add\n",
      );

      cloud.state.answers.set(poll, { body: '{"customers":[]}' });
      const good = await run(["invoke", "-f", "poll", "-d", '{"command":"watch-list"}']);
      expect(good).toMatchObject({ code: 0, stdout: '{"customers":[]}\n' });
      cloud.state.answers.set(poll, { body: '{"errorType":"ERR_STORE"}', failed: true });
      await writeFile(path.join(service.folder, "command.json"), '{"command":"status"}');
      const bad = await run(["invoke", "-f", "poll", "--path", "command.json"]);
      expect(bad.code).toBe(1);
      expect(bad.printed).toContain(`The function ${poll} ended with an error.`);
      expect(cloud.state.invocations).toEqual([
        { name: poll, payload: '{"command":"watch-list"}' },
        { name: poll, payload: '{"command":"status"}' },
      ]);

      const now = Math.floor(Date.now() / 1000);
      cloud.state.lines.push(
        { time: now - 7200, functionName: poll, message: "old" },
        { time: now - 60, functionName: poll, message: '{"level":"info","message":"tick"}' },
        { time: now - 60, functionName: "waba-numbers-dev-add", message: "of another" },
      );
      const logs = await run(["logs", "-f", "poll"]);
      const at = new Date((now - 60) * 1000).toISOString();
      expect(logs.stdout).toBe(`${at} {"level":"info","message":"tick"}\n`);
    },
    LIMIT_MS,
  );
});

describe("a deployment that cannot work", () => {
  it(
    "names all that is missing or wrong in one message and sends nothing, also without checks",
    async () => {
      const result = await run(["deploy", "--skip-checks"], {
        ALIBABA_CLOUD_ACCESS_KEY_ID: "",
        ALIBABA_CLOUD_ACCESS_KEY_SECRET: "",
        TIMER: "* * * * *",
        API_KEYS: "",
        WEBHOOK_URL: "",
        WEBHOOK_SECRET: "",
        TICK_SECONDS: "99",
        STORE_URL: "memory:",
      });
      expect(result.code).toBe(1);
      expect(result.stdout).toContain(
        "To be mended first: there are no credentials: set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET (and ALIBABA_CLOUD_SECURITY_TOKEN for temporary ones), or name a file with provider.credentials; the timer's cron of poll must have six fields: second minute hour day month weekday; API_KEYS must be set; WEBHOOK_URL must be set; WEBHOOK_SECRET must be set; TICK_SECONDS must be at most 52; STORE_URL must name Tablestore or PostgreSQL: an instance of a function forgets everything. Nothing was sent.",
      );
      expect(cloud.calls()).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    "does not pass over a word in serverless.yml that nobody knows",
    async () => {
      await service.edit((yaml) => yaml.replace("reservedConcurrency:", "reservedConcurency:"));
      const result = await run(["deploy"]);
      expect(result.code).toBe(1);
      expect(result.stdout).toContain("unrecognized property 'reservedConcurency'");
      expect(cloud.calls()).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    "tells the step, the code and the request id of a refused call, and continues when run again",
    async () => {
      cloud.failCall(17, "refuse");
      const failed = await run(["deploy", "--skip-checks", "--stage", "prod"]);
      expect(failed.code).toBe(1);
      expect(failed.stdout).toContain(
        "Could not create the function waba-numbers-prod-add: InternalError, HTTP 500, request id 1-6741f5c8-15ab0000-0000000000a1.",
      );
      const again = await run(["deploy", "--skip-checks", "--stage", "prod"]);
      expect(again.code, again.printed).toBe(0);
      expect(
        [...cloud.state.functions].map(([name, { settings }]) => [name, stageOf(settings)]),
      ).toEqual([
        ["waba-numbers-prod-add", "prod"],
        ["waba-numbers-prod-query", "prod"],
        ["waba-numbers-prod-poll", "prod"],
      ]);
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
      expect(cloud.calls().map(({ name }) => name)).toEqual([
        "sts GetCallerIdentity",
        "fc ListFunctions",
      ]);
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
      expect(cloud.calls()).toEqual([]);
    },
    LIMIT_MS,
  );
});

describe("credentials", () => {
  it(
    "may come from the file that provider.credentials names",
    async () => {
      const lines = [
        "[other]",
        "aliyun_access_key_id = wrong",
        "[default]",
        `aliyun_access_key_id = ${KEY.accessKeyId}`,
        `aliyun_access_key_secret = ${KEY.accessKeySecret}`,
        `aliyun_security_token = ${KEY.securityToken}`,
        `aliyun_account_id = ${ACCOUNT}`,
      ];
      const file = path.join(service.folder, "credentials");
      await writeFile(file, lines.join("\n"));
      await service.edit((yaml) =>
        yaml.replace("  name: aliyun\n", `  name: aliyun\n  credentials: ${file}\n`),
      );
      const none = { ALIBABA_CLOUD_ACCESS_KEY_ID: "", ALIBABA_CLOUD_ACCESS_KEY_SECRET: "" };
      const result = await run(["info"], { ...none, ALIBABA_CLOUD_ACCOUNT_ID: "" });
      expect(result.stdout).toContain("nothing is deployed");
      expect(cloud.calls().map(({ name, refused }) => [name, refused])).toEqual([
        ["sts GetCallerIdentity", undefined],
        ["fc ListFunctions", undefined],
      ]);
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
      expect(result.printed).toContain(
        "DEBUG must not switch on httpx, log:client or aliyun: they print signatures and security tokens. Nothing was sent.",
      );
      expect(cloud.calls()).toEqual([]);
    },
    LIMIT_MS,
  );
});

describe("preflight", () => {
  it(
    "says what it found, and fails when the webhook does not accept a signed test",
    async () => {
      const receiver = await startReceiver({ secrets: [WEBHOOK_SECRET] });
      const good = await run(["preflight"], { WEBHOOK_URL: receiver.url, TIMER: "0 */2 * * * *" });
      for (const { headers, body } of receiver.received()) noteDelivery(headers, body);
      await receiver.close();
      expect(good.code, good.printed).toBe(0);
      expect(good.printed.split("\n").filter((line) => /^(ok|warning|error) /.test(line))).toEqual([
        "ok      the credentials are of account 1234567890123456 and are accepted in ap-southeast-1",
        "ok      API keys: crm (every customer)",
        "ok      the store is PostgreSQL, which is not called from here",
        "ok      the webhook accepted a signed webhook.test with 204",
        "ok      a day of poll with 720 runs and 2 listed customers: about 1440 upstream calls, 900 s billed (90 vCPU-s, 225 GB-s)",
      ]);
      expect(cloud.calls().map(({ name }) => name)).toEqual([
        "sts GetCallerIdentity",
        "fc ListFunctions",
      ]);

      const bad = await run(["preflight"]);
      expect(bad.code).toBe(1);
      expect(bad.stdout).toContain(
        "To be mended before a deployment: the webhook did not accept a signed webhook.test (network); events will wait for it.",
      );
      expect(bad.printed).toContain(
        "ok      a day of poll with 1440 runs and 2 listed customers: about 2880 upstream calls, 1800 s billed (180 vCPU-s, 450 GB-s)",
      );
    },
    LIMIT_MS,
  );
});
