import { describe, expect, it } from "vitest";
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
    const name = "Acme\u001b[2J\r\nforged\u009b\u202e";
    const customers = [{ custSpaceId: name, numbers: 1 }];
    const server = await startPollServer(() => ({
      body: { command: "watch-list", customers, more: false },
    }));
    try {
      const run = await runCtl(["watch", "list", "--url", server.url, ...more]);
      expect(run.code).toBe(0);
      expect(run.out).toContain("Acme\\u001b[2J\\r\\nforged\\u009b\\u202e");
      const raw = ["\u001b", "\r", "\u009b", "\u202e", "\nforged"];
      expect(raw.filter((text) => run.out.includes(text))).toEqual([]);
    } finally {
      await server.close();
    }
  });
});
