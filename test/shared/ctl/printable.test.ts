import { describe, expect, it } from "vitest";
import { CtlError } from "../../../shared/ctl/io.ts";
import { printable, printableLines } from "../../../shared/ctl/printable.ts";
import { runCtl, startPollServer } from "./test-world.ts";

describe("printable", () => {
  it.each([
    ["\u001b[2J\u0007", "\\u001b[2J\\u0007"],
    ["GREEN\r\nevent  BANNED", "GREEN\\r\\nevent  BANNED"],
    ["\u009b31m\u0085\u007f", "\\u009b31m\\u0085\\u007f"],
    ["\u202eabc\u2066\u200f\u061c", "\\u202eabc\\u2066\\u200f\\u061c"],
    ["a\u2028b\u2029c\td", "a\\u2028b\\u2029c\\td"],
    ['Bäckerei 阿里 👍 "x" \\\\', 'Bäckerei 阿里 👍 "x" \\\\'],
  ])("shows %j as %s", (text, shown) => {
    expect(printable(text)).toBe(shown);
  });
});

describe("printableLines", () => {
  it("keeps the lines of a text and nothing else that controls a terminal", () => {
    expect(printableLines("ok  a\nerror  \u001b[2J\u009b\u202e\r")).toBe(
      "ok  a\nerror  \\u001b[2J\\u009b\\u202e\\r",
    );
  });
});

describe("what ctl prints", () => {
  it.each([[], ["--json"]])("holds no control character of a customer with %j", async (...more) => {
    const customers = [{ custSpaceId: HOSTILE, numbers: 1 }];
    const server = await startPollServer(() => ({
      body: { command: "watch-list", customers, more: false },
    }));
    try {
      const run = await runCtl(["watch", "list", "--url", server.url, ...more]);
      expect(run.code).toBe(0);
      expect(run.out).toContain("Acme\\u001b[2J\\r\\nforged\\u009b\\u202e");
      expect(RAW.filter((text) => run.out.includes(text))).toEqual([]);
    } finally {
      await server.close();
    }
  });

  it.each([[], ["--json"]])("holds none of an event that tail shows, with %j", async (...more) => {
    const events = [{ id: "evt_1", deliveredAt: "2026-01-01T00:00:00.000Z", phoneNumber: HOSTILE }];
    const { out } = await runOver({ command: "events", events, more: false }, [
      ...["events", "tail"],
      ...more,
    ]);
    expect(out).toContain("Acme\\u001b[2J");
    expect(RAW.filter((text) => out.includes(text))).toEqual([]);
  });

  it.each([
    ["an error", { error: { code: HOSTILE, issues: [{ path: HOSTILE, message: HOSTILE }] } }, 200],
    ["a failure", { errorType: HOSTILE }, 200],
    ["a refusal", { code: HOSTILE }, 403],
  ])("holds none of %s", async (_what, body, status) => {
    for (const more of [[], ["--json"], ["--check"]]) {
      const { out, err } = await runOver(body, ["status", ...more], status);
      expect(`${out}${err}`).toContain("Acme\\u001b[2J");
      expect(RAW.filter((text) => `${out}${err}`.includes(text))).toEqual([]);
    }
  });

  it("holds none of a deployed function's output", async () => {
    const script = `process.stderr.write(${JSON.stringify(HOSTILE)})`;
    const run = await runCtl(["status", "--stage", "prod"], {
      serverless: [process.execPath, "-e", script, "--"],
    });
    expect(run.err).toContain("could not be called");
    expect(RAW.filter((text) => run.err.includes(text) && text !== "\nforged")).toEqual([]);
  });
});

const HOSTILE = "Acme\u001b[2J\r\nforged\u009b\u202e";
const RAW = ["\u001b", "\r", "\u009b", "\u202e", "\nforged"];

/** A command line whose poll answers so. It ends at its first wait. */
async function runOver(body: object, argv: readonly string[], status = 200) {
  const server = await startPollServer(() => ({ status, body }));
  const lines: string[] = [];
  const keep = (line: string) => void lines.push(line);
  try {
    const sleep = () => Promise.reject(new CtlError("ends"));
    await runCtl([...argv, "--url", server.url], { sleep, out: keep, err: keep });
    return { out: lines.join("\n"), err: "" };
  } finally {
    await server.close();
  }
}
