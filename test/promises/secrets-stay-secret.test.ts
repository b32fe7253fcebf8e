import { expect, it, onTestFinished } from "vitest";
import { SANDBOX_CREDENTIALS } from "../sandbox/environment.ts";
import {
  API_KEYS,
  addOf,
  GOOD_ADD,
  queryEvent,
  ROLE_CREDENTIALS,
  startFunctionRig,
} from "../support/function-deps.ts";
import { NUMBER } from "../support/watch-builders.ts";
import { watched } from "./watched.ts";

const FAULTS = ["throttle", "html-502", "reset-after", "truncated", "http-500"] as const;

const found = (text: string, secrets: readonly string[]) =>
  secrets.filter((secret) => text.includes(secret));

it.each(["none", ...FAULTS] as const)(
  "poll logs no secret and no whole number (upstream trouble: %s)",
  async (kind) => {
    const { upstream, receiver, lines, secret, nextRun } = await watched({ acme: [NUMBER] });
    if (kind !== "none") upstream.control.fault({ kind, count: 5 });
    await nextRun();
    upstream.control.clearFaults();
    upstream.control.setNumber("acme", NUMBER, { Status: "BANNED" });
    receiver.behave({ status: 500, times: 2 });
    for (let run = 0; run < 3; run += 1) await nextRun();

    expect(lines.length).toBeGreaterThan(0);
    const secrets = [secret, secret.slice(6), ...Object.values(SANDBOX_CREDENTIALS), NUMBER];
    expect(found(lines.join("\n"), secrets)).toEqual([]);
  },
);

it.each(["none", ...FAULTS] as const)(
  "add and query log no secret and no whole number (upstream trouble: %s)",
  async (kind) => {
    const rig = await startFunctionRig();
    onTestFinished(() => rig.close());
    if (kind !== "none") rig.upstream.control.fault({ kind, count: 100 });
    const answers = [
      await rig.add(addOf(GOOD_ADD)),
      await rig.query(queryEvent({ query: { custSpaceId: "acme" } })),
    ];

    expect(rig.lines.length).toBeGreaterThanOrEqual(2);
    const secrets = [...Object.values(ROLE_CREDENTIALS), ...Object.values(API_KEYS)];
    expect(found(answers.map(({ text }) => text).join("\n"), secrets)).toEqual([]);
    const personal = [`${GOOD_ADD.cc}${GOOD_ADD.phoneNumber}`, GOOD_ADD.phoneNumber];
    expect(found(rig.lines.join("\n"), [...secrets, ...personal])).toEqual([]);
  },
);

it("credentials and numbers are in the signed body, never in a URL", async () => {
  const { upstream } = await watched({ acme: [NUMBER] });
  for (const { method, rawQuery } of upstream.control.calls()) {
    expect([method, rawQuery]).toEqual(["POST", ""]);
  }
});
