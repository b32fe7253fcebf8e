import { createHash } from "node:crypto";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { ForbiddenError, UnauthorizedError } from "../../../shared/errors.ts";
import { assertScope, authenticate, parseApiKeys } from "../../../shared/http/api-keys.ts";
import type { Secret } from "../../../shared/secret.ts";

const KEY_A = "aaaaaaaaaaaaaaaaaaaaaaaA";
const KEY_B = "b-b_b.b~b+b/b=bbbbbbbbbb";

function keysOf(text: string) {
  const parsed = parseApiKeys(text);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.value;
}

/** Of KEY_A, by sha256sum. */
const DIGEST_A = "20cb520460b1e7a1e2462b84c3c9d8c7585f80456af210faec5cf3ed002e4970";

const hex = (digest: Secret<Buffer>) => digest.reveal().toString("hex");

function problemOf(text: string) {
  const parsed = parseApiKeys(text);
  return "problem" in parsed ? parsed.problem : undefined;
}

describe("parseApiKeys", () => {
  it("reads names, keys and scopes, and gives a key without a scope every customer", () => {
    const keys = keysOf(`ops:${KEY_A}, crm:${KEY_B}:cust_1-x`);

    expect(keys.map(({ name, digest, scope }) => [name, hex(digest), scope])).toEqual([
      ["ops", "20cb520460b1e7a1e2462b84c3c9d8c7585f80456af210faec5cf3ed002e4970", "*"],
      ["crm", "c9b5fdfdd501fcecd61d8c8b9240280901f4b93e5810b83c5cdbb3e9e3f2f43e", "cust_1-x"],
    ]);
  });

  it.each([DIGEST_A, DIGEST_A.toUpperCase()])("takes the digest %s for its key", (digest) => {
    const keys = keysOf(`crm:sha256:${digest}:cust-1`);
    expect(keys.map(({ name, scope }) => [name, scope])).toEqual([["crm", "cust-1"]]);
    expect(authenticate({ authorization: `Bearer ${KEY_A}` }, keys).name).toBe("crm");
    // Whoever reads the digest cannot call with it.
    expect(() => authenticate({ authorization: `Bearer ${digest}` }, keys)).toThrow(
      UnauthorizedError,
    );
  });

  it("takes two keys of one name and scope, in any of the two forms", () => {
    const keys = keysOf(`crm:sha256:${DIGEST_A}:c,ops:${KEY_A}x,crm:${KEY_B}:c`);
    for (const key of [KEY_A, KEY_B]) {
      expect(authenticate({ authorization: `Bearer ${key}` }, keys)).toMatchObject({
        name: "crm",
        scope: "c",
      });
    }
  });

  it.each(["*", "self", "c".repeat(128)])("accepts the scope %s", (scope) => {
    expect(keysOf(`a:${KEY_A}:${scope}`)[0]?.scope).toBe(scope);
  });

  it("returns keys that cannot be printed", () => {
    const keys = keysOf(`ops:${KEY_A}`);

    expect(`${JSON.stringify(keys)} ${inspect(keys, { depth: 9 })}`).not.toContain("aaaa");
    expect(JSON.stringify(keys)).toBe('[{"name":"ops","digest":"[redacted]","scope":"*"}]');
  });

  it.each([
    ["", ["entry 1: the name must be 1 to 64 of A-Z a-z 0-9 _ -", keyProblem(1)]],
    [`a:${KEY_A},`, ["entry 2: the name must be 1 to 64 of A-Z a-z 0-9 _ -", keyProblem(2)]],
    ["a:aaaaaaaaaaaaaaaaaaaaaaa", [keyProblem(1)]],
    ["a:aaaaaaaaaaaaaaaaaaaaaaa!", [keyProblem(1)]],
    [`a b:${KEY_A}`, ["entry 1: the name must be 1 to 64 of A-Z a-z 0-9 _ -"]],
    [`${"a".repeat(65)}:${KEY_A}`, ["entry 1: the name must be 1 to 64 of A-Z a-z 0-9 _ -"]],
    [`a:${KEY_A}:`, ["entry 1: the scope must be a CustSpaceId, self or *"]],
    [`a:${KEY_A}:c d`, ["entry 1: the scope must be a CustSpaceId, self or *"]],
    [`a:${KEY_A}:${"c".repeat(129)}`, ["entry 1: the scope must be a CustSpaceId, self or *"]],
    [`a:${KEY_A}:*:x`, ["entry 1: has more than the three parts name:key:scope"]],
    [
      `a:${KEY_A},a:${KEY_B}:c`,
      ["entry 2: the scope is not that of entry 1, which has the same name"],
    ],
    [`a:${KEY_A},a:${KEY_B},a:${KEY_A}${KEY_B}`, ["entry 3: the name has two keys already"]],
    [`a:${KEY_A},a:${KEY_A}`, ["entry 2: the key is also that of entry 1"]],
    [`a:${"x".repeat(24)}`, ["entry 1: the key must not be one repeated character"]],
    [`a:${"=".repeat(99)}:self`, ["entry 1: the key must not be one repeated character"]],
    [`a:sha256:${"0".repeat(64)}`, ["entry 1: the key must not be one repeated character"]],
    [`a:sha256:${DIGEST_A.slice(1)}`, [digestProblem(1)]],
    [`a:sha256:${DIGEST_A}0`, [digestProblem(1)]],
    [`a:sha256:${KEY_A}`, [digestProblem(1)]],
    ["a:sha256", [digestProblem(1)]],
    [`a:sha256:${DIGEST_A}:*:x`, ["entry 1: has more than the three parts name:key:scope"]],
    [`a:${KEY_A},b:sha256:${DIGEST_A}`, ["entry 2: the key is also that of entry 1"]],
    [`a:${KEY_A},b:${KEY_A}:c`, ["entry 2: the key is also that of entry 1"]],
  ])("refuses %j with the problems %j", (text, problems) => {
    expect(problemOf(text)).toBe(problems.join(", "));
  });

  it("lists the problems of all entries and quotes no entry, not even a swapped one", () => {
    const problem = problemOf(`${KEY_A}:ops,a:short-key,b:${KEY_B}:not a scope`);

    expect(problem?.match(/entry \d: /g)).toHaveLength(3);
    expect(problem).not.toMatch(/aaaa|ops|short|not a scope|b-b_b/);
  });
});

