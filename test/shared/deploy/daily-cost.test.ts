import { describe, expect, it } from "vitest";
import { loadConfig } from "../../../shared/config.ts";
import { describeCost } from "../../../shared/deploy/daily-cost.ts";
import { POLL } from "../../../shared/functions.js";

const SIZE = { memoryMb: 256, cpu: 0.1 };
const pollWith = (customers: number, environment: Record<string, string> = {}) =>
  loadConfig(
    {
      STORE_URL: "tablestore://instance-1.ap-southeast-1/waba",
      WEBHOOK_URL: "https://hooks.example.com/",
      WEBHOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
      WATCH_CUST_SPACES: Array.from({ length: customers }, (_, index) => `cust-${index}`).join(),
      ...environment,
    },
    POLL,
  );

describe("describeCost", () => {
  it("counts the runs that the timer makes, and no customer oftener than POLL_INTERVAL_SECONDS", () => {
    expect(describeCost(pollWith(80), 1440, SIZE)).toBe(
      "a day of poll with 1440 runs and 80 listed customers: about 115200 upstream calls, 15840 s billed (1584 vCPU-s, 3960 GB-s)",
    );
    expect(describeCost(pollWith(80, { POLL_INTERVAL_SECONDS: "600" }), 1440, SIZE)).toContain(
      "about 11520 upstream calls, 2880 s billed",
    );
    expect(describeCost(pollWith(80), 24, SIZE)).toBe(
      "a day of poll with 24 runs and 80 listed customers: about 1920 upstream calls, 264 s billed (26 vCPU-s, 66 GB-s)",
    );
  });

  it("reads no more in a run than TICK_SECONDS allow", () => {
    expect(describeCost(pollWith(80, { TICK_SECONDS: "5" }), 24, SIZE)).toContain(
      "about 960 upstream calls, 120 s billed",
    );
  });

  it("says so when not every day has as many runs, or none", () => {
    expect(describeCost(pollWith(80), undefined, SIZE)).toBe(
      "what a day of poll costs cannot be told for this timer: a run takes about 1 s, and up to 10 s more to read 80 listed customers",
    );
    expect(describeCost(pollWith(80), 0, SIZE)).toBe(
      "poll has no timer that is switched on: nothing is watched or sent",
    );
  });
});
