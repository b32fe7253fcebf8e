import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { buildInto } from "../../shared/bundle/bundle.ts";
import { FUNCTIONS } from "../../shared/functions.js";
import { type SandboxReceiver, startReceiver } from "../sandbox/receiver.ts";
import { type SandboxUpstream, startUpstream } from "../sandbox/upstream.ts";
import { apiGatewayEvent, fcContext, fcHttpEvent, timerEvent } from "../support/fc-events.ts";
import { assertDocumented, noteDelivery } from "./document-guard.ts";

const KEY = "aaaaaaaaaaaaaaaaaaaaaaaZ";
const WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NAMES = FUNCTIONS.map(({ name }) => name);
const HTTP_NAMES = FUNCTIONS.filter((row) => row.kind === "http").map(({ name }) => name);

/** As the platform does: requires the file, then awaits its handler with bytes and a context. */
const PLATFORM = `
  const [file, context, ...events] = process.argv.slice(1);
  (async () => {
    const { handler } = require(file);
    const answers = [];
    for (const event of events) {
      answers.push(await handler(Buffer.from(event, "base64"), JSON.parse(context)));
    }
    process.send({ kind: typeof handler, answers });
  })()
    .catch((error) => process.send({ error: error.code || error.name }))
    .finally(() => process.disconnect());
`;

type Outcome = {
  readonly kind?: string;
  readonly answers?: readonly Record<string, unknown>[];
  readonly error?: string;
};

type HttpAnswer = {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
};

let folder: string;
let dist: string;
let upstream: SandboxUpstream;
let receiver: SandboxReceiver;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "waba-dist-"));
  // The folder above is one of ES modules, as in the project.
  await writeFile(path.join(folder, "package.json"), '{ "type": "module" }');
  dist = path.join(folder, "dist");
  await buildInto(dist);
});
afterAll(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  upstream = await startUpstream({
    credentials: [
      {
        accessKeyId: "STS.exampleAccessKeyId",
        accessKeySecret: "exampleAccessKeySecret",
        securityToken: "exampleSecurityToken",
      },
    ],
  });
  upstream.control.addCustomer("cust-1", [{ PhoneNumber: "491700000001" }]);
  receiver = await startReceiver({ secrets: [WEBHOOK_SECRET] });
});
afterEach(async () => {
  await upstream.close();
  for (const { headers, body } of receiver.received()) noteDelivery(headers, body);
  await receiver.close();
});

const environment = () => ({
  CAMS_ENDPOINT: upstream.url,
  API_KEYS: `crm:${KEY}`,
  STORE_URL: "memory:",
  WEBHOOK_URL: receiver.url,
  WEBHOOK_SECRET,
  WEBHOOK_ALLOW_HTTP: "true",
  WEBHOOK_ALLOW_CIDRS: "127.0.0.1/32",
  WATCH_CUST_SPACES: "cust-1",
  TICK_SECONDS: "2",
});

/** Loads one function in its own process and hands it these events one after another. */
async function invoke(
  name: (typeof NAMES)[number],
  events: readonly Buffer[],
  env: Record<string, string> = environment(),
): Promise<Outcome & { readonly printed: string }> {
  const args = events.map((event) => event.toString("base64"));
  const file = path.join(dist, `${name}.js`);
  const child = spawn(
    process.execPath,
    ["-e", PLATFORM, file, JSON.stringify(fcContext()), ...args],
    { env, cwd: folder, stdio: ["ignore", "pipe", "pipe", "ipc"] },
  );
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
    });
  }
  const said = once(child, "message");
  await once(child, "close");
  const [outcome] = (await said) as [Outcome];
  if (name !== "poll") {
    outcome.answers?.forEach((answer, index) => {
      const { statusCode: status, headers } = answer as HttpAnswer;
      assertDocumented(events[index], { status, headers, body: json(answer) }, name);
    });
  }
  return { ...outcome, printed };
}

const bearer = { authorization: `Bearer ${KEY}` };
const addRequest = (phoneNumber: string) => ({
  method: "POST",
  headers: { ...bearer, "content-type": "application/json" },
  body: JSON.stringify({
    custSpaceId: "cust-1",
    cc: "86",
    phoneNumber,
    verifiedName: "阿里巴巴 Café",
  }),
  base64: true,
});
const queryRequest = { method: "GET", headers: bearer, query: { custSpaceId: "cust-1" } };

