import { format, inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { Secret } from "../../shared/secret.ts";

describe("Secret", () => {
  const secret = new Secret("hunter2");

  it("gives its value to reveal() only", () => {
    expect(secret.reveal()).toBe("hunter2");
    expect(new Secret(Buffer.from("hunter2")).reveal().toString()).toBe("hunter2");
  });

  it("prints as [redacted] in text, JSON, inspect and format", () => {
    expect(`${secret}`).toBe("[redacted]");
    expect(JSON.stringify({ secret })).toBe('{"secret":"[redacted]"}');
    expect(inspect({ deep: [secret] }, { showHidden: true })).toBe(
      "{ deep: [ [redacted], [length]: 1 ] }",
    );
    expect(format("%s %o %j", secret, secret, secret)).not.toContain("hunter2");
  });

  it("has no field that a copy would take along", () => {
    expect(Object.keys(secret)).toEqual([]);
    expect(Reflect.ownKeys(secret)).toEqual([]);
    expect({ ...secret }).toEqual({});
  });
});
