import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAdd } from "../../functions/add.ts";
import { watchCustomers } from "../../shared/customers/watch-list.ts";
import {
  StoreUnavailableError,
  UpstreamRejectedError,
  UpstreamThrottledError,
} from "../../shared/errors.ts";
import type { Store } from "../../shared/store/store.ts";
import { createFakeUpstream, type FakeReplies } from "../support/fake-upstream.ts";
import {
  addOf,
  createFunctionDeps,
  type FunctionRig,
  GOOD_ADD,
  invoke,
  readRows,
  startFunctionRig,
} from "../support/function-deps.ts";

const REFUSAL = new UpstreamRejectedError({ action: "AddChatappPhoneNumber" }, "customer");

let rig: FunctionRig;
beforeEach(async () => {
  rig = await startFunctionRig();
});
afterEach(() => rig.close());

/** The add function over the rig's store, with an upstream of the test's own making. */
function addThrough(add: NonNullable<FakeReplies["add"]>, store: Store = rig.store) {
  const { deps, lines } = createFunctionDeps(rig.upstream.url, {
    openStore: async () => store,
    upstreamFor: () => createFakeUpstream({ add, query: () => [] }),
  });
  const handler = createAdd(deps);
  return { lines, add: (body: unknown = GOOD_ADD) => invoke(handler, addOf(body)) };
}

const ACCEPT = () => ({ RequestId: "r", Success: true });

async function put(key: string, row: object): Promise<void> {
  const found = await rig.store.get(key);
  await rig.store.put(key, JSON.stringify(row), found?.version ?? "absent");
}

