import { createHmac, randomUUID } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createHint } from "../../functions/hint.ts";
import { loadHintConfig } from "../../shared/config.ts";
import { storeHandler } from "../../shared/deps.ts";
import { StoreUnavailableError } from "../../shared/errors.ts";
import { HINT } from "../../shared/functions.js";
import { createLog } from "../../shared/log.ts";
import { createMemoryStore } from "../../shared/store/memory.ts";
import type { Store } from "../../shared/store/store.ts";
import { fcContext, fcHttpEvent } from "../support/fc-events.ts";
import { API_KEYS, invoke, readRows, type SentRequest } from "../support/function-deps.ts";
import { SEED } from "../support/seed.ts";
import { item } from "../support/watch-builders.ts";
import { createWatchWorld } from "../support/watch-world.ts";

const NEW = "hint-secret-that-is-new";
const OLD = "hint-secret-that-is-old";
const T0 = Date.parse("2026-01-02T03:04:05Z");

const tokenOf = (customer: string, secret = NEW) =>
  createHmac("sha256", secret).update(`hint:${customer}`).digest("base64url");
const addressOf = (customer: string, secret?: string) =>
  `/${customer}/${tokenOf(customer, secret)}`;

function openHint(secrets = `${NEW} ${OLD}`, wrap: (store: Store) => Store = (store) => store) {
  const environment = {
    API_KEYS: `any:${API_KEYS.any},acme:${API_KEYS.acme}:acme`,
    STORE_URL: "memory:",
    HINT_SECRET: secrets,
  };
  const config = loadHintConfig(environment, HINT);
  const store = createMemoryStore({ newVersion: randomUUID });
  let storeCalls = 0;
  const counted = new Proxy(wrap(store), {
    get(target, name) {
      if (name !== "then") storeCalls += 1;
      return Reflect.get(target, name);
    },
  });
  let now = T0;
  const lines: string[] = [];
  const handler = createHint({
    config,
    now: () => now,
    newId: () => "made-id",
    log: createLog({ level: "debug", now: () => now, write: (line) => lines.push(line) }),
    openStore: async () => counted,
  });
  const post = ({ key, headers, ...sent }: SentRequest) => {
    const authorization = key ? { authorization: `Bearer ${key}` } : undefined;
    const event = fcHttpEvent({
      method: "POST",
      ...sent,
      headers: { ...authorization, ...headers },
    });
    return invoke(handler, event, fcContext(), "hint");
  };
  return {
    post,
    handler,
    store,
    lines,
    storeCalls: () => storeCalls,
    advance: (ms: number) => {
      now += ms;
    },
    marks: async () => Object.keys(await readRows(store)),
    keyed: (body: unknown, sent: SentRequest = {}) =>
      post({
        path: "/",
        key: API_KEYS.any,
        body: JSON.stringify(body),
        ...sent,
        headers: { "content-type": "application/json", ...sent.headers },
      }),
  };
}

/** As the pages "ChatAppAudit-1" show them, with other values. */
const RECEIPT_V1 = [
  {
    WabaId: "100200300400",
    TemplateCode: "t-1",
    Language: "en",
    AuditStatus: "fail",
    Reason: "INVALID_FORMAT",
  },
];
const RECEIPT_V2 = [
  {
    WabaId: "100200300400",
    Type: "phoneQualityUpdate",
    PhoneNumber: "447700900142",
    Status: "RED",
    CurrentLimit: "TIER_1K",
  },
  {
    WabaId: "100200300400",
    TemplateCode: "t-1",
    Language: "en",
    AuditStatus: "pass",
    Type: "template",
  },
];

