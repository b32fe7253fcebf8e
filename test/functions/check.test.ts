import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAdd } from "../../functions/add.ts";
import { createPoll } from "../../functions/poll.ts";
import { createQuery } from "../../functions/query.ts";
import { loadQueryConfig } from "../../shared/config.ts";
import { httpHandler, pollHandler } from "../../shared/deps.ts";
import { StoreUnavailableError } from "../../shared/errors.ts";
import { POLL, QUERY } from "../../shared/functions.js";
import { fcContext, fcHttpEvent, timerEvent } from "../support/fc-events.ts";
import { type FunctionRig, startFunctionRig } from "../support/function-deps.ts";
import { type PollStage, startPollStage } from "../support/poll-stage.ts";

const ignore = () => {};
const CHECK = Buffer.from('{"command":"check"}');

let rig: FunctionRig;
beforeEach(async () => {
  rig = await startFunctionRig();
});
afterEach(() => rig.close());

describe.each([
  ["add", createAdd],
  ["query", createQuery],
])("a check of %s", (_, create) => {
  it("opens the store and asks the upstream for the account's numbers", async () => {
    expect(await create(rig.deps)(CHECK, fcContext())).toEqual({
      command: "check",
      ok: true,
      settings: { ok: true },
      store: { ok: true },
      upstream: { ok: true, requestId: expect.stringMatching(/^[0-9A-F-]{36}$/) },
    });
    expect(rig.calls()).toEqual({ adds: 0, queries: 1 });
  });

  it("lists all that is wrong with code and reason", async () => {
    rig.upstream.control.fault({ kind: "code", code: "NoPermission" });
    const openStore = async () => {
      throw new StoreUnavailableError("get", "OTSAuthFailed");
    };
    const answer = await create({ ...rig.deps, openStore })(CHECK, fcContext());
    expect(answer).toMatchObject({
      ok: false,
      store: { ok: false, code: "ERR_STORE", reason: "OTSAuthFailed" },
      upstream: {
        ok: false,
        code: "ERR_UPSTREAM_ACCOUNT",
        facts: { action: "QueryChatappPhoneNumbers", upstreamCode: "NoPermission" },
      },
    });
  });
});

describe("a check of query", () => {
  it("opens no store without STORE_URL", async () => {
    const query = createQuery({ ...rig.deps, hasStore: false });
    expect(await query(CHECK, fcContext())).toMatchObject({ ok: true, upstream: { ok: true } });
  });

  it("names the settings that are wrong", async () => {
    const handler = httpHandler({}, QUERY, loadQueryConfig, createQuery, ignore);
    expect(await handler(CHECK, fcContext())).toMatchObject({
      command: "check",
      ok: false,
      settings: {
        ok: false,
        code: "ERR_CONFIG",
        problems: [{ path: "API_KEYS", message: "must be set" }],
      },
    });
  });

  it("cannot be sent over HTTP", async () => {
    const body = CHECK.toString();
    const answer = await rig.query(fcHttpEvent({ method: "POST", body }));
    expect(answer.status).toBe(405);
    expect(rig.calls().queries).toBe(0);
  });
});

describe("the account's own customer", () => {
  it.each(["Unknown.ResourceOwnerId", "Throttling.User"])(
    "refused with %s is an answer: credentials and permission were accepted",
    async (code) => {
      rig.upstream.control.fault({ kind: "code", code, count: 10, status: 400 });
      const answer = await createQuery(rig.deps)(CHECK, fcContext());
      expect(answer).toMatchObject({ ok: true, upstream: { ok: true, upstreamCode: code } });
    },
  );

  it("that has not activated Chat App fails the check", async () => {
    rig.upstream.control.fault({ kind: "code", code: "Product.Unsubscript" });
    const answer = await createAdd(rig.deps)(CHECK, fcContext());
    expect(answer).toMatchObject({
      ok: false,
      upstream: { ok: false, facts: { upstreamCode: "Product.Unsubscript" } },
    });
  });
});

describe("a check of poll", () => {
  let stage: PollStage | undefined;
  afterEach(async () => {
    await stage?.close();
    stage = undefined;
  });

  it("prepares the store, asks the upstream and lists instances with WATCH_DISCOVER", async () => {
    stage = await startPollStage({ self: [] }, { WATCH_DISCOVER: "on" });
    expect(await stage.invoke(CHECK)).toMatchObject({
      command: "check",
      ok: true,
      store: { ok: true },
      upstream: { ok: true },
    });
    const actions = stage.upstream.control.calls().map(({ action }) => action);
    expect(actions).toEqual(["ListInstance", "QueryChatappPhoneNumbers"]);
  });

  it("works as the payload of a direct invocation alone, not of the timer", async () => {
    stage = await startPollStage({ self: [] });
    expect(await stage.invoke(timerEvent('{"command":"check"}'))).toMatchObject({
      error: { code: "ERR_INVALID_REQUEST" },
    });
  });

  it("names the settings that are wrong", async () => {
    const handler = pollHandler({ STORE_URL: "memory:" }, POLL, createPoll, ignore);
    expect(await handler(CHECK, fcContext())).toMatchObject({
      ok: false,
      settings: { code: "ERR_CONFIG", problems: [{ path: "WEBHOOK_URL" }, {}] },
    });
    await expect(handler(timerEvent(), fcContext())).rejects.toMatchObject({ code: "ERR_CONFIG" });
  });
});
