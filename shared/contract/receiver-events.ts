import { EVENT_SCHEMAS, SCHEMA_BY_TYPE } from "./event-schemas.ts";

/** What the schemas of the events use of JSON Schema. */
type Schema = {
  readonly type?: string | readonly string[];
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly additionalProperties?: Schema;
};

const WIDTH = 100;

/** The text of `shared/receiver/events.ts`: each event's type, and its shape to check it by. */
export function receiverEventsFile(): string {
  const bases = Object.entries(EVENT_SCHEMAS) as [string, Schema][];
  const shapeName = (base: string) => base.replace(/(?<=[a-z])(?=[A-Z])/, "_").toUpperCase();
  const byType = Object.entries(SCHEMA_BY_TYPE).map(
    ([type, base]) => `  "${type}": ${shapeName(base)},`,
  );
  return [
    "// Made by shared/contract from the schemas of the events. Change those, not this file.",
    ...bases.map(([name, schema]) => `export type ${name} = ${typeOf(schema, "")};`),
    `/** The events that this version knows. A \`switch\` on \`type\` narrows them. */
export type KnownEvent = ${bases.map(([name]) => name).join(" | ")};`,
    `/** What a value must be. A field named with \`?\` may be absent, and further fields are allowed. */
export type Shape =
  | "string"
  | "number"
  | "null"
  | { readonly anyOf: readonly Shape[] }
  | { readonly oneOf: readonly string[] }
  | { readonly list: Shape }
  | { readonly values: Shape }
  | { readonly fields: Readonly<Record<string, Shape>> };`,
    ...bases.map(([name, schema]) => declareShape(shapeName(name), shapeOf(schema))),
    `/** The shape of each type of event. */
export const EVENT_SHAPES: Readonly<Record<KnownEvent["type"], Shape>> = {
${byType.join("\n")}
};
`,
  ].join("\n\n");
}

/** A schema as a TypeScript type, with its descriptions as comments. */
function typeOf(schema: Schema, indent: string): string {
  const texts = schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
  if (texts) return texts.map((text) => JSON.stringify(text)).join(" | ");
  if (schema.anyOf) return schema.anyOf.map((one) => typeOf(one, indent)).join(" | ");
  if (Array.isArray(schema.type)) return schema.type.join(" | ");
  if (schema.items) return `${typeOf(schema.items, indent)}[]`;
  if (schema.additionalProperties) {
    return `Record<string, ${typeOf(schema.additionalProperties, indent)}>`;
  }
  if (!schema.properties) return String(schema.type ?? "unknown");
  const inner = `${indent}  `;
  const lines = Object.entries(schema.properties).flatMap(([name, property]) => [
    ...(property.description ? [`${inner}/** ${property.description} */`] : []),
    `${inner}${name}${schema.required?.includes(name) ? "" : "?"}: ${typeOf(property, inner)};`,
  ]);
  return ["{", ...lines, `${indent}}`].join("\n");
}

/** A schema as the `Shape` that the file declares. */
function shapeOf(schema: Schema): unknown {
  if (schema.enum) return { oneOf: schema.enum };
  if (schema.const !== undefined) return { oneOf: [schema.const] };
  if (schema.anyOf) return { anyOf: schema.anyOf.map(shapeOf) };
  if (Array.isArray(schema.type)) return { anyOf: schema.type };
  if (schema.items) return { list: shapeOf(schema.items) };
  if (schema.additionalProperties) return { values: shapeOf(schema.additionalProperties) };
  if (!schema.properties) return schema.type;
  const fields = Object.entries(schema.properties).map(([name, property]) => [
    schema.required?.includes(name) ? name : `${name}?`,
    shapeOf(property),
  ]);
  return { fields: Object.fromEntries(fields) };
}

/** In filled lines: a shape is for the program to read. */
function declareShape(name: string, shape: unknown): string {
  const text = JSON.stringify(shape)
    .replaceAll(/"(\w+)":/g, "$1: ")
    .replaceAll('":', '": ');
  const lines = [`const ${name}: Shape =`, " "];
  for (const part of text.split(/(?<=,)/)) {
    const line = `${lines.at(-1)} ${part}`;
    if (line.length <= WIDTH) lines[lines.length - 1] = line;
    else lines.push(`  ${part}`);
  }
  return `${lines.join("\n")};`;
}
