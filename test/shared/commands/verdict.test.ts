import { beforeEach, describe, expect, it } from "vitest";
import {
  aCustomer,
  type CommandRig,
  createCommandRig,
  RECEIVER_KEY,
  START,
} from "./command-rig.ts";

const MINUTE = 60_000;
let rig: CommandRig;

const ago = (minutes: number) => new Date(START - minutes * MINUTE).toISOString();
const scan = { cursor: "", startedAt: 0, done: true };
const lease = (fields: object) => ({
  ...{ schema: 1, owner: "", until: 0, sweep: scan, onboarding: scan, worse: scan },
  ...{ expiryCursor: "", ...fields },
});
const failure = (minutes: number, upstreamCode?: string) =>
  ({ reads: 2, since: ago(minutes), code: "ERR_UPSTREAM_REFUSED", upstreamCode }) as const;
const receiver = (state: string) => ({
  ...{ schema: 1, state, step: 0, nextProbeAt: 0, since: ago(90), reason: "status 410" },
});
const status = () => rig.run({ command: "status" });

beforeEach(async () => {
  rig = createCommandRig();
  await rig.put("lease/poll", lease({ ranAt: START - MINUTE }));
});

describe("the verdict of status", () => {
  it("is OK a minute after the last run, with its time", async () => {
    expect(await status()).toMatchObject({
      verdict: { status: "OK", reasons: [] },
      lastRunAt: "2026-01-02T03:03:05.000Z",
      lastRunAgeSeconds: 60,
    });
  });

  it.each([
    [9, "OK", []],
    [10, "CRIT", ["poll has not run for 10 min (since 2026-01-02T02:54:05Z)"]],
    [300, "CRIT", ["poll has not run for 5 h (since 2026-01-01T22:04:05Z)"]],
  ])("%i minutes after the last run is %s", async (minutes, verdict, reasons) => {
    await rig.put("lease/poll", lease({ ranAt: START - minutes * MINUTE }));
    expect((await status()).verdict).toEqual({ status: verdict, reasons });
  });

  it("is CRIT if poll has never run, and OK while its first run is under way", async () => {
    await rig.put("lease/poll", lease({}));
    expect((await status()).verdict).toEqual({ status: "CRIT", reasons: ["poll has never run"] });
    await rig.put("lease/poll", lease({ owner: "x", until: START + 1000 }));
    expect((await status()).verdict).toMatchObject({ status: "OK" });
  });

  it("stays CRIT while runs begin and die before they save their progress", async () => {
    const held = { owner: "x", until: START + 1000 };
    await rig.put("lease/poll", lease({ ...held, ranAt: START - 300 * MINUTE }));
    expect((await status()).verdict).toMatchObject({ status: "CRIT" });
  });

  it("knows the last run of an earlier version by its last finished sweep", async () => {
    const full = { startedAt: START - 3 * MINUTE, endedAt: START - 2 * MINUTE };
    await rig.put("lease/poll", lease({ sweep: { ...scan, full } }));
    expect(await status()).toMatchObject({ lastRunAgeSeconds: 120, verdict: { status: "OK" } });
  });

  it("is WARN once a customer fails for 45 minutes, and names the three that fail longest", async () => {
    await rig.put("c/a", aCustomer({ failure: failure(44) }));
    expect((await status()).verdict).toEqual({ status: "OK", reasons: [] });
    for (const [index, minutes] of [46, 300, 45, 61].entries()) {
      await rig.put(`c/b${index}`, aCustomer({ failure: failure(minutes, "Product.Unsubscript") }));
    }
    const { verdict, failures } = await status();
    expect(verdict).toEqual({
      status: "WARN",
      reasons: [
        "5 customers failing: b1 for 5 h (ERR_UPSTREAM_REFUSED, Product.Unsubscript), " +
          "b3 for 61 min (ERR_UPSTREAM_REFUSED, Product.Unsubscript), " +
          "b0 for 46 min (ERR_UPSTREAM_REFUSED, Product.Unsubscript)",
      ],
    });
    expect(failures).toHaveLength(5);
    expect(failures).toMatchObject([{ custSpaceId: "b1", since: ago(300) }, {}, {}, {}, {}]);
  });

  it.each([
    ["open", "WARN", "the receiver has not accepted events for 90 min"],
    ["paused", "WARN", "the receiver has been paused for 90 min"],
    ["disabled", "CRIT", "the receiver has been disabled for 90 min"],
  ])("is, with the receiver %s, %s", async (state, verdict, text) => {
    await rig.put(RECEIVER_KEY, receiver(state));
    expect((await status()).verdict).toEqual({
      status: verdict,
      reasons: [`${text} (since 2026-01-02T01:34:05Z): status 410`],
    });
  });

  it("puts what is critical first and still names the rest", async () => {
    await rig.put("c/~account", aCustomer({ failure: failure(20, "Forbidden.RAM") }));
    await rig.put("c/a", { schema: 99 });
    await rig.put("dead/a/0000000000000000", { schema: 1 });
    await rig.put(RECEIVER_KEY, { schema: 99 });
    expect((await status()).verdict).toEqual({
      status: "CRIT",
      reasons: [
        "the account has failed for 20 min (since 2026-01-02T02:44:05Z): ERR_UPSTREAM_REFUSED, Forbidden.RAM",
        "this version cannot read the row of receiver",
        "1 dead letter",
        "1 row unreadable",
      ],
    });
  });

  it.each([
    [{ code: "ERR_UPSTREAM_TIMEOUT" }, "WARN", "no customer could be read"],
    [{ code: "ERR_UPSTREAM_REJECTED" }, "WARN", "no customer could be read"],
    [{ code: "ERR_UPSTREAM_TIMEOUT", staleAt: ago(1) }, "CRIT", "the account has failed"],
    [{ code: "ERR_UPSTREAM_REJECTED", staleAt: ago(1) }, "CRIT", "the account has failed"],
    [{ code: "ERR_UPSTREAM_ACCOUNT" }, "CRIT", "the account has failed"],
    [{ code: "ERR_CREDENTIALS" }, "CRIT", "the account has failed"],
  ] as const)("is, with %j in the account's row, %s", async (facts, verdict, words) => {
    await rig.put("c/~account", aCustomer({ failure: { reads: 2, since: ago(20), ...facts } }));
    expect((await status()).verdict).toEqual({
      status: verdict,
      reasons: [`${words} for 20 min (since 2026-01-02T02:44:05Z): ${facts.code}`],
    });
  });

  it("is UNKNOWN if the customers cannot be counted in time", async () => {
    await rig.put("c/a", aCustomer());
    rig.scanMs = 30_000;
    expect((await status()).verdict).toEqual({
      status: "UNKNOWN",
      reasons: ["not all customers could be counted"],
    });
  });

  it("is UNKNOWN if the row of the lease cannot be read", async () => {
    await rig.put("lease/poll", { schema: 99 });
    expect((await status()).verdict).toEqual({
      status: "UNKNOWN",
      reasons: ["this version cannot read the row of poll"],
    });
  });
});
