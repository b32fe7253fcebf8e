import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAdd } from "../../functions/add.ts";
import { createQuery } from "../../functions/query.ts";
import { loadQueryConfig } from "../../shared/config.ts";
import { httpHandler } from "../../shared/deps.ts";
import {
  CustomerTooLargeError,
  StoreIdentityError,
  StoreInUseError,
  StoreUnavailableError,
} from "../../shared/errors.ts";
import { QUERY } from "../../shared/functions.js";
import type { Fault } from "../sandbox/cams-faults.ts";
import { BAD_REQUESTS } from "../support/bad-requests.ts";
import { createFakeUpstream, NEVER } from "../support/fake-upstream.ts";
import { fcContext } from "../support/fc-events.ts";
import {
  type Answer,
  addOf,
  createFunctionDeps,
  type FunctionRig,
  GOOD_ADD,
  invoke,
  queryEvent,
  startFunctionRig,
} from "../support/function-deps.ts";
import { createDocumentChecker, type Operation, readDocument } from "./openapi-check.ts";

const check = createDocumentChecker();

let rig: FunctionRig;
beforeEach(async () => {
  rig = await startFunctionRig();
});
afterEach(() => rig.close());

const NO_ROLE = fcContext({ credentials: {} });
const EVENT: Readonly<Record<Asked, Buffer>> = {
  add: addOf(GOOD_ADD),
  query: queryEvent({ query: { custSpaceId: "acme" } }),
};
const stored = queryEvent({ query: { custSpaceId: "acme", source: "stored" } });
const keyed = (body: object) => addOf(body, { headers: { "idempotency-key": "k1" } });

/** Those that call the upstream. The tests of hint check its answers themselves. */
type Asked = Extract<Operation, keyof FunctionRig>;

/** What the tests have seen of an operation: status, and the code of a problem. */
type Seen = Map<string, readonly string[]>;

function note(seen: Seen, operation: Operation, answer: Answer): void {
  const problems = check.answer(operation, answer);
  seen.set(`${answer.status} ${answer.body.code ?? answer.body.outcome ?? ""}`.trim(), problems);
  expect([answer.status, answer.text, problems]).toEqual([answer.status, answer.text, []]);
}

async function afterFault(operation: Asked, fault: Fault): Promise<Answer> {
  rig.clock.advance(1_000);
  rig.upstream.control.fault(fault);
  const answer = await rig[operation](EVENT[operation]);
  rig.upstream.control.clearFaults();
  return answer;
}

/** The same functions over a store that cannot be opened. */
function withoutStore(operation: Asked, error: Error): Promise<Answer> {
  const { deps } = createFunctionDeps(rig.upstream.url, {
    openStore: () => Promise.reject(error),
  });
  return operation === "add"
    ? invoke(createAdd(deps), EVENT.add)
    : invoke(createQuery(deps), stored);
}

const FAULTS: readonly Omit<Fault & { kind: "code" }, "kind">[] = [
  { code: "Product.Unsubscript", count: 3 },
  { code: "Ram.PermissionDeny", count: 3 },
  { code: "Throttling.User", count: 3 },
];

const STORE_ERRORS = [
  new StoreUnavailableError("get"),
  new StoreInUseError(1, "/store.lock"),
  new StoreIdentityError("a", "b"),
  new TypeError("a fault of the program"),
];

async function answerEverything(operation: Asked, seen: Seen): Promise<void> {
  for (const { to, event } of BAD_REQUESTS) {
    if (to === operation) note(seen, operation, await rig[operation](event));
  }
  for (const fault of FAULTS) {
    note(seen, operation, await afterFault(operation, { kind: "code", ...fault }));
  }
  for (const error of STORE_ERRORS) note(seen, operation, await withoutStore(operation, error));
  note(seen, operation, await rig[operation](EVENT[operation], NO_ROLE));
  const unset = httpHandler({}, QUERY, loadQueryConfig, createQuery, () => {});
  note(seen, operation, await invoke(unset, EVENT[operation]));
}

type Documented = Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
type DocumentedOperation = {
  readonly responses: Readonly<
    Record<
      string,
      { readonly content: { readonly "application/problem+json"?: { readonly examples: object } } }
    >
  >;
};

/** The status and code of every problem that the document has for an operation. */
function documented(path: string, method: string): string[] {
  const { paths } = readDocument() as { readonly paths: Documented };
  return Object.entries(paths[path]?.[method]?.responses ?? {}).flatMap(([status, { content }]) => {
    const { examples } = content["application/problem+json"] ?? { examples: {} };
    return Object.keys(examples).map((code) => `${status} ${code}`);
  });
}

