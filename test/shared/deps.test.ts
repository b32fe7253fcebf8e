import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { loadConfig, loadHttpConfig } from "../../shared/config.ts";
import {
  createDeps,
  httpHandler,
  pollHandler,
  type StoreDeps,
  storeHandler,
} from "../../shared/deps.ts";
import { POLL, QUERY } from "../../shared/functions.js";
import { newApiKey, newWebhookSecret, sandboxEnvironment } from "../sandbox/environment.ts";

/** Every function's dependencies over one store of this process, which belongs to account 1. */
function depsOfStore() {
  const environment = sandboxEnvironment({
    upstreamUrl: "http://127.0.0.1:1",
    receiverUrl: "http://127.0.0.1:1",
    webhookSecret: newWebhookSecret(),
    apiKey: newApiKey(),
    storeUrl: `memory:${randomUUID()}`,
    pollIntervalSeconds: 60,
  });
  const config = loadConfig(environment, POLL);
  return () => createDeps(config);
}

const OWNER = { accountId: "1" };
const STRANGER = { accountId: "2" };

describe("openStore", () => {
  it("the store is opened once for all invocations of an instance", async () => {
    const { openStore } = depsOfStore()();
    const [first, second] = await Promise.all([openStore(OWNER), openStore(OWNER)]);
    expect(second).toBe(first);
    expect(await openStore(OWNER)).toBe(first);
  });

  it("a failed opening of the store is tried again by the next invocation", async () => {
    const newDeps = depsOfStore();
    const first = await newDeps().openStore(OWNER);
    await first.put("c/acme", "{}", "absent");

    const { openStore } = newDeps();
    await expect(openStore(STRANGER)).rejects.toMatchObject({ code: "ERR_STORE_IDENTITY" });
    expect((await (await openStore(OWNER)).get("c/acme"))?.value).toBe("{}");
  });
});

describe("the handler of a deployed function", () => {
  function collectLines() {
    const lines: string[] = [];
    return { write: (line: string) => void lines.push(line), lines };
  }

  it("of an HTTP function without its settings responds with a problem, and only its log says why", async () => {
    const { write, lines } = collectLines();
    const handler = httpHandler({ STAGE: "my stage" }, QUERY, loadHttpConfig, neverCreated, write);
    const response = await handler(Buffer.from("{}"), { requestId: "req-1" });

    expect(response).toMatchObject({ statusCode: 500, headers: { "x-request-id": "req-1" } });
    const { body } = response as { body: string };
    expect(JSON.parse(body)).toMatchObject({ code: "ERR_CONFIG" });
    expect(body).not.toMatch(/API_KEYS|STAGE/);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      {
        level: "error",
        message: "function cannot start",
        problems: [
          { path: "API_KEYS", message: "must be set" },
          { path: "STAGE", message: "must be 1 to 32 letters, digits or -" },
        ],
      },
    ]);
  });

  it("of a function without signing has its store, and refuses as the others do", async () => {
    const environment = { API_KEYS: `crm:${newApiKey()}`, STORE_URL: `memory:${randomUUID()}` };
    const create = (deps: StoreDeps) => async () =>
      (await deps.openStore(OWNER)).put("k", "{}", "absent");
    const handler = storeHandler(environment, QUERY, loadHttpConfig, create, () => {});
    expect(await handler("", OWNER)).toBe("stored");
    const unset = storeHandler({}, QUERY, loadHttpConfig, create, () => {});
    expect(await unset("", {})).toMatchObject({ statusCode: 500 });
  });

  it("of poll without its settings fails the invocation after a line in the log", async () => {
    const { write, lines } = collectLines();
    const handler = pollHandler({}, POLL, neverCreated, write);

    await expect(handler(Buffer.from("{}"), {})).rejects.toMatchObject({ code: "ERR_CONFIG" });
    expect(lines).toHaveLength(1);
  });

  it("starts again after a failed start, and once after a good one", async () => {
    const environment: Record<string, string> = {};
    let created = 0;
    const create = () => {
      created += 1;
      return async () => created;
    };
    const handler = httpHandler(environment, QUERY, loadHttpConfig, create, () => {});

    expect(await handler("", {})).toMatchObject({ statusCode: 500 });
    environment.API_KEYS = `crm:${newApiKey()}`;
    expect([await handler("", {}), await handler("", {})]).toEqual([1, 1]);
  });
});

function neverCreated(): never {
  throw new Error("created without its settings");
}
