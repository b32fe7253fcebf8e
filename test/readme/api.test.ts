import { describe, expect, it } from "vitest";
import type { ProblemCode } from "../../shared/contract/problems.ts";
import { FUNCTIONS } from "../../shared/functions.js";
import { problemExamples } from "../contract/http-examples.ts";
import { createDocumentChecker, readDocument } from "../contract/openapi-check.ts";
import { allPages, codeSpans, pageText, section, tableRows } from "./pages.ts";
import { sources } from "./sources.ts";

const page = "functions/README.md";
const check = createDocumentChecker();

it("every HTTP function is in the OpenAPI document and on the page", () => {
  const paths = readDocument().paths as Readonly<Record<string, object>>;
  for (const row of FUNCTIONS) {
    if (row.kind !== "http") continue;
    const [path] = row.paths;
    expect(Object.keys(paths[path] ?? {})).toContain(row.method.toLowerCase());
    expect(codeSpans(pageText(page))).toContain(`${row.method} ${path}`);
  }
});

/** The responses that a text shows: a status and a body, indented below the call. */
function responses(text: string): { readonly status: number; readonly body: unknown }[] {
  return [...text.matchAll(/^ {4}(\d{3}) (\{.*(?:\n {9,}.*)*)$/gm)].map(
    ([, status = "", body = ""]) => ({ status: Number(status), body: JSON.parse(body) }),
  );
}

describe("the table of problems", () => {
  it("has every code with its status", () => {
    const samples = problemExamples("Query", ["GET"]);
    const listed = tableRows(section(page, "Problems")).map(([code = "", status]) => [
      code.replaceAll("`", ""),
      Number(status),
    ]);
    const known = Object.keys(samples).map((code) => [code, samples[code as ProblemCode].status]);
    expect(listed.sort()).toEqual(known.sort());
  });

  it("and the receivers' page have every code of the source", () => {
    const codes = sources().flatMap((text) => [...text.matchAll(/"(ERR_[A-Z_]+[A-Z])"/g)]);
    const listed = codeSpans(allPages());
    const missing = codes.map(([, code = ""]) => code).filter((code) => !listed.includes(code));
    expect([...new Set(missing)]).toEqual([]);
  });
});

describe("the responses that are shown", () => {
  it.each([
    [page, [201, 200, 200, 400]],
    ["README.md", [201]],
  ] as const)("by %s fit the OpenAPI document", (name, statuses) => {
    const shown = responses(pageText(name));
    expect(shown.map(({ status }) => status)).toEqual(statuses);
    for (const { status, body } of shown) {
      const type = status < 400 ? "application/json" : "application/problem+json";
      const headers = { "content-type": type, "x-request-id": "id" };
      const operation = status === 200 ? "query" : "add";
      expect(check.answer(operation, { status, headers, body })).toEqual([]);
    }
  });
});
