import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { dropUnusedMessages } from "../../../shared/deploy/trim-tablestore.ts";

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
