import { describe, expect, it } from "vitest";
import { assess, compareValues } from "../../shared/changes/severity.ts";
import { WATCHED_FIELD_NAMES, type WatchedField } from "../../shared/changes/watched-fields.ts";
import { ALL_EVENT_TYPES } from "../../shared/contract/event-schemas.ts";
import { isKnownEvent, verifyWebhook } from "../../shared/receiver/verify.ts";
import { EVENT_TYPES } from "../../shared/schemas/event.ts";
import { EXAMPLE_SECRET } from "../contract/event-examples.ts";
import { createDocumentChecker } from "../contract/openapi-check.ts";
import { codeSpans, fenced, pageText, section, tableRows } from "./pages.ts";

const page = "shared/receiver/README.md";

const [request = ""] = fenced(pageText(page), "http");
const [head = "", body = ""] = request.split(/\n\n(?=\{)/);
const headers = Object.fromEntries(
  head
    .split("\n")
    .slice(1)
    .map((line) => line.split(": ", 2)),
);
const sent = JSON.stringify(JSON.parse(body));

describe("the event that is shown", () => {
  it("fits the OpenAPI document, and its signature is right", () => {
    expect(createDocumentChecker().event(headers, sent)).toEqual([]);
    const now = () => Number(headers["webhook-timestamp"]) * 1_000;
    const event = verifyWebhook(sent, headers, EXAMPLE_SECRET, { now });
    expect(isKnownEvent(event) && event.type).toBe("whatsapp.phone_number.changed");
    expect(pageText(page)).toContain(`\`${EXAMPLE_SECRET}\``);
    expect(pageText(page)).toContain(`pass ${headers["webhook-timestamp"]} as now`);
  });

  it("is the one of which the README has a part", () => {
    const [excerpt = ""] = fenced(pageText("README.md"), "json");
    expect(JSON.parse(sent)).toMatchObject(JSON.parse(excerpt));
  });
});

describe("the receivers' page", () => {
  it("lists every type of event", () => {
    const types = [...section(page, "Types").matchAll(/^- `([a-z._]+\.[a-z_]+)`: /gm)];
    expect(types.map(([, type]) => type).sort()).toEqual([...ALL_EVENT_TYPES].sort());
  });

  it("lists the watched fields in their order", () => {
    const fields = /Watched fields: ([^.]+)\./.exec(section(page, "Values"))?.[1];
    expect(fields?.split(/,\s+/)).toEqual(WATCHED_FIELD_NAMES);
  });
});

describe("the table of what you receive when", () => {
  const rows = tableRows(section(page, "What you receive when")).map(
    ([what = "", type = "", severity = "", at = ""]) => ({ what, type, severity, at }),
  );

  it("has every type of event", () => {
    const listed = rows.flatMap(({ type }) =>
      codeSpans(type).map((name) => (name === "webhook.test" ? name : `whatsapp.${name}`)),
    );
    expect([...new Set(listed)].sort()).toEqual([...ALL_EVENT_TYPES].sort());
  });

  it.each([
    [EVENT_TYPES.discovered, undefined],
    [EVENT_TYPES.missing, "absent"],
    [EVENT_TYPES.missing, "deleted"],
    [EVENT_TYPES.returned, undefined],
    [EVENT_TYPES.state, undefined],
    [EVENT_TYPES.onboardingCompleted, undefined],
    [EVENT_TYPES.onboardingStuck, undefined],
  ] as const)("has the severity of %s (missingReason: %s)", (type, missingReason) => {
    const draft = {
      type,
      phoneNumber: "4915112345678",
      changes: [],
      state: { fields: {}, observedAt: "2026-01-01T00:00:00.000Z" },
      previousObservedAt: undefined,
      details: { missingReason },
    };
    const listed = rows.filter((row) => row.type === `\`${type.replace("whatsapp.", "")}\``);
    expect(listed.map(({ severity }) => severity)).toContain(`\`${assess(draft).severity}\``);
  });

  const changes = rows.flatMap((row) => {
    const [, field, from, to] = /^`(\w+)` `([^`]+)` → `([^`]+)`/.exec(row.what) ?? [];
    return field && from && to ? [{ ...row, field: field as WatchedField, from, to }] : [];
  });

  it("has a change of every watched field", () => {
    const fields = new Set(changes.map(({ field }) => field));
    expect([...fields].sort()).toEqual([...WATCHED_FIELD_NAMES].sort());
  });

  it.each(changes)("is right on $field from $from to $to", ({ field, from, to, ...row }) => {
    expect(row.type).toBe("`phone_number.changed`");
    const { direction, severity } = compareValues(field, from, to);
    expect(row.severity).toBe(`\`${severity}\``);
    expect(codeSpans(row.at)).toContain(`direction: ${direction}`);
  });
});
