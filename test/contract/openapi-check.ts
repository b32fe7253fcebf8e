import { readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { FUNCTIONS } from "../../shared/functions.js";

type Node = Readonly<Record<string, unknown>>;

type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed. Undefined if it was empty. */
  readonly body: unknown;
};

const HTTP_FUNCTIONS = FUNCTIONS.filter((row) => row.kind === "http");

const EVENT_TYPE = "application/cloudevents+json";

export type Operation = (typeof HTTP_FUNCTIONS)[number]["name"];

export const OPERATIONS: readonly Operation[] = HTTP_FUNCTIONS.map(({ name }) => name);

const DOCUMENT_URL = new URL("../../shared/contract/openapi.json", import.meta.url);

export function readDocument(): Node {
  return JSON.parse(readFileSync(DOCUMENT_URL, "utf8"));
}

/**
 * The document with every object closed that it leaves open for later versions. So it has to name
 * every field that this version sends.
 */
function closed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(closed);
  if (typeof node !== "object" || node === null) return node;
  const { type, properties, additionalProperties } = node as Node;
  const isOpen =
    type === "object" && properties !== undefined && additionalProperties === undefined;
  const inner = Object.entries(node).map(([key, value]) => [key, closed(value)]);
  if (isOpen) inner.push(["additionalProperties", false]);
  return Object.fromEntries(inner);
}

/** Where the document has a function's operation. */
function pathOf(operation: Operation): string[] {
  const row = HTTP_FUNCTIONS.find(({ name }) => name === operation);
  return row ? [row.paths[0], row.method.toLowerCase()] : [];
}

const pointerOf = (path: readonly string[]) =>
  path.map((part) => `/${part.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

/** Reads the document by path, and validates values against the schemas in it. */
function createSchemas() {
  const document = closed(readDocument()) as Node;
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
  formats.default(ajv);
  ajv.addSchema(document, "document", undefined, false);
  const compiled = new Map<string, ValidateFunction>();

  function at(path: readonly string[]): Node | undefined {
    const node = path.reduce<unknown>(
      (inner, part) => (inner as Node | undefined)?.[part],
      document,
    );
    const ref = (node as Node | undefined)?.$ref;
    return typeof ref === "string" ? at(ref.slice(2).split("/")) : (node as Node | undefined);
  }

  /** What is wrong with a value, by the schema at this path. */
  function problems(path: readonly string[], value: unknown): string[] {
    const $ref = `document#${pointerOf(path)}`;
    const validate = compiled.get($ref) ?? ajv.compile({ $ref: encodeURI($ref) });
    compiled.set($ref, validate);
    validate(value);
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  }
  return { at, problems };
}

type Schemas = ReturnType<typeof createSchemas>;

/** Headers that only some responses have. */
const SPECIAL_HEADERS = ["retry-after", "www-authenticate", "allow", "idempotency-replayed"];

function headerProblems(
  { at, problems }: Schemas,
  response: readonly string[],
  headers: Answer["headers"],
): string[] {
  const documented = Object.keys(at([...response, "headers"]) ?? {});
  const known = documented.map((name) => name.toLowerCase());
  const missing = documented.filter(
    (name) => at([...response, "headers", name])?.required && !(name.toLowerCase() in headers),
  );
  const extra = SPECIAL_HEADERS.filter((name) => name in headers && !known.includes(name));
  const wrong = documented.flatMap((name) => {
    const value = headers[name.toLowerCase()];
    if (value === undefined) return [];
    return problems(["components", "headers", name, "schema"], value);
  });
  return [
    ...missing.map((name) => `${name} is missing`),
    ...extra.map((name) => `${name} is not documented`),
    ...wrong,
  ];
}

function answerProblems(
  schemas: Schemas,
  operation: Operation,
  { status, headers, body }: Answer,
  method: string,
): string[] {
  const response = ["paths", ...pathOf(operation), "responses", String(status)];
  if (!schemas.at(response)) return [`${status} is not documented`];
  const content = [...response, "content", headers["content-type"]?.split(";")[0] ?? ""];
  if (!schemas.at(content)) return [`${content.at(-1)} is not documented`];
  const misfits = headerProblems(schemas, response, headers);
  if (method === "HEAD") return body === undefined ? misfits : [...misfits, "HEAD has a body"];
  return [...misfits, ...schemas.problems([...content, "schema"], body)];
}

/** With the headers that the receiver got, or for the body alone. */
function eventProblems(
  { at, problems }: Schemas,
  body: string,
  headers?: Readonly<Record<string, unknown>>,
): string[] {
  const event = JSON.parse(body) as { readonly type: string };
  const webhook = ["webhooks", event.type, "post"];
  if (!at(webhook)) return [`${event.type} is not documented`];
  const misfits = problems([...webhook, "requestBody", "content", EVENT_TYPE, "schema"], event);
  if (!headers) return misfits;
  const type = String(headers["content-type"]).split(";")[0] ?? "";
  if (type !== EVENT_TYPE) return [`${type} is not documented`];
  const parameters = at([...webhook, "parameters"]) as unknown as readonly Node[];
  const wrong = parameters.flatMap(({ name, required }, index) => {
    const value = headers[String(name)];
    if (value === undefined) return required ? [`${name} is missing`] : [];
    return problems([...webhook, "parameters", String(index), "schema"], value);
  });
  return [...wrong, ...misfits];
}

/** Checks what is really sent against the committed document. Each check gives what does not fit. */
export function createDocumentChecker() {
  const schemas = createSchemas();
  return {
    /** A function's response to any HTTP method except OPTIONS. One to HEAD has no body. */
    answer: (operation: Operation, answer: Answer, method = "GET"): string[] =>
      answerProblems(schemas, operation, answer, method),

    /** A request's body, as a client would check it. */
    addRequest: (body: unknown): string[] =>
      schemas.problems(["components", "schemas", "AddRequest"], body),

    /** A delivery, with the headers that the receiver got. */
    event: (headers: Readonly<Record<string, unknown>>, body: string): string[] =>
      eventProblems(schemas, body, headers),

    /** An event's body alone. */
    eventBody: (body: string): string[] => eventProblems(schemas, body),

    /** Any value against the schema at a path of the document. */
    problems: schemas.problems,
  };
}
