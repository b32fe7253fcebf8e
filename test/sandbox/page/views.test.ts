import { describe, expect, it } from "vitest";
import type { WatchedField } from "../../../shared/changes/watched-fields.ts";
import { rowOf, stateOf } from "../../support/watch-builders.ts";
import { createCamsState } from "../cams-state.ts";
import { createCallMeter } from "./call-meter.ts";
import { createChangeTimes } from "./change-times.ts";
import { viewCustomers } from "./customer-views.ts";
import { createNumberActions } from "./number-actions.ts";
import { changeBetween } from "./page-change.ts";
import type { NumberView, PageState } from "./state.ts";
import { levelOf, levelOfHealth, worstOf } from "./value-level.ts";

const NUMBER = "4915112345678";

describe("levelOf", () => {
  it.each([
    ["status", "CONNECTED", "good"],
    ["status", "PENDING", "info"],
    ["status", "FLAGGED", "warning"],
    ["status", "BANNED", "critical"],
    ["status", "SOMETHING_NEW", "info"],
    ["qualityRating", "GREEN", "good"],
    ["qualityRating", "UNKNOWN", "info"],
    ["qualityRating", "YELLOW", "warning"],
    ["qualityRating", "RED", "critical"],
    ["codeVerificationStatus", "VERIFIED", "good"],
    ["codeVerificationStatus", "EXPIRED", "warning"],
    ["nameStatus", "AVAILABLE_WITHOUT_REVIEW", "good"],
    ["nameStatus", "Pending_Review", "info"],
    ["nameStatus", "DECLINED", "warning"],
    ["messagingLimitTier", "TIER_50", "info"],
    ["isOfficial", "N", "info"],
    ["verifiedName", "Acme", "info"],
  ] as const)("%s %s is %s", (field, value, level) => {
    expect(levelOf(field, value)).toBe(level);
  });
});

describe("the times of changes", () => {
  it("tell when a value came last, before the event that tells of it", () => {
    const times = createChangeTimes();
    const red = { PhoneNumber: NUMBER, QualityRating: "RED" };
    const green = { PhoneNumber: NUMBER, QualityRating: "GREEN" };
    times.note("c", [green], 1_000);
    times.note("c", [red], 2_000);
    times.note("c", [red], 3_000);
    times.note("c", [green], 4_000);
    times.note("c", [red], 5_000);
    const find = (value: string, before: number, customer = "c") =>
      times.find({ customer, phoneNumber: NUMBER, field: "QualityRating", value, before });

    expect(find("RED", 4_500)).toBe(2_000);
    expect(find("RED", 5_000)).toBe(5_000);
    expect(find("GREEN", 3_500)).toBe(1_000);
    expect(find("YELLOW", 9_000)).toBeUndefined();
    expect(find("RED", 9_000, "other")).toBeUndefined();
  });
});

describe("worstOf", () => {
  const field = (name: WatchedField, shown: string) => ({
    ...{ name, shown },
    level: levelOf(name, shown),
  });
  const connected = field("status", "CONNECTED");
  it.each([
    ["in service", [connected, field("qualityRating", "GREEN")], "good"],
    ["on its way", [field("status", "PENDING")], "info"],
    ["unknown", [], "info"],
    ["worst of two", [field("qualityRating", "RED"), field("nameStatus", "DECLINED")], "critical"],
    [
      "in service with a lapsed code",
      [connected, field("codeVerificationStatus", "EXPIRED")],
      "good",
    ],
    [
      "on its way with a lapsed code",
      [field("status", "PENDING"), field("codeVerificationStatus", "EXPIRED")],
      "warning",
    ],
  ] as const)("of a number that is %s", (_, fields, level) => {
    expect(worstOf(fields)).toBe(level);
  });
});

describe("the call meter", () => {
  it("forgets the rate after 10 s, and what was throttled or failed after a minute", () => {
    const meter = createCallMeter();
    for (const code of ["OK", "OK", "Throttling.User", "Ram.PermissionDeny", undefined]) {
      meter.note({ at: 1_000, code });
    }
    expect(meter.read(10_999)).toEqual({ throttled: 1, failed: 2, perSecond: 0.5 });
    expect(meter.read(11_000)).toEqual({ throttled: 1, failed: 2, perSecond: 0 });
    expect(meter.read(61_000)).toEqual({ throttled: 0, failed: 0, perSecond: 0 });
  });
});

describe("what a number can send", () => {
  const reason = { entity: "WABA", code: "141006", description: "No payment", solution: "Pay" };
  const health = { canSend: "blocked", reasons: [reason], observedAt: "2026-01-01T00:00:00.000Z" };
  const known = stateOf(undefined, { health });
  const state = createCamsState();
  state.addCustomer("c", [{ PhoneNumber: NUMBER, Status: "CONNECTED" }]);
  function view(isHealthWatched: boolean, numbers = { [NUMBER]: known }) {
    const actions = createNumberActions(state, { isHealthWatched });
    const upstream = { control: state, actions };
    const stored = new Map([["c", rowOf(numbers)]]);
    const [customer] = viewCustomers({ stored, upstream, isHealthWatched, show: String });
    return customer?.numbers[0];
  }
  const fieldOf = (number: NumberView | undefined) =>
    number?.fields.find(({ name }) => name === "canSend");

  it("is a field beside the watched ones, with the reasons that poll has read", () => {
    state.setHealth("c", NUMBER, { canSend: "BLOCKED" });
    const number = view(true);
    expect(number?.level).toBe("critical");
    expect(fieldOf(number)).toEqual({
      ...{ name: "canSend", now: "blocked", known: "blocked", level: "critical" },
    });
    expect(number?.reasons).toEqual([reason]);
  });

  it("is not asked of a number that is not connected, nor without WATCH_HEALTH", () => {
    expect([fieldOf(view(false)), view(false)?.reasons]).toEqual([undefined, []]);
    state.setNumber("c", NUMBER, { Status: "PENDING" });
    const number = view(true);
    expect(fieldOf(number)).toMatchObject({ now: null, known: "blocked" });
    expect(number?.level).toBe("info");
    state.setNumber("c", NUMBER, { Status: "CONNECTED" });
  });

  it.each([
    ["available", "good"],
    ["limited", "warning"],
    ["blocked", "critical"],
    ["something_new", "info"],
  ] as const)("%s is %s", (canSend, level) => {
    expect(levelOfHealth(canSend)).toBe(level);
  });
});