describe("the address of a customer", () => {
  it.each([
    ["a receipt V1", JSON.stringify(RECEIPT_V1)],
    ["a receipt V2", JSON.stringify(RECEIPT_V2)],
    ["an empty list", "[]"],
    ["a thousand reports", JSON.stringify(Array(1_000).fill(RECEIPT_V2[0]))],
    ["nothing", ""],
    ["text", "garbage"],
    ["half of a list", '[{"WabaId":'],
    ["bytes that are no text", Buffer.from([0xff, 0xfe, 0x00])],
    ["a body of 262,144 bytes", Buffer.alloc(262_144, "x")],
  ])("accepts %s with code 0, and marks the customer", async (_, body) => {
    const { post, store } = openHint();
    const answer = await post({ path: addressOf("acme"), body });
    expect([answer.status, answer.text]).toEqual([200, '{"code":0}']);
    expect(await readRows(store)).toEqual({ "hint/acme": { schema: 1, at: T0 } });
  });

  it.each([262_145, 1_048_576])("refuses a body of %i bytes", async (size) => {
    const { post, marks } = openHint();
    const answer = await post({ path: addressOf("acme"), body: Buffer.alloc(size, "x") });
    expect([answer.status, answer.body.code]).toEqual([413, "ERR_BODY_TOO_LARGE"]);
    expect(await marks()).toEqual([]);
  });

  it("accepts any body with the same answer", async () => {
    const { post, marks, advance } = openHint();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2_000 }), async (bytes) => {
        advance(5_000);
        const answer = await post({ path: addressOf("acme"), body: Buffer.from(bytes) });
        expect([answer.status, answer.text]).toEqual([200, '{"code":0}']);
      }),
      { seed: SEED, numRuns: 100 },
    );
    expect(await marks()).toEqual(["hint/acme"]);
  });

  it("holds behind a custom domain, with a slash at its end and by the old secret", async () => {
    const { post, marks } = openHint();
    for (const path of [
      `/hint${addressOf("a")}`,
      `${addressOf("b")}/`,
      addressOf("c", OLD),
      `/hint${addressOf("hint")}`,
      addressOf("self"),
    ]) {
      expect([path, (await post({ path })).status]).toEqual([path, 200]);
    }
    expect(await marks()).toEqual(["hint/a", "hint/b", "hint/c", "hint/hint", "hint/self"]);
  });

  it.each([
    ["another customer's token", `/acme/${tokenOf("beta")}`],
    ["a token of no secret", addressOf("acme", "another-secret-of-hints")],
    ["a token that is cut", addressOf("acme").slice(0, -1)],
    ["a token that is longer", `${addressOf("acme")}A`],
    ["the API key", `/acme/${API_KEYS.any}`],
    ["a customer that is no id", `/a+b/${tokenOf("a+b")}`],
  ])("is refused with %s", async (_, path) => {
    const { post, marks, lines } = openHint();
    const answer = await post({ path, body: JSON.stringify(RECEIPT_V2) });
    expect([answer.status, answer.body.code]).toEqual([403, "ERR_FORBIDDEN"]);
    expect(await marks()).toEqual([]);
    expect(lines.join()).not.toContain(path.slice(6));
  });

  it.each(["/acme", "/a/b/c", "/hint/a/b/c", "//", "/acme/"])("is not %s", async (path) => {
    expect((await openHint().post({ path })).status).toBe(404);
  });

  it("is for POST alone", async () => {
    const answer = await openHint().post({ method: "GET", path: addressOf("acme") });
    expect([answer.status, answer.headers.allow]).toEqual([405, "POST, OPTIONS"]);
  });
});

describe("the door for API keys", () => {
  it("marks up to a hundred customers, each once", async () => {
    const { keyed, marks } = openHint();
    const ids = Array.from({ length: 100 }, (_, index) => `cust-${index}`);
    expect((await keyed({ custSpaceIds: ids })).text).toBe('{"code":0}');
    expect((await marks()).length).toBe(100);
    expect((await keyed({ custSpaceIds: ["acme", "acme"] }, { path: "/hint" })).status).toBe(200);
    expect(await marks()).toContain("hint/acme");
  });

  it.each([
    [{ custSpaceIds: [] }],
    [{ custSpaceIds: Array(101).fill("a") }],
    [{ custSpaceIds: "acme" }],
    [{ custSpaceIds: ["a/b"] }],
    [{ custSpaceIds: ["acme"], more: 1 }],
    [RECEIPT_V2],
    ["acme"],
  ])("refuses a body of another form: %j", async (body) => {
    const { keyed, marks } = openHint();
    const answer = await keyed(body);
    expect([answer.status, answer.body.code]).toEqual([400, "ERR_INVALID_REQUEST"]);
    expect(await marks()).toEqual([]);
  });

  it("marks nobody if the key does not cover one of them", async () => {
    const { keyed, marks } = openHint();
    const body = { custSpaceIds: ["acme", "beta"] };
    expect((await keyed(body, { key: API_KEYS.acme })).status).toBe(403);
    expect((await keyed(body, { key: null })).status).toBe(401);
    expect((await keyed(body, { key: `${API_KEYS.any}x` })).status).toBe(401);
    expect(await marks()).toEqual([]);
    expect((await keyed({ custSpaceIds: ["acme"] }, { key: API_KEYS.acme })).status).toBe(200);
  });
});

