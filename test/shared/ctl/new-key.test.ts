import { describe, expect, it } from "vitest";
import { authenticate, parseApiKeys } from "../../../shared/http/api-keys.ts";
import { runCtl } from "./test-world.ts";

describe("ctl key", () => {
  it.each([
    [["crm"], "*"],
    [["crm", "cust-1"], "cust-1"],
    [["crm", "self"], "self"],
  ])("%j prints a key, and an entry that holds its digest only", async (words, scope) => {
    const { code, out } = await runCtl(["key", ...words]);
    expect(code).toBe(0);
    const [, key = "", entry = ""] =
      /^key {12}([\w-]{43})\nAPI_KEYS entry (crm:sha256:\S+)\nGive the key/.exec(out) ?? [];
    expect(entry).not.toContain(key);
    const parsed = parseApiKeys(entry);
    const keys = "value" in parsed ? parsed.value : [];
    expect(authenticate({ authorization: `Bearer ${key}` }, keys)).toMatchObject({
      name: "crm",
      scope,
    });
  });

  it("never prints the same key again", async () => {
    const runs = await Promise.all([runCtl(["key", "crm"]), runCtl(["key", "crm"])]);
    expect(runs[0].out).not.toBe(runs[1].out);
  });

  it.each([
    [[], "npm run ctl -- key NAME [SCOPE]"],
    [["a b"], "the name must be 1 to 64 of A-Z a-z 0-9 _ -"],
    [["crm", "a b"], "the scope must be a CustSpaceId, self or *"],
    [["crm", "a", "b"], "npm run ctl -- key NAME [SCOPE]"],
  ])("%j is refused with exit code 2", async (words, problem) => {
    const { code, out, err } = await runCtl(["key", ...words]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(problem);
  });
});
