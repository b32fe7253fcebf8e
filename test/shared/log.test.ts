import { describe, expect, it } from "vitest";
import { StoreUnavailableError, UpstreamRejectedError } from "../../shared/errors.ts";
import {
  createLog,
  describeError,
  type LogLevel,
  maskCustomer,
  maskNumber,
} from "../../shared/log.ts";

function recordedLog(level: LogLevel) {
  const lines: string[] = [];
  const now = () => Date.parse("2026-01-02T03:04:05.678Z");
  return { lines, log: createLog({ level, now, write: (line) => lines.push(line) }) };
}

describe("createLog", () => {
  it("writes one JSON object a line, with the time in UTC", () => {
    const { lines, log } = recordedLog("info");

    log.info("read\ntwice", { custSpaceId: "cust-1" });

    expect(lines).toEqual([
      '{"time":"2026-01-02T03:04:05.678Z","level":"info","message":"read\\ntwice","custSpaceId":"cust-1"}',
    ]);
  });

  it.each([
    ["debug", ["debug", "info", "warn", "error"]],
    ["info", ["info", "warn", "error"]],
    ["warn", ["warn", "error"]],
    ["error", ["error"]],
  ] as const)("writes at the level %s %j", (level, written) => {
    const { lines, log } = recordedLog(level);

    log.debug("a");
    log.info("a");
    log.warn("a");
    log.error("a");

    expect(lines.map((line) => JSON.parse(line).level)).toEqual(written);
  });
});

describe("log.audit", () => {
  it.each(["debug", "info", "warn", "error"] as const)("writes at the level %s", (level) => {
    const { lines, log } = recordedLog(level);
    log.with({ requestId: "r-1" }).audit("request", { status: 401 });
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        time: "2026-01-02T03:04:05.678Z",
        level: "info",
        message: "request",
        requestId: "r-1",
        status: 401,
        audit: true,
      },
    ]);
  });
});

describe("a log line", () => {
  it.each([
    ["custSpaceId", "4915112345678", "*********5678"],
    ["customer", "49-151-12345678", "***********5678"],
    ["number", "+49 151 1234567", "***********4567"],
    ["phoneNumber", "4711123", "*******"],
    ["key", "c/4915112345678", "c/*********5678"],
    ["customer", "cust-space-4915", "cust-space-4915"],
  ])("masks a number in the field %s", (name, value, masked) => {
    const { lines, log } = recordedLog("info");
    log.with({ [name]: value }).info("a", { facts: { [name]: value } });
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ [name]: masked, facts: { [name]: masked } });
  });

  it("has texts of at most 2,048 characters", () => {
    const { lines, log } = recordedLog("info");
    log.info("a", { text: "x".repeat(2_049), list: ["y".repeat(5_000)] });
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      text: `${"x".repeat(2_048)}…`,
      list: [`${"y".repeat(2_048)}…`],
    });
  });

  it("has at most 16,384 characters, and says how long it would have been", () => {
    const { lines, log } = recordedLog("info");
    log.with({ requestId: "r-1" }).info("a", { list: Array(20_000).fill("x") });
    expect(lines[0]?.length).toBeLessThanOrEqual(16_384);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ requestId: "r-1", cut: 80_091 });
  });
});

describe("log.with", () => {
  it("adds its fields to each line of the new log and to none of the old one", () => {
    const { lines, log } = recordedLog("info");
    const child = log.with({ requestId: "r-1" }).with({ custSpaceId: "cust-1" });

    child.warn("a", { read: 2 });
    log.warn("b");

    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        time: "2026-01-02T03:04:05.678Z",
        level: "warn",
        message: "a",
        requestId: "r-1",
        custSpaceId: "cust-1",
        read: 2,
      },
      { time: "2026-01-02T03:04:05.678Z", level: "warn", message: "b" },
    ]);
  });

  it("lets a line's own field win, and keeps the threshold", () => {
    const { lines, log } = recordedLog("warn");
    const child = log.with({ read: 1 });

    child.info("hidden");
    child.warn("a", { read: 2 });

    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "").read).toBe(2);
  });
});

describe("maskNumber", () => {
  it.each([
    ["8613800001234", "*********1234"],
    ["12345678", "****5678"],
    ["1234567", "*******"],
    ["1234", "****"],
    ["", ""],
  ])("turns %j into %j", (phoneNumber, masked) => {
    expect(maskNumber(phoneNumber)).toBe(masked);
  });
});

describe("maskCustomer", () => {
  it.each([
    ["4915112345678", "*********5678"],
    ["29348393884", "*******3884"],
    ["1234567", "*******"],
    ["+49 151 1234567", "***********4567"],
    ["49-151-12345678", "***********5678"],
    ["00_4915112345678", "************5678"],
    ["123456", "123456"],
    ["12-34", "12-34"],
    ["cust-space-4915", "cust-space-4915"],
    ["cams-29348393884", "cams-29348393884"],
    ["self", "self"],
  ])("turns %j into %j", (custSpaceId, masked) => {
    expect(maskCustomer(custSpaceId)).toBe(masked);
  });
});

describe("describeError", () => {
  it("gives the code, the fixed sentence and the fields of an own error", () => {
    const error = new UpstreamRejectedError({ action: "Add", upstreamCode: "A.B" }, "customer");

    expect(JSON.parse(JSON.stringify(describeError(error)))).toEqual({
      code: "ERR_UPSTREAM_REJECTED",
      error: "The upstream refused the call. Look up upstreamCode in its error list.",
      facts: { action: "Add", upstreamCode: "A.B" },
      concerns: "customer",
    });
    expect(describeError(new StoreUnavailableError("get", "timeout"))).toMatchObject({
      code: "ERR_STORE",
      operation: "get",
      reason: "timeout",
    });
  });

  it("gives the class and the place of a foreign error, and nothing of its message or fields", () => {
    const error = Object.assign(new TypeError("AccessKeySecret=hunter2\nhunter2"), {
      url: "hunter2",
      cause: new Error("hunter2"),
    });

    const fields = describeError(error);

    expect(fields).toMatchObject({ code: "ERR_INTERNAL", error: "TypeError" });
    expect(JSON.stringify(fields)).not.toContain("hunter2");
    expect(JSON.stringify(fields)).toContain("log.test.ts");
  });

  it.each(["hunter2", { message: "hunter2" }, undefined, null, 7])(
    "gives only the type of the thrown value %#",
    (value) => {
      const fields = describeError(value);

      expect(fields).toEqual({ code: "ERR_INTERNAL", error: typeof value });
    },
  );
});
