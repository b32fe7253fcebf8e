import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createQuery } from "../../functions/query.ts";
import { API_KEYS, invoke, queryEvent, START, startFunctionRig } from "../support/function-deps.ts";

type Rig = Awaited<ReturnType<typeof startFunctionRig>>;
type Query = Record<string, string>;

let rig: Rig;
beforeEach(async () => {
  rig = await startFunctionRig({ config: { queryQps: 1 } });
  for (const customer of ["beta", "gamma"]) rig.upstream.control.addCustomer(customer);
});
afterEach(() => rig.close());

const ask = (query: Query, key: string = API_KEYS.any) => rig.query(queryEvent({ query, key }));
const live = () => rig.calls().queries;

describe("query's share of the account's calls", () => {
  it("a second query waits until a second after the first one's answer", async () => {
    await ask({ custSpaceId: "acme" });
    expect(rig.clock.now()).toBe(START);
    expect((await ask({ custSpaceId: "beta" })).status).toBe(200);
    expect(rig.clock.now()).toBe(START + 1_000);
  });

  it("a query that would wait longer than two seconds learns when to come back, and how to do without", async () => {
    const query = createQuery({ ...rig.deps, sleep: async () => undefined });
    const answers = [];
    for (const status of ["A", "B", "C", "D"]) {
      answers.push(await invoke(query, queryEvent({ query: { status } })));
    }
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
    expect(answers[3]?.headers["retry-after"]).toBe("3");
    expect(answers[3]?.body).toMatchObject({
      code: "ERR_QUOTA_SHARE",
      detail:
        "Too many live queries. Send this one again after Retry-After, or accept stored numbers by maxAgeSeconds=60 or source=stored.",
    });
    expect(live()).toBe(3);
  });

  it("a retry after a failure is paced too, and its failure is the answer", async () => {
    rig.upstream.control.fault({ kind: "html-502", count: 9 });
    const { status } = await ask({ custSpaceId: "acme" });
    expect([status, live()]).toEqual([502, 3]);
    expect(rig.clock.now() - START).toBe(2_000);
  });

  it("after a throttle the instance rests for a second", async () => {
    const quick = createQuery({ ...rig.deps, config: { queryQps: 100 } });
    rig.upstream.control.fault({ kind: "throttle" });
    const event = (custSpaceId: string) => queryEvent({ query: { custSpaceId } });
    expect((await invoke(quick, event("acme"))).status).toBe(503);
    expect((await invoke(quick, event("beta"))).status).toBe(200);
    expect(rig.clock.now() - START).toBe(1_000);
  });
});

describe("query's remembered answers", () => {
  it("twenty equal queries at once are one call", async () => {
    rig.upstream.control.addCustomer("acme", [{ PhoneNumber: "4915111" }]);
    const all = Array.from({ length: 20 }, () => ask({ custSpaceId: "acme" }));
    const bodies = new Set((await Promise.all(all)).map(({ text }) => text));
    expect([bodies.size, live()]).toEqual([1, 1]);
  });

  it("an answer serves equal queries for less than a second", async () => {
    await ask({ custSpaceId: "acme" });
    rig.clock.advance(999);
    await ask({ custSpaceId: "acme" });
    expect(live()).toBe(1);
    rig.clock.advance(1);
    await ask({ custSpaceId: "acme" });
    expect(live()).toBe(2);
  });

  it.each<[string, Query, Query]>([
    ["customer", { custSpaceId: "acme" }, { custSpaceId: "beta" }],
    ["customer, the account itself", { custSpaceId: "acme" }, {}],
    ["status", { custSpaceId: "acme" }, { custSpaceId: "acme", status: "X" }],
    ["isvCode", { custSpaceId: "acme", status: "X" }, { custSpaceId: "acme", isvCode: "X" }],
  ])("another %s is another query", async (_name, first, second) => {
    await ask(first);
    await ask(second);
    expect(live()).toBe(2);
  });

  it("self and no customer are one query", async () => {
    await ask({});
    await ask({ custSpaceId: "self" });
    expect(live()).toBe(1);
  });

  it("a remembered answer stays behind the scope of the key", async () => {
    await ask({ custSpaceId: "beta" });
    expect((await ask({ custSpaceId: "beta" }, API_KEYS.acme)).status).toBe(403);
  });

  it("an error is not remembered", async () => {
    rig.upstream.control.fault({ kind: "code", code: "Product.Unsubscript" });
    expect((await ask({ custSpaceId: "acme" })).status).toBe(422);
    expect((await ask({ custSpaceId: "acme" })).status).toBe(200);
  });

  it("an answer from a time in the future is not used", async () => {
    let now = START;
    const query = createQuery({ ...rig.deps, now: () => now });
    await invoke(query, queryEvent());
    now -= 5_000;
    await invoke(query, queryEvent());
    expect(live()).toBe(2);
  });
});

describe("query with maxAgeSeconds", () => {
  const observedAt = new Date(START - 30_000).toISOString();
  const row = { schema: 1, seq: 1, baselineAt: observedAt, observedAt, numbers: {}, pending: [] };
  const put = (more: object = {}) =>
    rig.store.put("c/acme", JSON.stringify({ ...row, ...more }), "absent");
  const sourceOf = async (query: Query) =>
    (await ask({ custSpaceId: "acme", ...query })).body.source;

  it.each([
    ["30", "stored", 0],
    ["29", "live", 1],
    ["0", "live", 1],
    ["86400", "stored", 0],
  ])(
    "of %s: numbers that were true 30 s ago come from %s",
    async (maxAgeSeconds, source, calls) => {
      await put();
      expect(await sourceOf({ maxAgeSeconds })).toBe(source);
      expect(live()).toBe(calls);
    },
  );

  it.each([
    ["is not watched", undefined],
    ["was removed", { removedAt: observedAt }],
    ["was never read", { baselineAt: undefined, observedAt: undefined }],
    ["is stored in an unknown form", { numbers: 1 }],
  ])("a customer that %s is queried live", async (_name, more) => {
    if (more) await put(more);
    expect(await sourceOf({ maxAgeSeconds: "86400" })).toBe("live");
    expect(live()).toBe(1);
  });

  it("a filtered query is live", async () => {
    await put();
    expect(await sourceOf({ maxAgeSeconds: "60", status: "X" })).toBe("live");
  });

  it("stored numbers are given while the share is used up, and older ones are refused", async () => {
    await put();
    await Promise.all(["1", "2", "3"].map((status) => ask({ custSpaceId: "beta", status })));
    const before = live();
    expect(await sourceOf({ maxAgeSeconds: "60" })).toBe("stored");
    expect(live()).toBe(before);
  });

  it("without a store every query is live", async () => {
    const query = createQuery({ ...rig.deps, hasStore: false });
    const event = queryEvent({ query: { custSpaceId: "acme", maxAgeSeconds: "60" } });
    expect((await invoke(query, event)).status).toBe(200);
  });

  it.each(["-1", "1.5", "x", "86401", "", "1e3"])("of %j is refused", async (maxAgeSeconds) => {
    const { status, body } = await ask({ custSpaceId: "acme", maxAgeSeconds });
    expect([status, body.issues]).toEqual([
      400,
      [{ path: "maxAgeSeconds", message: "must be a whole number from 0 to 86400" }],
    ]);
  });

  it.each(["live", "stored"])("is refused beside source=%s", async (source) => {
    const { status, body } = await ask({ custSpaceId: "acme", maxAgeSeconds: "60", source });
    expect([status, body.issues]).toEqual([
      400,
      [{ path: "maxAgeSeconds", message: "cannot be combined with source" }],
    ]);
  });
});
