import { describe, expect, it } from "vitest";
import { eventExamples } from "../contract/event-examples.ts";
import { section } from "./pages.ts";

type Json = null | string | number | boolean | readonly Json[] | { readonly [key: string]: Json };
type Condition = string | { readonly prefix: string } | { readonly contains: string };
type Pattern = { readonly [key: string]: Pattern | readonly Condition[] };

/**
 * What the page uses of EventBridge's patterns: every key must fit, and one condition of its list.
 * Source: https://www.alibabacloud.com/help/en/eventbridge/latest/event-patterns
 */
function matches(pattern: Pattern | readonly Condition[], value: Json | undefined): boolean {
  if (Array.isArray(pattern)) {
    return pattern.some((condition: Condition) => {
      if (typeof value !== "string") return false;
      if (typeof condition === "string") return value === condition;
      if ("prefix" in condition) return value.startsWith(condition.prefix);
      return value.includes(condition.contains);
    });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const object = value as { readonly [key: string]: Json };
  return Object.entries(pattern as Pattern).every(([key, inner]) => matches(inner, object[key]));
}

const text = section("shared/receiver/README.md", "Route without code");
const patterns = [...text.matchAll(/```json\n([\s\S]*?)```/g)].map(
  ([, pattern = ""]) => JSON.parse(pattern) as Pattern,
);
const EVENTS = Object.entries(await eventExamples()).map(([type, { body }]) => {
  const { data } = JSON.parse(body) as { readonly data: { readonly severity?: string } };
  return { type, body, severity: data.severity };
});
const typesOf = (fits: (event: (typeof EVENTS)[number]) => boolean) =>
  EVENTS.filter(fits).map(({ type }) => type);

/** As the page says that a request reaches a rule: its body parsed, or as text. */
const asMap = (body: string): Json => ({
  type: "eventbridge:Events:HTTPEvent",
  data: { httpMethod: "POST", headers: {}, body: JSON.parse(body) },
});
const asText = (body: string): Json => ({
  type: "eventbridge:Events:HTTPEvent",
  data: { httpMethod: "POST", headers: {}, body },
});

describe("the rule patterns of the receiver's page", () => {
  it("are the five that this test knows", () => {
    expect(patterns).toHaveLength(5);
  });

  it.each([
    ["critical events", 0, asMap, typesOf(({ severity }) => severity === "critical")],
    [
      "warnings and worse",
      1,
      asMap,
      typesOf(({ severity }) => severity === "warning" || severity === "critical"),
    ],
    ["numbers that are stuck", 2, asMap, ["whatsapp.onboarding.stuck"]],
    ["all but tests", 3, asMap, typesOf(({ type }) => type !== "webhook.test")],
    ["critical events as text", 4, asText, typesOf(({ severity }) => severity === "critical")],
  ] as const)("take %s and nothing else", (_, index, wrap, expected) => {
    expect(expected.length).toBeGreaterThan(0);
    expect(expected.length).toBeLessThan(EVENTS.length);
    expect(typesOf(({ body }) => matches(patterns[index] ?? {}, wrap(body)))).toEqual(expected);
  });
});
