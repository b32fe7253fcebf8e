import { describe, expect, it } from "vitest";
import { findChromium } from "./chromium.ts";

describe("findChromium", () => {
  it.each<readonly [given: string | undefined, there: readonly string[], found: object]>([
    ["/opt/chromium", ["/opt/chromium"], { path: "/opt/chromium" }],
    ["/opt/none", ["/usr/bin/chromium"], { missing: "CHROMIUM_PATH names no file: /opt/none" }],
    ["", ["/usr/bin/google-chrome"], { path: "/usr/bin/google-chrome" }],
    [undefined, ["/usr/bin/chromium"], { path: "/usr/bin/chromium" }],
    [undefined, [], { missing: "no Chromium found, CHROMIUM_PATH is not set" }],
  ])("given %s where there is %j", (given, there, found) => {
    expect(findChromium(given, (path) => there.includes(path))).toEqual(found);
  });
});
