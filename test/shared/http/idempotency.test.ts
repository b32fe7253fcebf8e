import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../../shared/http/idempotency.ts";
import { createMemoryStore } from "../../../shared/store/memory.ts";

const HOUR_MS = 3_600_000;
const RESPONSE = { status: 201, body: '{"a":1}' };

function setUp() {
  const store = createMemoryStore({ newVersion: randomUUID });
  let time = 1_000_000;
  const open = (idempotencyKey = "k", body = "b", keyName = "crm") =>
    createIdempotency(store, keyName, idempotencyKey, body, () => time);
  const keys = async () => (await store.scan("idem/", "", 100)).map(({ key }) => key);
  const advance = (ms: number) => {
    time += ms;
  };
  return { store, open, keys, advance };
}

describe("createIdempotency", () => {
  it("lets the first request work, and keeps its row by the digest of the key", async () => {
    const { open, store, keys } = setUp();
    expect(await open("k1", "b").reserve()).toEqual({ kind: "first" });
    // SHA-256 of "k1" and of "b"
    const key = "idem/crm/6ab9f1eb8f7d3388f4f9d586f66e99fd54080df2c446f0e58668b09c08a16dd0";
    expect(await keys()).toEqual([key]);
    expect(JSON.parse((await store.get(key))?.value ?? "")).toEqual({
      schema: 1,
      bodyHash: "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d",
      state: "started",
      startedAt: 1_000_000,
      expiresAt: 87_400_000,
    });
  });

  it("gives a repeat the stored response, which no later one replaces", async () => {
    const { open } = setUp();
    const first = open();
    await first.reserve();
    await first.finish(RESPONSE);
    await first.finish({ status: 422, body: "{}" });
    await first.leaveUnknown();
    expect(await open().reserve()).toEqual({ kind: "done", response: RESPONSE });
  });

  it.each(["started", "unknown", "done"])("refuses another body while %s", async (state) => {
    const { open } = setUp();
    const first = open();
    await first.reserve();
    if (state === "unknown") await first.leaveUnknown();
    if (state === "done") await first.finish(RESPONSE);
    await expect(open("k", "other").reserve()).rejects.toMatchObject({
      code: "ERR_IDEMPOTENCY_REUSED",
    });
  });

  it.each([
    [0, 40],
    [39_000, 1],
    [39_999, 1],
  ])("refuses a repeat %i ms after the start for %i s more", async (age, retryAfterSeconds) => {
    const { open, advance } = setUp();
    await open().reserve();
    advance(age);
    await expect(open().reserve()).rejects.toMatchObject({
      code: "ERR_IDEMPOTENCY_IN_FLIGHT",
      retryAfterSeconds,
    });
  });

  it("calls a request abandoned 40 s after its start, and at once after an unknown outcome", async () => {
    const { open, advance } = setUp();
    await open("k1").reserve();
    advance(40_000);
    expect(await open("k1").reserve()).toMatchObject({ kind: "abandoned" });
    const second = open("k2");
    await second.reserve();
    await second.leaveUnknown();
    expect(await open("k2").reserve()).toMatchObject({ kind: "abandoned" });
  });

  it("keeps the response that resolved an abandoned request", async () => {
    const { open, advance } = setUp();
    await open().reserve();
    advance(40_000);
    const resolving = open();
    await resolving.reserve();
    await resolving.finish(RESPONSE);
    expect(await open().reserve()).toEqual({ kind: "done", response: RESPONSE });
  });

  it.each([
    ["the same", "b"],
    ["another", "other"],
  ])("treats a key that was used 24 h ago as new, with %s body", async (_name, body) => {
    const { open, advance, keys, store } = setUp();
    const first = open();
    await first.reserve();
    await first.finish(RESPONSE);
    advance(24 * HOUR_MS - 1);
    expect(await open().reserve()).toEqual({ kind: "done", response: RESPONSE });
    advance(1);
    expect(await open("k", body).reserve()).toEqual({ kind: "first" });
    const [key = ""] = await keys();
    expect(JSON.parse((await store.get(key))?.value ?? "")).toMatchObject({
      state: "started",
      startedAt: 87_400_000,
      expiresAt: 173_800_000,
    });
    expect(await keys()).toHaveLength(1);
  });

  it("treats a key that was left open 24 h ago as new", async () => {
    const { open, advance } = setUp();
    const first = open();
    await first.reserve();
    await first.leaveUnknown();
    advance(24 * HOUR_MS);
    expect(await open().reserve()).toEqual({ kind: "first" });
  });

  it("lets one of many concurrent requests have an expired key", async () => {
    const { open, advance } = setUp();
    await open().reserve();
    advance(24 * HOUR_MS);
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => open().reserve()));
    const codes = outcomes.map((outcome) =>
      outcome.status === "fulfilled" ? outcome.value.kind : outcome.reason.code,
    );
    expect(codes.sort()).toEqual([...Array(49).fill("ERR_IDEMPOTENCY_IN_FLIGHT"), "first"]);
  });

  it("does not take an expired key that another request takes while it reads", async () => {
    const { store, open, advance, keys } = setUp();
    await open().reserve();
    advance(24 * HOUR_MS);
    let reads = 0;
    const racing = {
      ...store,
      async get(key: string) {
        const row = await store.get(key);
        reads += 1;
        if (reads === 1) expect(await open().reserve()).toEqual({ kind: "first" });
        return row;
      },
    };
    const late = createIdempotency(racing, "crm", "k", "b", () => 87_400_000);
    await expect(late.reserve()).rejects.toMatchObject({
      code: "ERR_IDEMPOTENCY_IN_FLIGHT",
      retryAfterSeconds: 1,
    });
    expect(await keys()).toHaveLength(1);
  });

  it("keeps one expiry row, however often a key is repeated", async () => {
    const { open, advance, store } = setUp();
    await open().reserve();
    await open().finish(RESPONSE);
    for (let n = 0; n < 5; n += 1) {
      advance(1_000);
      await open().reserve();
      await expect(open("k", "other").reserve()).rejects.toMatchObject({
        code: "ERR_IDEMPOTENCY_REUSED",
      });
    }
    expect(await store.scan("exp/", "", 100)).toHaveLength(1);
  });

  it("frees the key when nothing was done", async () => {
    const { open, keys } = setUp();
    const first = open();
    await first.reserve();
    await first.forget();
    expect(await keys()).toEqual([]);
    expect(await open("k", "other").reserve()).toEqual({ kind: "first" });
  });

  it("keeps callers apart, also where their names and keys run together", async () => {
    const { open, keys } = setUp();
    for (const [keyName, key] of [
      ["crm", "k"],
      ["crm2", "k"],
      ["crm", "2/k"],
    ]) {
      expect(await open(key, "b", keyName).reserve()).toEqual({ kind: "first" });
    }
    expect(await keys()).toHaveLength(3);
  });

  it("lets one of many concurrent requests be the first", async () => {
    const { open } = setUp();
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => open().reserve()));
    const codes = outcomes.map((outcome) =>
      outcome.status === "fulfilled" ? outcome.value.kind : outcome.reason.code,
    );
    expect(codes.sort()).toEqual([...Array(49).fill("ERR_IDEMPOTENCY_IN_FLIGHT"), "first"]);
  });

  it("asks for a retry if the row goes away while it is read", async () => {
    const { store } = setUp();
    const racing = { ...store, put: async () => "conflict" as const };
    const idempotency = createIdempotency(racing, "crm", "k", "b", () => 0);
    await expect(idempotency.reserve()).rejects.toMatchObject({ retryAfterSeconds: 1 });
  });

  it("refuses a row of a newer version", async () => {
    const { store, open, keys } = setUp();
    await open().reserve();
    const [key = ""] = await keys();
    await store.put(key, '{"schema":2}', (await store.get(key))?.version ?? "absent");
    await expect(open().reserve()).rejects.toMatchObject({ code: "ERR_STORE_ROW" });
  });
});
