import { describe, expect, it } from "vitest";
import { assertSecure } from "../../../shared/deploy/clients.ts";
import { createHider, readFailure } from "../../../shared/deploy/cloud.ts";
import { settingsProblems } from "../../../shared/deploy/doctor.ts";
import { planProblems } from "../../../shared/deploy/plan.ts";
import { statementsOf } from "../../../shared/deploy/rights.ts";
import { FUNCTIONS } from "../../../shared/functions.js";
import { API_KEY } from "./account.ts";
import { planFor, serviceConfig } from "./service.ts";

describe("assertSecure", () => {
  it.each(["*", "httpx*", "express,httpx:body", "log:*", "aliyun", "-other *"])(
    "refuses DEBUG=%s",
    (debug) => {
      expect(() => assertSecure({ DEBUG: debug })).toThrow("DEBUG must not name httpx");
    },
  );

  it.each([undefined, "", "express:*", "-httpx:body"])("takes DEBUG=%s", (debug) => {
    expect(() => assertSecure({ DEBUG: debug })).not.toThrow();
  });

  it("lists every variable that nothing starts with, and how to unset them", () => {
    const environment = { NODE_DEBUG: "tls", NODE_TLS_REJECT_UNAUTHORIZED: "0", DEBUG: "httpx" };
    expect(() => assertSecure(environment)).toThrow(
      /^DEBUG .*\nNODE_DEBUG .*\nNODE_TLS_REJECT_UNAUTHORIZED .*\nRun: unset DEBUG NODE_DEBUG NODE_TLS_REJECT_UNAUTHORIZED$/,
    );
  });
});

describe("planOf", () => {
  it("gives a function the most cpu that its memory allows unless serverless.yml says", () => {
    const [add, , poll] = planFor().functions;
    expect([add?.input.memorySize, add?.input.cpu, poll?.input.cpu]).toEqual([256, 0.25, 0.1]);
  });

  it("leaves empty variables out and turns numbers into text", () => {
    const config = serviceConfig(({ provider }) => {
      provider.environment = { STAGE: "dev", UPSTREAM_QPS: 8, WEBHOOK_ALLOW_CIDRS: "" };
    });
    expect(planFor(config).functions[0]?.environment).toEqual({ STAGE: "dev", UPSTREAM_QPS: "8" });
  });

  it("gives each function the ceiling of the table of functions", () => {
    const ceilings = planFor().functions.map((one) => [one.key, one.instances]);
    const always = FUNCTIONS.filter((row) => !("deployedWith" in row));
    expect(ceilings).toEqual(always.map(({ name, instances }) => [name, instances]));
  });

  it("has hint only with HINT_SECRET, with its own ceiling, and with no right to call", () => {
    const planWith = (secret: string) =>
      planFor(
        serviceConfig(({ functions }) => {
          functions.hint = { handler: "hint.handler", environment: { HINT_SECRET: secret } };
        }),
      );
    expect(planWith("").functions.map(({ key }) => key)).toEqual(["add", "query", "poll"]);
    const plan = planWith("hint-secret-of-the-tests");
    const hint = plan.functions.find(({ key }) => key === "hint");
    expect(hint?.instances).toBe(3);
    expect(hint && statementsOf(hint, plan).flatMap(({ Action }) => Action)).toEqual([
      "log:PostLogStoreLogs",
    ]);
  });

  it.each([
    [{ stage: "Prod" }, "the logstore name waba-numbers-Prod, which must be 3 to 63 lower-case"],
    [{ service: `w${"a".repeat(60)}` }, "which must be 1 to 64 letters, digits, _ and -"],
    [{ region: "singapore" }, "ALIBABA_CLOUD_REGION  must look like ap-southeast-1"],
    [{ stage: "a_b" }, "--stage  must be 1 to 32 letters, digits or -"],
  ])("a plan with names outside the cloud's limits has a problem: %o", (target, problem) => {
    expect(planProblems(planFor(serviceConfig(), target)).join()).toContain(problem);
  });
});

describe("settings that functions would not start with", () => {
  it("are listed one by one, with the line to type", () => {
    expect(settingsProblems(planFor())).toEqual([
      'API_KEYS  must be set. Run: export API_KEYS="crm:$(openssl rand -hex 24)"',
      "STORE_URL  must be set. Run: export STORE_URL=tablestore://INSTANCE.ap-southeast-1/waba_numbers",
      "WEBHOOK_URL  must be set. Run: export WEBHOOK_URL=https://hooks.example.com/whatsapp",
      'WEBHOOK_SECRET  must be set. Run: export WEBHOOK_SECRET="whsec_$(openssl rand -base64 32)"',
    ]);
  });

  it("include a store that only one process has", () => {
    const config = serviceConfig(({ provider }) => {
      provider.environment = { STORE_URL: "memory:" };
    });
    expect(settingsProblems(planFor(config)).at(-1)).toContain(
      "STORE_URL  must name Tablestore or PostgreSQL",
    );
  });
});

