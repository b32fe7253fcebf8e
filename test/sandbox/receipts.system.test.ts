import { randomUUID } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { text as readText } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { noteDelivery } from "../contract/document-guard.ts";
import { SANDBOX_CREDENTIALS } from "./environment.ts";
import { startStack } from "./stack.ts";
import { type SandboxUpstream, startUpstream } from "./upstream.ts";
import { CREDENTIALS, call, control, EPOCH, send, signed } from "./upstream-test-client.ts";

const NUMBER = "447700900142";

let upstream: SandboxUpstream;
let hook: Server;
let url: string;
let answer: { readonly status: number; readonly body: string };
let got: string[];

beforeEach(async () => {
  got = [];
  answer = { status: 200, body: '{"code":0,"msg":"ok"}' };
  hook = createServer(async (request, response) => {
    got.push(await readText(request));
    response.writeHead(answer.status).end(answer.body);
  });
  await new Promise<void>((resolve) => hook.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/hint/c1/token`;
  upstream = await startUpstream({ credentials: [CREDENTIALS], now: () => EPOCH });
  upstream.control.addCustomer("c1", [{ PhoneNumber: NUMBER, QualityRating: "GREEN" }]);
});
afterEach(async () => {
  await upstream.close();
  hook.closeAllConnections();
  await new Promise((resolve) => hook.close(resolve));
});

const webhook = (over: Readonly<Record<string, string>> = {}) => ({
  ...{ Action: "UpdateAccountWebhook", CustSpaceId: "c1" },
  ...{ StatusCallbackUrl: url, HttpFlag: "Y" },
  ...over,
});
const set = async (over: Readonly<Record<string, string>> = {}) =>
  (await call(upstream.url, webhook(over))).json();
async function change(fields: Readonly<Record<string, string>>) {
  upstream.control.setNumber("c1", NUMBER, fields);
  await upstream.control.receiptsSettled();
}

describe("UpdateAccountWebhook", () => {
  it("answers as its page's sample, and Query never shows the address", async () => {
    expect(await set()).toMatchObject({
      Code: "OK",
      Message: "SUCCESS",
      AccessDeniedDetail: "\u65e0",
    });
    const query = { Action: "QueryChatappPhoneNumbers", CustSpaceId: "c1" };
    expect((await call(upstream.url, query)).text).not.toContain("/hint/");
  });

  it.each<[Readonly<Record<string, string>>, string]>([
    [{ CustSpaceId: "" }, "MissingCustSpaceId"],
    [{ CustSpaceId: "nobody" }, "Unknown.ResourceOwnerId"],
    [{ HttpFlag: "yes" }, "InvalidParameter.HttpFlag"],
    [{ QueueFlag: "1" }, "InvalidParameter.QueueFlag"],
    [{ StatusCallbackUrl: "" }, "InvalidParameter.StatusCallbackUrl"],
    [{ StatusCallbackUrl: "ftp://x/" }, "InvalidParameter.StatusCallbackUrl"],
  ])("refuses %o with %s, and nothing is sent then", async (over, code) => {
    expect((await set(over)).Code).toBe(code);
    await change({ QualityRating: "RED" });
    expect(upstream.control.receipts()).toEqual([]);
  });

  it("is throttled, cut off and refused like the other operations, and may have been carried out", async () => {
    const action = "UpdateAccountWebhook";
    upstream.control.fault({ kind: "throttle", action });
    upstream.control.fault({ kind: "code", code: "Ram.PermissionDeny", action });
    upstream.control.fault({ kind: "reset-after", action });
    expect((await set()).Code).toBe("Throttling.User");
    expect((await set()).Code).toBe("Ram.PermissionDeny");
    await change({ QualityRating: "YELLOW" });
    expect(got).toEqual([]);
    await expect(set()).rejects.toThrow();
    await change({ QualityRating: "RED" });
    expect(got).toHaveLength(1);
  });

  it("lets ten calls a second pass", async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => set()));
    expect(answers.filter(({ Code }) => Code === "OK")).toHaveLength(10);
  });
});

describe("a receipt", () => {
  it("reports quality and name in one array of version V2, and nothing of the status", async () => {
    await set();
    await change({ QualityRating: "RED", NameStatus: "DECLINED", MessagingLimitTier: "TIER_1K" });
    await change({ Status: "DISCONNECTED", CodeVerificationStatus: "EXPIRED" });
    await change({ MessagingLimitTier: "TIER_10K" });
    upstream.control.setNumber("c1", "447700900143", {});
    upstream.control.removeNumber("c1", "447700900143");
    await upstream.control.receiptsSettled();
    const WabaId = expect.stringMatching(/^\d{15}$/);
    expect(got.map((body) => JSON.parse(body))).toEqual([
      [
        {
          ...{ WabaId, Type: "phoneQualityUpdate", PhoneNumber: NUMBER, Status: "RED" },
          CurrentLimit: "TIER_1K",
        },
        { WabaId, Type: "phoneNameUpdate", PhoneNumber: NUMBER, Status: "DECLINED" },
      ],
    ]);
    expect(got[0]).not.toContain("c1");
  });

  it("goes nowhere once HttpFlag is N, and to the new address once that is set", async () => {
    await set();
    await set({ HttpFlag: "N" });
    await change({ QualityRating: "RED" });
    expect(got).toEqual([]);
    await control(upstream.url, "set-webhook", { custSpaceId: "c1", url });
    await change({ QualityRating: "GREEN" });
    expect(got).toHaveLength(1);
    await control(upstream.url, "set-webhook", { custSpaceId: "c1", url: null });
    await change({ QualityRating: "RED" });
    expect(got).toHaveLength(1);
  });

  it.each([
    [200, '{"code":0}', "done"],
    [200, '{"code":7,"msg":"any number"}', "done"],
    [200, '{"code":"0"}', "no code"],
    [200, "ok", "no code"],
    [403, '{"code":0}', "status 403"],
  ])("with the answer %s %s is %s, and is not repeated", async (status, body, outcome) => {
    answer = { status, body };
    await set();
    await change({ QualityRating: "RED" });
    expect(upstream.control.receipts()).toMatchObject([{ custSpaceId: "c1", outcome }]);
    expect(got).toHaveLength(1);
  });

  it("may be lost, doubled or late", async () => {
    await set();
    const fault = (body: object) => control(upstream.url, "receipt-fault", body);
    for (const kind of ["lost", "doubled"]) await fault({ kind });
    await fault({ kind: "late", delayMs: 200 });
    expect((await fault({ kind: "late" })).status).toBe(400);
    await change({ QualityRating: "RED" });
    expect(got).toHaveLength(0);
    await change({ QualityRating: "GREEN" });
    expect(got).toHaveLength(2);
    const startedAt = performance.now();
    await change({ QualityRating: "YELLOW" });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(199);
    const receipts = (await control(upstream.url, "receipts")).json().result;
    expect(receipts).toMatchObject([{ custSpaceId: "c1" }, { outcome: "done" }, {}]);
  });
});

describe("npm start with HINT_SECRET", () => {
  it("reads a customer for the receipt that its upstream sends to the address of ctl hints url", async () => {
    const stack = await startStack({
      ...{ folder: tmpdir(), port: 0, intervalSeconds: 5 },
      given: {
        ...{ STORE_URL: `memory:${randomUUID()}`, POLL_INTERVAL_SECONDS: "3600" },
        HINT_SECRET: randomUUID(),
      },
      writeLog: (line) => console.warn(line),
    });
    try {
      const { upstream: simulated, functions, timer, receiver } = stack;
      simulated?.control.addCustomer("c1", [
        { PhoneNumber: NUMBER, Status: "CONNECTED", QualityRating: "GREEN" },
      ]);
      await functions.poll('{"command":"watch","custSpaceIds":["c1"]}');
      await timer.runNow();
      const urls = await functions.poll('{"command":"hints-url","custSpaceIds":["c1"]}');
      const [{ path }] = urls.addresses as [{ readonly path: string }];
      const params = webhook({ StatusCallbackUrl: `${stack.url}${path}` });
      const { accessKeyId, accessKeySecret } = SANDBOX_CREDENTIALS;
      const request = signed(
        "POST",
        params,
        {
          AccessKeyId: accessKeyId,
          Timestamp: new Date().toISOString().replace(/\.\d+/, ""),
        },
        accessKeySecret,
      );
      expect((await send(simulated?.url ?? "", "POST", request)).json().Code).toBe("OK");

      simulated?.control.setNumber("c1", NUMBER, { QualityRating: "RED" });
      // The hint is read ten seconds after the last read, which is two runs later.
      for (let runs = 0; runs < 4 && receiver?.received().length === 0; runs += 1) {
        await functions.poll();
      }

      expect(simulated?.control.receipts()).toMatchObject([{ custSpaceId: "c1", outcome: "done" }]);
      const events = receiver?.received() ?? [];
      for (const { headers, body } of events) noteDelivery(headers, body);
      expect(events.map(({ type }) => type)).toEqual(["whatsapp.phone_number.changed"]);
    } finally {
      await stack.close();
    }
  }, 40_000);
});