describe("the responses of add", () => {
  it("fit openapi.json, and are all that it describes", async () => {
    const seen: Seen = new Map();
    await answerEverything("add", seen);
    note(seen, "add", await rig.add(keyed(GOOD_ADD)));
    const replayed = await rig.add(keyed(GOOD_ADD));
    expect(replayed.headers["idempotency-replayed"]).toBe("true");
    note(seen, "add", replayed);
    note(seen, "add", await rig.add(keyed({ ...GOOD_ADD, verifiedName: "Other" })));
    note(seen, "add", await afterFault("add", { kind: "reset-after" }));
    rig.upstream.control.removeNumber("acme", "4915112345678");
    note(seen, "add", await afterFault("add", { kind: "reset-before" }));
    rig.clock.jumpAfterNextReading(20_000);
    note(seen, "add", await rig.add(EVENT.add));
    await answerWhileRunning(seen);
    await answerTooLarge(seen);
    await answerUnreachable(seen);
    expect([...seen.keys()].filter((key) => !key.startsWith("201")).sort()).toEqual(
      [...documented("/add", "post")].sort(),
    );
    expect([...seen.keys()]).toEqual(expect.arrayContaining(["201 accepted", "201 confirmed"]));
  });

  async function answerWhileRunning(seen: Seen): Promise<void> {
    const { store, clock } = rig;
    const waiting = createFunctionDeps(rig.upstream.url, {
      openStore: async () => store,
      now: clock.now,
      upstreamFor: () => createFakeUpstream({ add: () => NEVER }),
    });
    const event = addOf(GOOD_ADD, { headers: { "idempotency-key": "k2" } });
    void invoke(createAdd(waiting.deps), event);
    while (!Object.keys(await rig.rows()).some((key) => key.includes("hot/"))) await clock.sleep(0);
    note(seen, "add", await rig.add(event));
  }

  async function answerTooLarge(seen: Seen): Promise<void> {
    const { deps, store } = createFunctionDeps(rig.upstream.url);
    const full = { ...store, put: () => Promise.reject(new CustomerTooLargeError(2_000_000)) };
    note(seen, "add", await invoke(createAdd({ ...deps, openStore: async () => full }), EVENT.add));
    await store.put("c/acme", "{}", "absent");
    note(seen, "add", await invoke(createAdd(deps), EVENT.add));
  }

  async function answerUnreachable(seen: Seen): Promise<void> {
    await rig.upstream.close();
    // Its own connections, so that none is left open from before.
    const { deps } = createFunctionDeps(rig.upstream.url);
    note(seen, "add", await invoke(createAdd(deps), EVENT.add));
  }

  it("belong to requests that openapi.json allows, and it refuses other requests", () => {
    expect(check.addRequest(GOOD_ADD)).toEqual([]);
    expect(check.addRequest({ ...GOOD_ADD, action: "x" })).not.toEqual([]);
    expect(check.addRequest({ ...GOOD_ADD, verifiedName: "" })).not.toEqual([]);
    expect(check.addRequest({ ...GOOD_ADD, verifiedName: "é".repeat(513) })).not.toEqual([]);
    expect(check.addRequest({ ...GOOD_ADD, custSpaceId: "a/b" })).not.toEqual([]);
  });
});

describe("the responses of query", () => {
  it("fit openapi.json, and are all that it describes", async () => {
    const seen: Seen = new Map();
    await answerEverything("query", seen);
    rig.upstream.control.setNumber("acme", "4915112345678", { Status: "CONNECTED" });
    note(seen, "query", await rig.query(EVENT.query));
    note(seen, "query", await afterFault("query", { kind: "malformed-row" }));
    note(seen, "query", await afterFault("query", { kind: "unknown-fields" }));
    note(seen, "query", await afterFault("query", { kind: "array-body", count: 3 }));
    note(seen, "query", await afterFault("query", { kind: "html-502", count: 3 }));
    rig.clock.advance(1_000);
    rig.clock.jumpAfterNextReading(5_000);
    note(seen, "query", await rig.query(EVENT.query));
    rig.clock.advance(1_000);
    rig.clock.jumpAfterNextReading(4_900);
    note(seen, "query", await afterFault("query", { kind: "hang", count: 9 }));
    await answerBeyondShare(seen);
    await rig.store.put("c/acme", "{}", "absent");
    note(seen, "query", await rig.query(stored));
    expect([...seen.keys()].filter((key) => key !== "200").sort()).toEqual(
      [...documented("/query", "get")].sort(),
    );
    expect(seen.has("200")).toBe(true);
  });

  async function answerBeyondShare(seen: Seen): Promise<void> {
    const stopped = { config: { queryQps: 0.1 }, sleep: async () => undefined };
    const query = createQuery({ ...rig.deps, ...stopped });
    for (const status of ["A", "B"]) {
      note(seen, "query", await invoke(query, queryEvent({ query: { status } })));
    }
  }

  it("from the store fit openapi.json before and after the first read", async () => {
    const before = { schema: 1, seq: 1_767_323_000_123, numbers: {}, pending: [] };
    const at = "2026-01-02T03:03:35.000Z";
    const after = {
      ...before,
      baselineAt: at,
      observedAt: at,
      numbers: { "4915111": { fields: { status: "BANNED" }, observedAt: at, missingSince: at } },
      failure: { reads: 2, since: at, code: "ERR_UPSTREAM_REJECTED" },
    };
    for (const [customer, row] of Object.entries({ before, after })) {
      await rig.store.put(`c/${customer}`, JSON.stringify(row), "absent");
      const query = { custSpaceId: customer, source: "stored" };
      const answer = await rig.query(queryEvent({ query }));
      expect([customer, check.answer("query", answer)]).toEqual([customer, []]);
      const schema = ["components", "schemas", "StoredNumbers"];
      expect(check.problems(schema, answer.body)).toEqual([]);
    }
  });
});

describe("the check against openapi.json", () => {
  it("reports a response that the document does not describe", async () => {
    const good = await rig.query(EVENT.query);
    expect(check.answer("query", good)).toEqual([]);
    const more = { ...good, body: { ...good.body, total: 1 } };
    expect(check.answer("query", more).join()).toContain('"additionalProperty":"total"');
    expect(check.answer("query", { ...good, status: 202 })).toEqual(["202 is not documented"]);
    const limited = await rig.query(queryEvent({ key: null }));
    const { "www-authenticate": _, ...headers } = limited.headers;
    expect(check.answer("query", { ...limited, headers })).toEqual(["WWW-Authenticate is missing"]);
    const other = { ...limited, body: { ...limited.body, code: "ERR_OTHER" } };
    expect(check.answer("query", other).join()).toContain("allowed values");
  });
});