describe("the role of", () => {
  const rightsOf = (key: string, poll: object = {}) => {
    const config = serviceConfig(({ provider, functions }) => {
      provider.environment = { STORE_URL: "tablestore://store-1.ap-southeast-1/waba" };
      functions.poll = { ...functions.poll, environment: poll };
    });
    const plan = planFor(config);
    const one = plan.functions.find((each) => each.key === key);
    return one ? statementsOf(one, plan).flatMap(({ Action }) => Action) : [];
  };

  it("query may neither add a number nor write a row", () => {
    expect(rightsOf("query")).toEqual([
      "log:PostLogStoreLogs",
      "cams:QueryChatappPhoneNumbers",
      "ots:GetRow",
    ]);
  });

  it("add may write single rows, and not scan", () => {
    expect(rightsOf("add")).toEqual([
      "log:PostLogStoreLogs",
      "cams:AddChatappPhoneNumber",
      "cams:QueryChatappPhoneNumbers",
      "ots:GetRow",
      "ots:PutRow",
      "ots:DeleteRow",
    ]);
  });

  it("poll has the operations that its settings use, and may make its table", () => {
    const rows = ["GetRow", "GetRange", "PutRow", "DeleteRow", "DescribeTable", "CreateTable"];
    const always = ["log:PostLogStoreLogs", "cams:QueryChatappPhoneNumbers"];
    const table = rows.map((action) => `ots:${action}`);
    expect(rightsOf("poll")).toEqual([...always, ...table]);
    expect(rightsOf("poll", { WATCH_DISCOVER: "off", WATCH_SYNC: "off" })).toEqual([
      ...always,
      ...table,
    ]);
    expect(rightsOf("poll", { WATCH_DISCOVER: "on", WATCH_SYNC: "lane" })).toEqual([
      ...always,
      "cams:ListInstance",
      "cams:ChatappSyncPhoneNumber",
      ...table,
    ]);
    expect(rightsOf("poll", { WATCH_DISCOVER: "true" })).toContain("cams:ListInstance");
    expect(rightsOf("poll", { WATCH_DISCOVER: "ON" })).toContain("cams:ListInstance");
    expect(rightsOf("poll", { WATCH_DISCOVER: "false" })).not.toContain("cams:ListInstance");
  });

  it("a function has no statement about Tablestore with another store", () => {
    const plan = planFor();
    const [add] = plan.functions;
    expect(add && statementsOf(add, plan)).toHaveLength(2);
  });
});

describe("readFailure", () => {
  it("takes code, status, request id and sentence of each SDK's error, and nothing else", () => {
    const secret = "LTAI-secret";
    const rpc = Object.assign(new Error(`${secret}, URL: https://x/?AccessKeyId=${secret}`), {
      code: "NoPermission",
      data: { RequestId: "7B8E1C34-0000", Message: "not allowed" },
      entry: { response: { statusCode: 403 } },
    });
    expect(readFailure(rpc)).toEqual({
      apiCode: "NoPermission",
      status: 403,
      requestId: "7B8E1C34-0000",
      text: "not allowed",
    });
    const timedOut = Object.assign(new Error(secret), { name: "RequestTimeoutError" });
    expect(readFailure(timedOut)).toMatchObject({ apiCode: "Timeout", text: undefined });
    expect(readFailure(new SyntaxError(`Unexpected token < ${secret}`))).toMatchObject({
      apiCode: "UnreadableAnswer",
      text: undefined,
    });
  });
});

describe("createHider", () => {
  it("blanks a token in the text to sign, which a refused signature brings back encoded", () => {
    const hide = createHider(["CAIS/token+of=tests"]);
    expect(hide("sign: GET&%2F&SecurityToken%3DCAIS%252Ftoken%252Bof%253Dtests%26Version")).toBe(
      "sign: GET&%2F&SecurityToken%3D***%26Version",
    );
  });

  it("blanks secrets and access keys, the longest first", () => {
    const hide = createHider([API_KEY, `${API_KEY}-longer`, "short"]);
    expect(hide(`key ${API_KEY}-longer of LTAI5tAbCdEfGhIj is short`)).toBe(
      "key *** of *** is short",
    );
  });
});
