import { validate } from "@readme/openapi-parser";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { ALL_EVENT_TYPES, eventName } from "../../shared/contract/event-schemas.ts";
import { buildDocuments } from "./documents.ts";
import { eventExamples } from "./event-examples.ts";
import { problemExamples } from "./http-examples.ts";
import { createDocumentChecker, readDocument } from "./openapi-check.ts";

/** Throws at keywords, formats and types that are not of the standard. */
function strictAjv(): Ajv2020 {
  const ajv = new Ajv2020({ strict: true, strictTypes: false });
  formats.default(ajv);
  return ajv;
}

type Node = Readonly<Record<string, unknown>>;

/** The linter changes what it is given. */
const lint = (document: unknown) => validate(structuredClone(document) as never);

const DOCUMENT = readDocument();

const DOCUMENTS = await buildDocuments();

describe("the documents made from the code", () => {
  // With -u, Vitest writes them.
  it.each([...DOCUMENTS])("include %s as it is committed", async (path, text) => {
    await expect(text).toMatchFileSnapshot(`../../${path}`);
  });
});

describe("openapi.json", () => {
  it("passes a public linter without a warning", async () => {
    expect(await lint(DOCUMENT)).toMatchObject({
      valid: true,
      warnings: [],
      specification: "OpenAPI",
    });
  });

  it.each([
    ["a dangling reference", "schemas/AddRequest", "schemas/Nothing"],
    ["a webhook's parameter without its place", '"name":"webhook-id","in":"header"', '"name":"x"'],
    ["a scheme of no kind", '"type":"http"', '"type":"key"'],
  ])("would not pass the linter with %s", async (_, good, bad) => {
    const text = JSON.stringify(DOCUMENT);
    expect(text).toContain(good);
    expect(await lint(JSON.parse(text.replace(good, bad)))).toMatchObject({ valid: false });
  });

  it("has only schemas that JSON Schema 2020-12 knows to the last keyword", () => {
    const { schemas } = DOCUMENT.components as { readonly schemas: Record<string, object> };
    const ajv = strictAjv();
    ajv.addKeyword("components");
    ajv.addSchema({ components: { schemas } }, "document", undefined, false);
    for (const name of Object.keys(schemas)) {
      ajv.compile({ $ref: `document#/components/schemas/${name}` });
    }
    expect(Object.keys(schemas)).toEqual(
      expect.arrayContaining([
        "AddRequest",
        "AddResponse",
        "LiveNumbers",
        "StoredNumbers",
        "Problem",
        "OnboardingStuckEvent",
        "KnownStatus",
      ]),
    );
  });

  it("names every problem except the one that no HTTP function has", () => {
    const codes = Object.keys(problemExamples("Action", [])).sort();
    const named = JSON.stringify(DOCUMENT.paths).match(/"ERR_[A-Z_]+"/g) ?? [];
    const names = new Set(named.map((text) => JSON.parse(text)));
    expect(codes.filter((code) => !names.has(code))).toEqual(["ERR_TARGET_REFUSED"]);
  });

  it("has examples that fit their own schemas", () => {
    const { problems } = createDocumentChecker();
    let seen = 0;
    const visit = (node: unknown, path: readonly string[]): void => {
      if (typeof node !== "object" || node === null) return;
      const { examples, example, schema } = node as Node;
      if (schema && example !== undefined) {
        expect([path, problems([...path, "schema"], example)]).toEqual([path, []]);
      }
      for (const [name, { value }] of Object.entries((examples ?? {}) as Record<string, Node>)) {
        seen += 1;
        expect([path, name, problems([...path, "schema"], value)]).toEqual([path, name, []]);
      }
      for (const [key, inner] of Object.entries(node)) visit(inner, [...path, key]);
    };
    visit({ paths: DOCUMENT.paths }, []);
    visit({ webhooks: DOCUMENT.webhooks }, []);
    expect(seen).toBeGreaterThan(40);
  });
});

describe("events.schema.json", () => {
  const document = JSON.parse(DOCUMENTS.get("shared/contract/events.schema.json") ?? "");
  const ajv = strictAjv();
  ajv.addSchema(document, "events");
  const schemaOf = (type: (typeof ALL_EVENT_TYPES)[number]) =>
    ajv.compile({ $ref: `${document.$id}#/$defs/${eventName(type)}` });

  it.each(ALL_EVENT_TYPES)("accepts %s as it is sent, and no other type", async (type) => {
    const examples = Object.entries(await eventExamples());
    const fitting = examples.filter(([, { body }]) => schemaOf(type)(JSON.parse(body)));
    expect(fitting.map(([name]) => name)).toEqual([type]);
  });

  it.each([
    ["whatsapp.onboarding.stuck", "nextStep"],
    ["whatsapp.onboarding.stuck", "blockedBy"],
    ["whatsapp.onboarding.completed", "addedAt"],
    ["whatsapp.phone_number.missing", "missingReason"],
  ] as const)("requires of %s its %s", async (type, field) => {
    const event = JSON.parse((await eventExamples())[type].body);
    expect(schemaOf(type)(event)).toBe(true);
    delete event.data[field];
    expect(schemaOf(type)(event)).toBe(false);
  });

  it("names the known values of a status, and takes any other", async () => {
    expect(document.$defs.KnownStatus.enum).toContain("CONNECTED");
    const type = "whatsapp.phone_number.changed";
    const event = JSON.parse((await eventExamples())[type].body);
    event.data.current.status = "HIBERNATING";
    expect(schemaOf(type)(event)).toBe(true);
  });

  it("names everything that blocks a number, a number that is not listed included", () => {
    expect(document.$defs.KnownBlockedBy.enum).toEqual([
      "phoneNumber",
      "status",
      "codeVerificationStatus",
      "nameStatus",
    ]);
    expect(document.$defs.BlockedBy.anyOf).toEqual([
      { $ref: "#/$defs/KnownBlockedBy" },
      { type: "string" },
    ]);
    expect(DOCUMENTS.get("shared/receiver/events.ts")).toContain(
      'export type BlockedBy = "phoneNumber" | "status" | "codeVerificationStatus" | "nameStatus"',
    );
  });
});