describe("what can be done to a number", () => {
  function rig(isHealthWatched = false) {
    const state = createCamsState();
    state.addCustomer("c", [{ PhoneNumber: NUMBER }]);
    const actions = createNumberActions(state, { isHealthWatched });
    const fields = () => state.numbers("c")[0] ?? {};
    const run = (action: string) => actions.run("c", NUMBER, action);
    const names = () => actions.offer(state.numbers("c")[0]).map(({ name }) => name);
    return { state, actions, fields, run, names };
  }

  it("follows its state from review to ban", () => {
    const { fields, run, names } = rig();
    expect(names()).toEqual([
      "connect",
      "name:APPROVED",
      "name:DECLINED",
      "status:BANNED",
      "remove",
    ]);
    expect(() => run("quality:RED")).toThrow("The number is not in a state for that.");
    run("connect");
    run("quality:RED");
    run("tier:up");
    run("status:FLAGGED");
    run("name:APPROVED");
    expect(fields()).toMatchObject({
      Status: "FLAGGED",
      QualityRating: "RED",
      MessagingLimitTier: "TIER_1K",
      NameStatus: "APPROVED",
    });
    expect(() => run("quality:RED")).toThrow("The number is not in a state for that.");
    run("status:BANNED");
    expect(names()).toEqual(["status:CONNECTED", "remove"]);
    run("status:CONNECTED");
    run("status:DISCONNECTED");
    run("connect");
    expect(fields()).toMatchObject({ Status: "CONNECTED", QualityRating: "RED" });
  });

  it("stops at the ends of the ladder", () => {
    const { fields, run } = rig();
    run("connect");
    run("tier:down");
    expect(fields().MessagingLimitTier).toBe("TIER_50");
    expect(() => run("tier:down")).toThrow("The number is not in a state for that.");
    for (let step = 0; step < 5; step += 1) run("tier:up");
    expect(fields().MessagingLimitTier).toBe("TIER_UNLIMITED");
    expect(() => run("tier:up")).toThrow("The number is not in a state for that.");
  });

  it("blocks, limits and allows its sending while it is connected, and only if health is watched", () => {
    const { actions, fields, run, state } = rig(true);
    expect(() => run("health:BLOCKED")).toThrow("The number is not in a state for that.");
    run("connect");
    run("health:BLOCKED");
    expect(state.health("c", NUMBER)).toMatchObject({
      canSend: "BLOCKED",
      errors: [{ ErrorCode: 141006 }],
    });
    const sending = actions.offer(fields(), "blocked").filter(({ group }) => group === "Sending");
    expect(sending.map(({ label, state }) => `${label} ${state}`)).toEqual([
      "Allow available",
      "Limit available",
      "Block current",
    ]);
    run("health:AVAILABLE");
    expect(state.health("c", NUMBER)).toEqual({ canSend: "AVAILABLE" });
    const off = rig();
    off.run("connect");
    expect(() => off.run("health:BLOCKED")).toThrow("The number is not in a state for that.");
  });

  it("returns a removed number as it was, once", () => {
    const { actions, fields, run, state } = rig();
    run("connect");
    const before = fields();
    run("remove");
    expect(state.numbers("c")).toEqual([]);
    expect([...actions.removed("c").keys()]).toEqual([NUMBER]);
    expect(actions.offer(undefined).map(({ name }) => name)).toEqual(["return"]);
    run("return");
    expect(fields()).toEqual(before);
    expect(() => run("return")).toThrow("The number is not in a state for that.");
  });
});

describe("changeBetween", () => {
  const customer = (id: string, pending = 0) => ({
    ...{ id, waiting: pending },
    isWatched: true,
    failing: null,
    numbers: [],
  });
  const base = {
    ...{ version: "v", run: "r", now: 1, apiKey: null, unsentCustomers: 0 },
    overview: { poll: 1 } as unknown as PageState["overview"],
    customers: [customer("a"), customer("b")],
    events: [],
  };

  it("is nothing when only the clock moved", () => {
    expect(changeBetween(base, { ...structuredClone(base), now: 2 })).toBeUndefined();
  });

  it("holds what changed, what came and what went", () => {
    const after = {
      ...base,
      now: 2,
      customers: [customer("b", 1), customer("c")],
      unsentCustomers: 3,
    };
    const events = [{ key: 1, revision: 3 }] as unknown as PageState["events"];
    const known = [{ key: 1, revision: 2 }] as unknown as PageState["events"];
    expect(changeBetween({ ...base, events: known }, { ...base, events })).toEqual({
      now: 1,
      events,
    });
    expect(changeBetween(base, after)).toEqual({
      now: 2,
      customers: [customer("b", 1), customer("c")],
      removedCustomers: ["a"],
      unsentCustomers: 3,
    });
  });
});
