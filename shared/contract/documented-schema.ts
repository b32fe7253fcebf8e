import * as z from "zod/mini";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a document says of a property: its description, or what zod does not know of it as well. */
export type PropertyNotes = Readonly<Record<string, string | JsonSchema>>;

/** The note of a time. */
export function time(description: string): JsonSchema {
  return { description: `${description} RFC 3339, UTC, milliseconds.`, format: "date-time" };
}

/**
 * A schema as JSON Schema 2020-12. Objects stay open unless the schema is strict, because fields may
 * be added later.
 *
 * @param notes by the name of the property, wherever it stands in the schema
 */
export function toDocumentedSchema(schema: z.core.$ZodType, notes: PropertyNotes): JsonSchema {
  const {
    $schema,
    "~standard": _,
    ...rest
  } = z.toJSONSchema(schema, {
    io: "input",
    override({ jsonSchema, path }) {
      const note = path.at(-2) === "properties" ? notes[String(path.at(-1))] : undefined;
      Object.assign(jsonSchema, typeof note === "string" ? { description: note } : note);
    },
  });
  return rest;
}

/** A schema of the document by its name. */
export function schemaRef(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

/** The headers of a response, by their names in the document. */
export function headerRefs(names: readonly string[]): Readonly<Record<string, JsonSchema>> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}
