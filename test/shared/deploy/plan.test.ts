import { describe, expect, it } from "vitest";
import { cronProblem, runsADay } from "../../../shared/deploy/cron.js";
import { assertQuiet } from "../../../shared/deploy/debug-guard.js";
import { factsOf } from "../../../shared/deploy/deploy-error.js";
import { planProblems } from "../../../shared/deploy/plan-problems.js";
import { planFor, serviceConfig } from "./service.ts";

describe("cronProblem", () => {
  it.each([
    "@every 1m",
    "@every 24h",
    "0 */5 * * * *",
    "0 0 12 ? * MON-FRI",
    "0 0 0 1,15 JAN *",
    "CRON_TZ=Asia/Shanghai 0 0 9 * * *",
  ])("takes %s", (text) => {
    expect(cronProblem(text)).toBeUndefined();
  });

  it.each([
    ["@every 30s", "must be like '@every 1m'"],
    ["@every 0m", "must be like '@every 1m'"],
    ["*/5 * * * *", "must have six fields"],
    ["0 60 * * * *", "has a wrong minute"],
    ["0 0 24 0 * *", "has a wrong hour, day"],
    ["0 0 0 * * 8", "has a wrong weekday"],
    ["CRON_TZ=Mars/Base 0 0 9 * * *", "has an unknown time zone"],
    ["", "must have six fields"],
  ])("refuses '%s'", (text, problem) => {
    expect(cronProblem(text)).toContain(problem);
  });
});

describe("runsADay", () => {
  it.each([
    ["@every 1m", 1440],
    ["@every 7m", 205.71],
    ["@every 6h", 4],
    ["0 */5 * * * *", 288],
    ["0,30 0-9/3 * ? * *", 192],
    ["CRON_TZ=Asia/Shanghai 0 0 9 * * *", 1],
    ["0 0/15 8-17 * * ?", 40],
  ])("of '%s' is %d", (text, runs) => {
    expect(runsADay(text)).toBeCloseTo(runs, 2);
  });

  it.each(["0 0 12 ? * MON-FRI", "0 0 0 1,15 * *", "0 0 0 * JAN *"])(
    "cannot be told of '%s': not every day has as many",
    (text) => {
      expect(runsADay(text)).toBeUndefined();
    },
  );
});

describe("assertQuiet", () => {
  it.each(["*", "httpx*", "express,httpx:body", "log:*", "aliyun", "-other *"])(
    "refuses DEBUG=%s",
    (debug) => {
      expect(() => assertQuiet(debug)).toThrow("DEBUG must not switch on httpx");
    },
  );

  it.each([undefined, "", "express:*", "-httpx:body", "httpx:other"])("takes DEBUG=%s", (debug) => {
    expect(() => assertQuiet(debug)).not.toThrow();
  });
});

describe("planOf", () => {
  it("keeps a policy statement out that is about nothing", () => {
    const config = serviceConfig(({ provider }) => {
      provider.ramRoleStatements.push({ Effect: "Allow", Action: ["ots:GetRow"], Resource: [] });
    });
    expect(planFor(config).statements).toHaveLength(1);
  });

  it("gives a function the most cpu that its memory allows unless it is told", () => {
    const [add, , poll] = planFor().functions;
    expect([add?.input.memorySize, add?.input.cpu, poll?.input.cpu]).toEqual([256, 0.25, 0.1]);
  });

  it("leaves empty variables out and turns numbers into text", () => {
    const config = serviceConfig(({ provider }) => {
      provider.environment = { STAGE: "dev", UPSTREAM_QPS: 8, WEBHOOK_ALLOW_CIDRS: "" };
    });
    expect(planFor(config).functions[0]?.environment).toEqual({ STAGE: "dev", UPSTREAM_QPS: "8" });
  });

  it("measures each function's environment in bytes, names and values", () => {
    const withCustomers = (length: number) =>
      planProblems(
        planFor(
          serviceConfig(({ functions }) => {
            const text = `é${"a".repeat(length - 2)}`;
            Object.assign(functions.poll ?? {}, { environment: { WATCH_CUST_SPACES: text } });
          }),
        ),
      );
    // STAGE and dev are 8 bytes, WATCH_CUST_SPACES is 17.
    expect(withCustomers(4096 - 25)).toEqual([]);
    expect(withCustomers(4096 - 24)).toEqual([
      "the environment of poll has 4097 bytes, 4096 are allowed: shorten WATCH_CUST_SPACES",
    ]);
  });

  it("names all that Function Compute refuses at once", () => {
    const config = serviceConfig(({ functions }) => {
      functions.add = { handler: "add.handler", memorySize: 1024, cpu: 0.2, events: [] };
      functions.poll = { handler: "poll.handler", events: [{ timer: { cron: "* * * * *" } }] };
    });
    expect(planProblems(planFor(config, { stage: "Prod" }))).toEqual([
      "the logstore name waba-numbers-Prod may hold lower-case letters, digits, _ and - only",
      "add must have 1 to 4 GB of memory for each vCPU",
      "the timer's cron of poll must have six fields: second minute hour day month weekday",
    ]);
  });

  it.each([
    [{ stage: "Prod" }, "the logstore name waba-numbers-Prod may hold lower-case letters"],
    [{ service: `w${"a".repeat(60)}` }, "has 70 characters, 64 are allowed"],
    [{ region: "singapore" }, "the region must look like ap-southeast-1"],
    [{ stage: "a_b" }, "the stage must be 1 to 32 letters, digits or -"],
  ])("refuses names outside the cloud's limits: %o", (target, problem) => {
    expect(planProblems(planFor(serviceConfig(), target)).join()).toContain(problem);
  });
});

describe("factsOf", () => {
  it("takes code, status and request id of each SDK's error and nothing else", () => {
    const secret = "LTAI-secret";
    const rpc = Object.assign(new Error(`${secret}, URL: https://x/?AccessKeyId=${secret}`), {
      code: "NoPermission",
      data: { RequestId: "7B8E1C34-0000" },
      entry: { response: { statusCode: 403 } },
    });
    expect(factsOf(rpc)).toEqual({
      apiCode: "NoPermission",
      status: 403,
      requestId: "7B8E1C34-0000",
    });
    expect(factsOf(Object.assign(new Error(secret), { name: "RequestTimeoutError" }))).toEqual({
      apiCode: "Timeout",
      status: undefined,
      requestId: undefined,
    });
    expect(factsOf(new SyntaxError(`Unexpected token < ${secret}`)).apiCode).toBe(
      "UnreadableAnswer",
    );
    expect(factsOf(Object.assign(new Error(), { code: `with ${secret}` })).apiCode).toBe(
      "UnreadableAnswer",
    );
  });
});
