import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { dropParts, dropUnusedMessages } from "../../../shared/bundle/trim.ts";

const FILE = "tablestore/lib/protocol/tablestore_compiled_proto.js";
const SOURCE = readFileSync(createRequire(import.meta.url).resolve(FILE), "utf8");

const messagesOf = (source: string) =>
  [...source.matchAll(/^ {12}(\w+)\.encode = function/gm)].map(([, name]) => name);

describe("the SDK's messages in the bundle of the Tablestore adapter", () => {
  it("are those of six operations, with what they contain", () => {
    const kept = messagesOf(dropUnusedMessages(SOURCE));
    expect(kept).toEqual(
      expect.arrayContaining(["Error", "GetRangeResponse", "Condition", "ConsumedCapacity"]),
    );
    expect(kept).not.toContain("BatchWriteRowRequest");
    expect(messagesOf(SOURCE).length - kept.length).toBeGreaterThan(150);
  });

  it("stop the build when the SDK has another form", () => {
    expect(() => dropUnusedMessages("module.exports = {};")).toThrow(
      "The Tablestore SDK has no message main.Error.",
    );
  });
});

describe("the parts of a package that nothing calls", () => {
  it("are left out, and the rest stays as it is", () => {
    expect(dropParts("a\nunused 1\nb\nunused 2\n", [/^unused \d\n/gm])).toBe("a\nb\n");
  });

  it("stop the build when the package has another form", () => {
    expect(() => dropParts("a\n", [/^unused \d\n/gm])).toThrow("has no ^unused \\d\\n");
  });
});
