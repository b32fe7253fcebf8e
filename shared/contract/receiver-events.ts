import { WATCHED_FIELD_NAMES } from "../changes/watched-fields.ts";
import {
  ALL_EVENT_TYPES,
  ALWAYS,
  capitalise,
  EVENT_SCHEMAS,
  eventName,
  OPEN_ENUMS,
  SCHEMA_BY_TYPE,
} from "./event-schemas.ts";

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
    "// Of these more values may come: editors complete those known, and any text is one.",
    [...Object.entries(OPEN_ENUMS).map(declareOpenEnum), declareValues()].join("\n"),
    ...bases.map(([name, schema]) => `export type ${name} = ${typeOf(schema, "")};`),
    `/** The events of one type, with what they always hold beyond the others. */
type EventOf<
  Base extends { type: string; data: object },
  Type extends Base["type"],
  Always extends keyof Base["data"] = never,
> = Omit<Base, "type" | "data"> & {
  type: Type;
  data: Base["data"] & Required<Pick<Base["data"], Always>>;
};`,
    ALL_EVENT_TYPES.map(declareEvent).join("\n"),
    `/** The events that this version knows. A \`switch\` on \`type\` narrows them. */
export type KnownEvent = ${ALL_EVENT_TYPES.map(eventName).join(" | ")};`,
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

function declareOpenEnum([name, values]: readonly [string, readonly string[]]): string {
  const known = values.map((value) => JSON.stringify(value)).join(" | ");
  return `export type ${name} = ${known} | (string & {});`;
}

function declareEvent(type: keyof typeof SCHEMA_BY_TYPE): string {
  const always = ALWAYS[type]?.map((name) => ` | ${JSON.stringify(name)}`).join("");
  const rest = always ? `,${always.replace(" |", "")}` : "";
  return `export type ${eventName(type)} = EventOf<${SCHEMA_BY_TYPE[type]}, "${type}"${rest}>;`;
}

/** Properties whose values are open enums: the schema only says that they are text. */
function openTypeOf(name: string, { properties }: Schema): string | undefined {
  switch (name) {
    case "field":
      return "Field";
    case "blockedBy":
      return "BlockedBy";
    case "code":
      // A reason's code is the upstream's.
      return properties?.failingSince ? "FailureCode" : undefined;
    case "current":
      return "CurrentValues";
    case "previous":
      return "{ [Name in keyof CurrentValues]: CurrentValues[Name] | null }";
    default:
      return undefined;
  }
}

/** Values by watched field, of which more may come. */
function declareValues(): string {
  const lines = WATCHED_FIELD_NAMES.map((field) => {
    const name = capitalise(field);
    return `  ${field}?: ${name in OPEN_ENUMS ? name : "string"};`;
  });
  const more = "  [field: string]: string | undefined;";
  return ["export type CurrentValues = {", ...lines, more, "};"].join("\n");
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
    `${inner}${name}${schema.required?.includes(name) ? "" : "?"}: ${openTypeOf(name, schema) ?? typeOf(property, inner)};`,
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