const json = (answer: Record<string, unknown> | undefined) => JSON.parse(String(answer?.body));

describe("the built functions, each in a fresh process", () => {
  it("add accepts both kinds of HTTP event, and refuses a timer's", async () => {
    const { answers, printed } = await invoke("add", [
      fcHttpEvent(addRequest("13800000001")),
      apiGatewayEvent(addRequest("13800000002")),
      timerEvent(),
    ]);

    expect(answers?.map((answer) => answer.statusCode)).toEqual([201, 201, 400]);
    expect(answers?.slice(0, 2).map(json)).toMatchObject([
      { phoneNumber: "8613800000001", custSpaceId: "cust-1", outcome: "accepted" },
      { phoneNumber: "8613800000002", custSpaceId: "cust-1", outcome: "accepted" },
    ]);
    expect(json(answers?.[2])).toMatchObject({ code: "ERR_INVALID_REQUEST", status: 400 });
    expect(upstream.control.numbers("cust-1")).toMatchObject([
      { PhoneNumber: "491700000001" },
      { PhoneNumber: "8613800000001", VerifiedName: "阿里巴巴 Café" },
      { PhoneNumber: "8613800000002", VerifiedName: "阿里巴巴 Café" },
    ]);
    expect(printed).not.toMatch(/13800000001|exampleAccessKeySecret|exampleSecurityToken|aaaaaaaa/);
  });

  it("query accepts both kinds of HTTP event, and refuses a timer's", async () => {
    const { answers } = await invoke("query", [
      fcHttpEvent(queryRequest),
      // Another query: equal ones would get the first one's answer.
      apiGatewayEvent({ ...queryRequest, query: { ...queryRequest.query, status: "PENDING" } }),
      timerEvent(),
    ]);

    expect(answers?.map((answer) => answer.statusCode)).toEqual([200, 200, 400]);
    for (const answer of answers?.slice(0, 2) ?? []) {
      expect(json(answer)).toMatchObject({
        phoneNumbers: [{ phoneNumber: "491700000001", status: "PENDING", isOfficial: "N" }],
      });
    }
    expect(upstream.control.calls().map((call) => [call.method, call.code])).toEqual([
      ["POST", "OK"],
      ["POST", "OK"],
    ]);
  });

  it("poll accepts a timer's event, and refuses both kinds of HTTP event", async () => {
    const { answers } = await invoke("poll", [
      timerEvent(),
      fcHttpEvent({ method: "GET" }),
      apiGatewayEvent({ method: "GET" }),
    ]);

    const refused = { error: { code: "ERR_INVALID_REQUEST", issues: [{ path: "" }] } };
    expect(answers).toMatchObject([
      { read: 1, changed: 0, failed: 0, delivered: 0, pending: 0, leaseHeld: false },
      refused,
      refused,
    ]);
    expect(upstream.control.calls()).toMatchObject([
      { action: "QueryChatappPhoneNumbers", custSpaceId: "cust-1", code: "OK" },
    ]);
  });

  it.each(HTTP_NAMES)("%s responds with a problem if no setting is set", async (name) => {
    const { answers } = await invoke(name, [fcHttpEvent(queryRequest)], {});
    expect(answers).toMatchObject([{ statusCode: 500 }]);
    expect(json(answers?.[0])).toMatchObject({ code: "ERR_CONFIG" });
  });

  it("poll fails its invocation if no setting is set", async () => {
    const { error, printed } = await invoke("poll", [timerEvent()], {});
    expect(error).toBe("ERR_CONFIG");
    expect(printed).toContain('"path":"WEBHOOK_URL","message":"must be set"');
  });
});

describe("the built files", () => {
  it.each(NAMES)("%s loads without an environment and has a handler", async (name) => {
    expect(await invoke(name, [], {})).toEqual({ kind: "function", answers: [], printed: "" });
  });

  it("have no handler without the package.json that marks them as CommonJS", async () => {
    const file = path.join(dist, "package.json");
    expect(await readFile(file, "utf8")).toBe('{ "type": "commonjs" }\n');
    await rename(file, `${file}.away`);
    try {
      expect((await invoke("add", [], {})).kind).not.toBe("function");
    } finally {
      await rename(`${file}.away`, file);
    }
  });
});
