import { afterEach } from "vitest";
import { createDocumentChecker, OPERATIONS, type Operation } from "./openapi-check.ts";

type Checker = ReturnType<typeof createDocumentChecker>;
type Answer = Parameters<Checker["answer"]>[1];

/** Of what does not fit in one test; a fault of the document fits none of hundreds. */
const SHOWN = 5;

let checker: Checker | undefined;
// Compiling is most of the cost: once for a worker, and only for a file that answers or sends.
const check = (): Checker => {
  checker ??= createDocumentChecker();
  return checker;
};

const misfits: string[] = [];

// What is sent is noted and told after the test: thrown at the sender, it would count as a failed
// delivery and be tried again.
afterEach(() => {
  const told = [...new Set(misfits.splice(0))];
  if (told.length > 0) throw new Error(told.slice(0, SHOWN).join("\n"));
});

/**
 * Holds an answer of a function against the OpenAPI document; without an operation it has to fit one
 * of them.
 *
 * @throws Error that names what does not fit
 */
export function assertDocumented(event: unknown, answer: Answer, operation?: Operation): void {
  const method = methodOf(event);
  // The document tells nothing of OPTIONS.
  if (method === "OPTIONS" && answer.status === 204) return;
  const operations = operation ? [operation] : OPERATIONS;
  const problems = operations.map((one) => check().answer(one, answer, method));
  if (problems.some((list) => list.length === 0)) return;
  const told = operations.map((one, index) => `${one}: ${problems[index]?.join(", ")}`);
  throw new Error(`an answer that openapi.json does not tell of: ${told.join("; ")}`);
}

/** Notes what the OpenAPI document does not tell of a delivery; the running test then fails. */
export function noteDelivery(headers: Readonly<Record<string, unknown>>, body: string): void {
  note(body, check().event(headers, body));
}

/** The same of an event's body alone, for tests whose sender is pretended. */
export function noteEvent(body: string): void {
  note(body, check().eventBody(body));
}

function note(body: string, problems: readonly string[]): void {
  const { type, id } = JSON.parse(body) as Readonly<Record<string, string>>;
  for (const problem of problems) {
    misfits.push(`an event that openapi.json does not tell of: ${type} ${id}: ${problem}`);
  }
}

/** The method of the platform's HTTP event; undefined for an event without one. */
function methodOf(event: unknown): string | undefined {
  try {
    const { requestContext, httpMethod } = JSON.parse(String(event));
    return requestContext?.http?.method ?? httpMethod;
  } catch {
    return undefined;
  }
}