function digestProblem(entry: number) {
  return `entry ${entry}: sha256 must be followed by 64 hexadecimal digits`;
}

function keyProblem(entry: number) {
  return `entry ${entry}: the key must be 24 or more of A-Z a-z 0-9 _ - . ~ + / =`;
}

describe("authenticate", () => {
  const keys = keysOf(`first:${KEY_A},last:${KEY_B}:cust-1`);

  it.each([
    ["Bearer aaaaaaaaaaaaaaaaaaaaaaaA", "first"],
    ["bearer aaaaaaaaaaaaaaaaaaaaaaaA", "first"],
    ["BEARER   b-b_b.b~b+b/b=bbbbbbbbbb", "last"],
    [" Bearer b-b_b.b~b+b/b=bbbbbbbbbb ", "last"],
  ])("recognises the caller of %j as %s", (authorization, name) => {
    expect(authenticate({ authorization }, keys).name).toBe(name);
  });

  it.each([
    undefined,
    "",
    "Bearer",
    "Bearer ",
    "aaaaaaaaaaaaaaaaaaaaaaaA",
    "Basic aaaaaaaaaaaaaaaaaaaaaaaA",
    "Beareraaaaaaaaaaaaaaaaaaaaaaaa",
    "Bearer aaaaaaaaaaaaaaaaaaaaaaa",
    "Bearer aaaaaaaaaaaaaaaaaaaaaaaa",
    "Bearer aaaaaaaaaaaaaaaaaaaaaaaAA",
    "Bearer AAAAAAAAAAAAAAAAAAAAAAAA",
    "Bearer aaaaaaaaaaaaaaaaaaaaaaaA, Bearer b-b_b.b~b+b/b=bbbbbbbbbb",
    "Bearer aaaaaaaaaaaaaaaaaaaaaaaA extra",
    "Bearer first",
    "Bearer [redacted]",
  ])("refuses %j", (authorization) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };

    expect(() => authenticate(headers, keys)).toThrow(UnauthorizedError);
  });

  it.each(["x", "password", "x".repeat(24), `${"x".repeat(30)}==`])(
    "refuses the weak key %j also where its digest is known",
    (key) => {
      const digest = createHash("sha256").update(key).digest("hex");
      const known = keysOf(`crm:sha256:${digest}`);
      expect(() => authenticate({ authorization: `Bearer ${key}` }, known)).toThrow(
        UnauthorizedError,
      );
    },
  );

  it("refuses everyone when there are no keys", () => {
    expect(() => authenticate({ authorization: `Bearer ${KEY_A}` }, [])).toThrow(UnauthorizedError);
  });
});

describe("assertScope", () => {
  it.each([
    ["*", "cust-1", true],
    ["*", undefined, true],
    ["cust-1", "cust-1", true],
    ["cust-1", "cust-2", false],
    ["cust-1", "Cust-1", false],
    ["cust-1", undefined, false],
    ["self", undefined, true],
    ["self", "cust-1", false],
  ])("with the scope %s and the customer %s gives %s", (scope, custSpaceId, passes) => {
    const [key] = keysOf(`a:${KEY_A}:${scope}`);
    if (key === undefined) throw new Error("no key");

    if (passes) expect(() => assertScope(key, custSpaceId)).not.toThrow();
    else expect(() => assertScope(key, custSpaceId)).toThrow(ForbiddenError);
  });
});
