import { afterEach } from "vitest";
import { createDocumentChecker, OPERATIONS, type Operation } from "./openapi-check.ts";

type Checker = ReturnType<typeof createDocumentChecker>;
type Answer = Parameters<Checker["answer"]>[1];

/** The most misfits that one test reports. A fault of the document may misfit hundreds. */
const SHOWN = 5;

let checker: Checker | undefined;
// Compiling costs most. It happens once per worker, and only if a test checks something.
const check = (): Checker => {
  checker ??= createDocumentChecker();
  return checker;
};

const misfits: string[] = [];

// Misfits are reported after the test. An error in the sender would look like a failed delivery.
afterEach(() => {
  const found = [...new Set(misfits.splice(0))];
  if (found.length > 0) throw new Error(found.slice(0, SHOWN).join("\n"));
});

/**
 * Checks a function's response against the OpenAPI document. Without an operation it has to fit one
 * of them.
 *
 * @throws Error that names what does not fit
 */
export function assertDocumented(event: unknown, answer: Answer, operation?: Operation): void {
  const method = methodOf(event);
  // The document does not describe OPTIONS.
  if (method === "OPTIONS" && answer.status === 204) return;
  const operations = operation ? [operation] : OPERATIONS;
  const problems = operations.map((one) => check().answer(one, answer, method));
  if (problems.some((list) => list.length === 0)) return;
  const misfit = operations.map((one, index) => `${one}: ${problems[index]?.join(", ")}`);
  throw new Error(`a response that openapi.json does not describe: ${misfit.join("; ")}`);
}

/** Fails the running test, at its end, if a delivery does not fit the OpenAPI document. */
export function noteDelivery(headers: Readonly<Record<string, unknown>>, body: string): void {
  note(body, check().event(headers, body));
}

/** The same for an event's body alone, for tests with a fake sender. */
export function noteEvent(body: string): void {
  note(body, check().eventBody(body));
}

function note(body: string, problems: readonly string[]): void {
  const { type, id } = JSON.parse(body) as Readonly<Record<string, string>>;
  for (const problem of problems) {
    misfits.push(`an event that openapi.json does not describe: ${type} ${id}: ${problem}`);
  }
}

/** The method of the platform's HTTP event, or undefined if it has none. */
function methodOf(event: unknown): string | undefined {
  try {
    const { requestContext, httpMethod } = JSON.parse(String(event));
    return requestContext?.http?.method ?? httpMethod;
  } catch {
    return undefined;
  }
}
