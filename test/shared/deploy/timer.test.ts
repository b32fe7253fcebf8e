import { describe, expect, it } from "vitest";
import { loadConfig } from "../../../shared/config.ts";
import { cronProblem, describeCost, runsADay } from "../../../shared/deploy/timer.ts";
import { POLL } from "../../../shared/functions.js";

const SIZE = { memoryMb: 256, cpu: 0.1 };
const pollWith = (customers: number, environment: Record<string, string> = {}) =>
  loadConfig(
    {
      STORE_URL: "tablestore://instance-1.ap-southeast-1/waba",
      WEBHOOK_URL: "https://hooks.example.com/",
      WEBHOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
      WATCH_CUST_SPACES: Array.from({ length: customers }, (_, index) => `cust-${index}`).join(),
      UPSTREAM_QPS: "8",
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
      "poll takes about 1 s a run, and up to 10 s more to read 80 listed customers",
    );
    expect(describeCost(pollWith(80), 0, SIZE)).toBe(
      "poll has no timer that is switched on: nothing is watched or sent",
    );
  });
});

describe("cronProblem", () => {
  it.each([
    "@every 1m",
    "@every 24h",
    "0 */5 * * * *",
    "0 0 12 ? * MON-FRI",
    "0 0 0 1,15 JAN *",
    "CRON_TZ=Asia/Shanghai 0 0 9 * * *",
  ])("takes %s", (text) => {
    expect(cronProblem(text)).toBeUndefined();
  });

  it.each([
    ["@every 30s", "must be like '@every 1m'"],
    ["@every 0m", "must be like '@every 1m'"],
    ["*/5 * * * *", "must have six fields"],
    ["0 60 * * * *", "has a wrong minute"],
    ["0 0 24 0 * *", "has a wrong hour, day"],
    ["0 0 0 * * 8", "has a wrong weekday"],
    ["CRON_TZ=Mars/Base 0 0 9 * * *", "has an unknown time zone"],
    ["", "must have six fields"],
  ])("refuses '%s'", (text, problem) => {
    expect(cronProblem(text)).toContain(problem);
  });
});

describe("runsADay", () => {
  it.each([
    ["@every 1m", 1440],
    ["@every 7m", 205.71],
    ["@every 6h", 4],
    ["0 */5 * * * *", 288],
    ["0,30 0-9/3 * ? * *", 192],
    ["CRON_TZ=Asia/Shanghai 0 0 9 * * *", 1],
    ["0 0/15 8-17 * * ?", 40],
  ])("of '%s' is %d", (text, runs) => {
    expect(runsADay(text)).toBeCloseTo(runs, 2);
  });

  it.each(["0 0 12 ? * MON-FRI", "0 0 0 1,15 * *", "0 0 0 * JAN *"])(
    "cannot be told of '%s': not every day has as many",
    (text) => {
      expect(runsADay(text)).toBeUndefined();
    },
  );
});
