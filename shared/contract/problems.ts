import type { AnyAppError } from "../errors.ts";
import type { HttpResponse } from "../http/http-response.ts";
import { headerRefs, schemaRef } from "./documented-schema.ts";

export type ProblemCode = AnyAppError["code"] | "ERR_INTERNAL";

/** One response for each problem, made by the code that ships. */
export type ProblemExamples = Readonly<Record<ProblemCode, HttpResponse>>;

/** Headers that only some problems have: their names in a response and in the document. */
const SPECIAL_HEADERS = {
  "retry-after": "Retry-After",
  "www-authenticate": "WWW-Authenticate",
  allow: "Allow",
} as const;

/**
 * The responses of an operation to these problems, by status.
 *
 * @param replayed codes of the problems that a repeated Idempotency-Key gets again
 */
export function problemResponses(
  codes: readonly ProblemCode[],
  examples: ProblemExamples,
  replayed: readonly ProblemCode[] = [],
): Record<string, unknown> {
  const statuses = [...new Set(codes.map((code) => examples[code].status))].sort();
  return Object.fromEntries(
    statuses.map((status) => {
      const own = codes.filter((code) => examples[code].status === status);
      const extra = own.some((code) => replayed.includes(code)) ? ["Idempotency-Replayed"] : [];
      return [String(status), problemResponse(status, own, examples, extra)];
    }),
  );
}

function problemResponse(
  status: number,
  codes: readonly ProblemCode[],
  examples: ProblemExamples,
  extraHeaders: readonly string[],
) {
  const bodies = codes.map((code) => [code, JSON.parse(examples[code].body)] as const);
  const titles = [...new Set(bodies.map(([, { title }]) => title as string))];
  const headers = Object.entries(SPECIAL_HEADERS).filter(([name]) =>
    codes.every((code) => name in examples[code].headers),
  );
  return {
    description: `${titles.join("; ")}.`,
    headers: headerRefs(["X-Request-Id", ...headers.map(([, name]) => name), ...extraHeaders]),
    content: {
      "application/problem+json": {
        schema: {
          allOf: [schemaRef("Problem")],
          properties: { status: { const: status }, code: { enum: [...codes] } },
        },
        examples: Object.fromEntries(
          bodies.map(([code, value]) => [code, { summary: value.title, value }]),
        ),
      },
    },
  };
}
