import { describe, expect, it } from "vitest";
import { readImport } from "../../../shared/ctl/import-ids.ts";

const problemOf = (text: string) => {
  try {
    return readImport(text);
  } catch (error) {
    return (error as Error).message.split("\n");
  }
};

describe("the ids of an import", () => {
  it.each([
    ["one a line", "a\nb\n", ["a", "b"]],
    ["CRLF, blank lines, remarks and repeats", "# ours\r\na # big\r\n\r\n  b\r\na", ["a", "b"]],
    ["old line ends and no last one", "a\rb", ["a", "b"]],
    ["a header alone in its line", "CustSpaceId\na\nb", ["a", "b"]],
    ["a BOM and commas", "\ufeffcustSpaceId,name\na,Acme\nb,Bolt", ["a", "b"]],
    ["semicolons and another column", "name;cust_space_id\nAcme;a\nBolt;b", ["a", "b"]],
    ["tabs", "name\tCUSTSPACEID\nAcme\ta", ["a"]],
    [
      "quotes, with separators, line ends and quotes in them",
      'name,"custSpaceId"\n"Acme, ""A""\nInc","a"\n"#1",b',
      ["a", "b"],
    ],
    ["a remark line in a CSV", "custSpaceId,name\n# old\na,Shop #1", ["a"]],
    ["trailing separators in a list", "a,\nb,\n", ["a", "b"]],
    ["a header in the plural", "custSpaceIds\na", ["a"]],
    ["a separator inside a quoted header", '"Name, City";custSpaceId\nAcme;a', ["a"]],
    ["tabs, with a comma in a header", "Name, City\tcustSpaceId\nAcme, Rome\ta", ["a"]],
    ["Excel's line that names the separator", "sep=;\r\nName;custSpaceId\r\nAcme;a", ["a"]],
    ["ids that end alike", "alpha-1\nalpha-2\nalpha-3", ["alpha-1", "alpha-2", "alpha-3"]],
    ["words only", "plaid\nacme\nbolt", ["plaid", "acme", "bolt"]],
    ["words before an id with a digit", "acme\nbolt\ncog-3", ["acme", "bolt", "cog-3"]],
    ["ids that all end in a header's word", "acme_id\nbolt_id", ["acme_id", "bolt_id"]],
    ["self before ids with digits", "self\n1001\n1002", ["self", "1001", "1002"]],
    ["one word", "acme", ["acme"]],
  ])("are read from %s", (_name, text, ids) => {
    expect(readImport(text)).toEqual(ids);
  });

  it("are refused whole, with every bad line's number", () => {
    expect(problemOf("a\ncust 1\n\nb/c\nself\nx,y")).toEqual([
      "Nothing was sent. Lines without a CustSpaceId: 3",
      '  line 2: "cust 1" is no id',
      '  line 4: "b/c" is no id',
      "  line 6: has several columns, and no header custSpaceId says which one to take",
      "An id is self, or 1 to 128 letters, digits, _ or -.",
    ]);
    expect(problemOf('custSpaceId,name\n"a\nb",x\n,Acme')).toEqual([
      "Nothing was sent. Lines without a CustSpaceId: 2",
      '  line 2: "a\\nb" is no id',
      "  line 4: has no id",
      "An id is self, or 1 to 128 letters, digits, _ or -.",
    ]);
  });

  it("lose no letter to a quote without an end", () => {
    expect(problemOf('x"\n"a"b\ncust-2\n"cust-10')).toEqual([
      "Nothing was sent. Lines without a CustSpaceId: 3",
      '  line 1: "x\\"" is no id',
      '  line 2: "\\"a\\"b" is no id',
      '  line 4: "\\"cust-10" is no id',
      "An id is self, or 1 to 128 letters, digits, _ or -.",
    ]);
  });

  it("are never a header's word", () => {
    expect(problemOf("customer\na")).toContain(
      '  line 1: "customer" is a header. Name the column custSpaceId',
    );
    for (const word of ["customers", "Tenant", "client_id", "custSpace", "Customer Space ID"]) {
      expect(problemOf(`${word}\na`)).toContain(
        `  line 1: "${word}" is a header. Name the column custSpaceId`,
      );
    }
    expect(problemOf("id,name\na,Acme")[1]).toBe(
      "  line 1: has several columns, and no header custSpaceId says which one to take",
    );
  });

  it.each([
    ..."waba_id wabaId InstanceId isvCustSpaceId organization_id CustomerCode customer-key".split(
      " ",
    ),
    ..."Kunde msisdn uuid status email".split(" "),
  ])("are never the first line %s above ids with digits", (word) => {
    expect(problemOf(`# export\n${word}\n1001\nc-1002`)).toEqual([
      "Nothing was sent. Lines without a CustSpaceId: 1",
      `  line 2: "${word}" is a header. Name the column custSpaceId`,
      "An id is self, or 1 to 128 letters, digits, _ or -.",
      "If that first line is an id, leave it out of the file and add it by watch add.",
    ]);
  });

  it.each(["waba_id", "wabaId", "CustomerCode", "customer-key"])(
    "are never the first line %s above words",
    (word) => {
      expect(problemOf(`${word}\nacme\nbolt`)).toContain(
        `  line 1: "${word}" is a header. Name the column custSpaceId`,
      );
    },
  );

  it("keep the file's line numbers after Excel's line", () => {
    expect(problemOf("sep=;\ncustSpaceId;name\na/b;Acme")[1]).toBe('  line 3: "a/b" is no id');
  });

  it.each([
    ["UTF-16", Buffer.from("\ufeffa\nb", "utf16le").toString("utf8"), "UTF-16"],
    ["UTF-16 without a mark", Buffer.from("a\nb", "utf16le").toString("utf8"), "UTF-16"],
    ["an empty file", "\n# nothing\n", "There are no customers in the file."],
    ["a header without lines", "custSpaceId\n", "There are no customers in the file."],
  ])("are refused from %s", (_name, text, message) => {
    expect(problemOf(text)[0]).toContain(message);
  });
});