describe("add and the watch list", () => {
  it("stores the intent before it calls the upstream, so a crash loses nothing", async () => {
    let seen: Record<string, unknown> = {};
    await new Promise<void>((asked) => {
      const { add } = addThrough(async () => {
        seen = await readRows(rig.store);
        asked();
        return new Promise(() => {});
      });
      void add();
    });
    expect(seen).toEqual({
      "c/acme": expect.objectContaining({
        addIntents: [expect.any(String)],
        numbers: {},
        onboarding: {
          "4915112345678": {
            cc: "49",
            addedAt: "2026-01-02T03:04:05.000Z",
            adds: [expect.any(String)],
          },
        },
      }),
      "hot/acme": { schema: 1, addedAt: Date.parse("2026-01-02T03:04:05.000Z") },
    });
  });

  it("calls no upstream if the intent cannot be stored, and undoes what was stored", async () => {
    const store: Store = {
      ...rig.store,
      async put(key, value, expected, version) {
        if (key.startsWith("hot/")) throw new StoreUnavailableError("put");
        return rig.store.put(key, value, expected, version);
      },
    };
    let asked = 0;
    const { add } = addThrough(async () => {
      asked += 1;
      return ACCEPT();
    }, store);
    const { status, headers } = await add();
    expect([status, headers["retry-after"], asked]).toEqual([503, "5", 0]);
    expect(await rig.rows()).toEqual({});
  });

  it("responds with 201 even if the idempotency row cannot be written", async () => {
    let writes = 0;
    const store: Store = {
      ...rig.store,
      async put(key, value, expected, version) {
        if (key.startsWith("idem/") && ++writes > 1) throw new StoreUnavailableError("put");
        return rig.store.put(key, value, expected, version);
      },
    };
    const { deps, lines } = createFunctionDeps(rig.upstream.url, { openStore: async () => store });
    const event = addOf(GOOD_ADD, { headers: { "idempotency-key": "k1" } });
    expect((await invoke(createAdd(deps), event)).status).toBe(201);
    expect(lines.map((line) => JSON.parse(line).message)).toEqual([
      "idempotency row could not be written",
      "request",
    ]);
  });

  it("responds with the refusal even if the intent cannot be undone", async () => {
    const store: Store = {
      ...rig.store,
      async delete() {
        throw new StoreUnavailableError("delete");
      },
    };
    const { add, lines } = addThrough(() => REFUSAL, store);
    expect((await add()).status).toBe(422);
    expect(lines.map((line) => JSON.parse(line).message)).toEqual([
      "refused add could not be taken back",
      "request",
    ]);
  });

  it.each([
    ["refused", REFUSAL, 422],
    ["throttled", new UpstreamThrottledError({ action: "AddChatappPhoneNumber" }), 503],
  ])("leaves no row of a new customer after a %s add", async (_name, error, status) => {
    const { add } = addThrough(() => error);
    expect((await add()).status).toBe(status);
    expect(await rig.rows()).toEqual({});
  });

  it("leaves a watched customer as it was after a refused add", async () => {
    await watchCustomers(rig.store, ["acme"], () => 1000);
    const onboarding = { "4930111": { cc: "49", addedAt: "2026-01-01T00:00:00.000Z" } };
    await put("hot/acme", { schema: 1, onboarding, worseUntil: 5 });
    const before = await rig.store.get("c/acme");
    const { add } = addThrough(() => REFUSAL);
    expect((await add()).status).toBe(422);
    expect((await rig.store.get("c/acme"))?.value).toEqual(before?.value);
    expect((await rig.rows())["hot/acme"]).toEqual({ schema: 1, onboarding, worseUntil: 5 });
  });

  it("leaves a number in the lane after a refused second add of it", async () => {
    expect((await addThrough(ACCEPT).add()).status).toBe(201);
    const before = await rig.rows();
    const { add } = addThrough(() => REFUSAL);
    expect((await add()).status).toBe(422);
    expect(await rig.rows()).toEqual(before);
  });

  it.each([
    ["refused first", true],
    ["refused last", false],
  ])(
    "keeps the rows of one of two concurrent adds, the other of them %s",
    async (_name, refusedFirst) => {
      let endFirst = () => {};
      const firstEnded = new Promise<void>((resolve) => {
        endFirst = resolve;
      });
      const { add } = addThrough(async ({ params: { phoneNumber } }) => {
        const isRefused = phoneNumber === "1512222222";
        if (isRefused !== refusedFirst) await firstEnded;
        if (isRefused) throw REFUSAL;
        return ACCEPT();
      });
      const both = ["1511111111", "1512222222"].map(async (phoneNumber) => {
        const { status } = await add({ ...GOOD_ADD, phoneNumber });
        endFirst();
        return status;
      });
      expect(await Promise.all(both)).toEqual([201, 422]);
      expect(await rig.rows()).toMatchObject({ "c/acme": { addIntents: [expect.any(String)] } });
      expect((await rig.rows())["c/acme"]?.onboarding).toEqual({
        "491511111111": {
          cc: "49",
          addedAt: "2026-01-02T03:04:05.000Z",
          adds: [expect.any(String)],
        },
      });
    },
  );

  it("watches a removed customer again, with its sequence", async () => {
    const removedAt = "2026-01-01T00:00:00.000Z";
    await put("c/acme", { schema: 1, seq: 77, numbers: {}, pending: [], removedAt, extra: 1 });
    expect((await addThrough(ACCEPT).add()).status).toBe(201);
    expect((await rig.rows())["c/acme"]).toEqual({
      schema: 1,
      seq: 77,
      numbers: {},
      pending: [],
      extra: 1,
      addIntents: [expect.any(String)],
      revivedFrom: removedAt,
      onboarding: { "4915112345678": expect.objectContaining({ cc: "49" }) },
    });
  });

  it("leaves a removed customer as it was after a refused add, numbers included", async () => {
    const numbers = { "4930111": { fields: { status: "CONNECTED" }, observedAt: "2026" } };
    const removedAt = "2026-01-01T00:00:00.000Z";
    const row = { schema: 1, seq: 77, numbers, pending: [], removedAt, extra: 1 };
    await put("c/acme", row);
    const { add } = addThrough(() => REFUSAL);
    expect((await add()).status).toBe(422);
    expect(await rig.rows()).toEqual({ "c/acme": row });
  });
});