describe("the store", () => {
  it("is called at most once a hint, and twice a second in a flood", async () => {
    const { post, storeCalls, advance, marks } = openHint();
    for (let sent = 0; sent < 1_000; sent += 1) {
      await post({ path: addressOf("acme") });
      advance(2);
    }
    expect(storeCalls()).toBe(4);
    await post({ path: addressOf("beta") });
    expect(storeCalls()).toBe(5);
    expect(await marks()).toEqual(["hint/acme", "hint/beta"]);
  });

  it("that fails has the hint sent again, which is not answered from memory", async () => {
    let fails = true;
    const { post, marks } = openHint(NEW, (store) => ({
      ...store,
      put: async (...put) => {
        if (fails) throw new StoreUnavailableError("put");
        return store.put(...put);
      },
    }));
    expect((await post({ path: addressOf("acme") })).status).toBe(503);
    fails = false;
    expect((await post({ path: addressOf("acme") })).status).toBe(200);
    expect(await marks()).toEqual(["hint/acme"]);
  });
});

describe("a report that poll reads for", () => {
  const CLAIMS = [
    ["that the number is RED", JSON.stringify(RECEIPT_V2)],
    ["a thousand of them", JSON.stringify(Array(1_000).fill(RECEIPT_V2[0]))],
    ["that the account is disabled", '[{"Type":"wabaAccountUpdate","Status":"DISABLED_UPDATE"}]'],
    [
      "an event of poll's own",
      '{"type":"whatsapp.phone_number.missing","data":{"phoneNumber":"1"}}',
    ],
    ["garbage", "\u0000"],
  ] as const;

  it("makes no event of what it claims, and of a change one event, whatever it claims", async () => {
    const world = createWatchWorld();
    await world.watch(["acme"]);
    const settings = { hints: true, pollIntervalMs: 86_400_000, runMs: 20_000 };
    await world.run(settings);
    const { post, advance } = openHint(NEW, () => world.store);
    for (const [claim, body] of CLAIMS) {
      await world.minute();
      advance(60_000);
      world.forget();
      const answer = await post({ path: addressOf("acme"), body });
      expect([claim, answer.status, world.writes]).toEqual([claim, 200, ["hint/acme"]]);
      await world.minute();
      await world.run(settings);
      expect([claim, world.calls.length > 0, world.sent]).toEqual([claim, true, []]);
    }
    world.answers.set("acme", [item(undefined, { QualityRating: "YELLOW" })]);
    await world.minute();
    advance(60_000);
    await post({ path: addressOf("acme"), body: JSON.stringify(RECEIPT_V2) });
    await world.minute();
    await world.run(settings);
    const events = world.sent.map(({ event }) => JSON.parse(event.body).data.changes);
    expect(events).toMatchObject([[{ field: "qualityRating", from: "GREEN", to: "YELLOW" }]]);
  });
});

describe("hint", () => {
  it("answers a check by its store alone", async () => {
    const check = Buffer.from('{"command":"check"}');
    expect(await openHint().handler(check, fcContext())).toMatchObject({
      ok: true,
      store: { ok: true },
      upstream: undefined,
    });
  });

  it("does not start without its settings, and says so in the log alone", async () => {
    const lines: string[] = [];
    const handler = storeHandler({}, HINT, loadHintConfig, createHint, (line) => lines.push(line));
    const answer = await invoke(handler, fcHttpEvent({ method: "POST" }), fcContext(), "hint");
    expect([answer.status, answer.body.code]).toEqual([500, "ERR_CONFIG"]);
    expect(JSON.parse(lines.join()).problems.map(({ path }: { path: string }) => path)).toEqual([
      "API_KEYS",
      "STORE_URL",
      "HINT_SECRET",
    ]);
  });

  it.each([
    ["short", "must be 16 or more printable characters"],
    ["aaaaaaaaaaaaaaaaaaaa", "must be 16 or more printable characters"],
    [`${NEW} ${OLD} ${NEW}`, "must hold at most two secrets"],
  ])("refuses the secret %s", (secret, message) => {
    expect(() => openHint(secret)).toThrow(
      expect.objectContaining({
        problems: [{ path: "HINT_SECRET", message: expect.stringContaining(message) }],
      }),
    );
  });
});
