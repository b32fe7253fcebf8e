import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../../shared/store/store.ts";
import { SEED } from "../../support/seed.ts";

/** A fresh, empty store for one test. `close` releases what `open` took. */
export type OpenedStore = { readonly store: Store; close(): Promise<void> };

/** The laws of shared/store/store.ts, the same for every adapter. */
export function describeStore(name: string, open: () => Promise<OpenedStore>): void {
  describe(`${name} keeps the store contract`, () => {
    let opened: OpenedStore;
    let store: Store;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.close());

    const versionOf = async (key: string) => (await store.get(key))?.version ?? "no row";
    const fill = async (keys: readonly string[]) => {
      for (const key of keys) await store.put(key, `value of ${key}`, "absent");
    };
    const keysOf = async (prefix: string, after = "", limit = 100) =>
      (await store.scan(prefix, after, limit)).map((row) => row.key);

    it("gives undefined for a key that was never written", async () => {
      expect(await store.get("c/none")).toBeUndefined();
    });

    it("stores a value once when it is expected to be absent", async () => {
      expect(await store.put("c/a", "first", "absent")).toBe("stored");
      expect(await store.put("c/a", "second", "absent")).toBe("conflict");
      expect(await store.get("c/a")).toEqual({ value: "first", version: expect.any(String) });
    });

    it("replaces a value only for its current version", async () => {
      await store.put("c/a", "1", "absent");
      const first = await versionOf("c/a");
      expect(await store.put("c/a", "2", first)).toBe("stored");
      expect(await store.put("c/a", "3", first)).toBe("conflict");
      expect((await store.get("c/a"))?.value).toBe("2");
      expect(await versionOf("c/a")).not.toBe(first);
    });

    it("gives a new version to a value that was written again unchanged", async () => {
      await store.put("c/a", "same", "absent");
      const first = await versionOf("c/a");
      await store.put("c/a", "same", first);
      expect(await versionOf("c/a")).not.toBe(first);
    });

    it("does not create a row when a version is expected", async () => {
      expect(await store.put("c/a", "1", "some-version")).toBe("conflict");
      expect(await store.get("c/a")).toBeUndefined();
    });

    it("deletes only the current version", async () => {
      await store.put("c/a", "1", "absent");
      const first = await versionOf("c/a");
      await store.put("c/a", "2", first);
      expect(await store.delete("c/a", first)).toBe("conflict");
      expect(await store.delete("c/a", await versionOf("c/a"))).toBe("deleted");
      expect(await store.get("c/a")).toBeUndefined();
      expect(await store.delete("c/a", first)).toBe("conflict");
      expect(await keysOf("")).toEqual([]);
    });

    it("refuses the version of a row that was deleted and created again", async () => {
      await store.put("c/a", "same", "absent");
      const old = await versionOf("c/a");
      await store.delete("c/a", old);
      await store.put("c/a", "same", "absent");
      expect(await store.put("c/a", "late", old)).toBe("conflict");
      expect(await store.delete("c/a", old)).toBe("conflict");
      expect((await store.get("c/a"))?.value).toBe("same");
    });

    it("keeps keys apart that differ in case or in a trailing character", async () => {
      await fill(["c/a", "c/A", "c/a "]);
      expect((await store.get("c/A"))?.value).toBe("value of c/A");
      expect((await store.get("c/a "))?.value).toBe("value of c/a ");
    });

    const texts: readonly (readonly [string, string])[] = [
      ["Chinese text", '{"name":"阿里云通信"}'],
      ["emoji and combining marks", '{"name":"👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301 \u{10ffff}"}'],
      ["an escaped U+0000", JSON.stringify({ text: "a\u0000b" })],
      ["quotes, backslashes and line ends", `{"a":"\\\\ ' \\" $1 %s\r\n\t"} `],
      ["the empty text", ""],
      ["1 MB of two-byte characters", "é".repeat(500_000)],
      ["1.5 MB", "0123456789abcde\n".repeat(93_750)],
    ];
    it.each(texts)("gives back %s byte for byte", async (_, text) => {
      await store.put("c/a", text, "absent");
      expect((await store.get("c/a"))?.value === text).toBe(true);
      expect((await store.scan("c/", "", 1))[0]?.value === text).toBe(true);
      expect(await store.put("c/a", `${text}!`, await versionOf("c/a"))).toBe("stored");
      expect((await store.get("c/a"))?.value === `${text}!`).toBe(true);
    });

    it("scans rows with their values and versions", async () => {
      await fill(["c/b", "c/a"]);
      const [a, b] = [await versionOf("c/a"), await versionOf("c/b")];
      expect(await store.scan("c/", "", 10)).toEqual([
        { key: "c/a", value: "value of c/a", version: a },
        { key: "c/b", value: "value of c/b", version: b },
      ]);
    });

    it("orders keys by their bytes", async () => {
      await fill(["~", "a", "_", "B", "-", "A", "b", "9", "10", "a-b", "a_b", "a~b", "aB", "a/b"]);
      const expected = [
        "-",
        "10",
        "9",
        "A",
        "B",
        "_",
        "a",
        "a-b",
        "a/b",
        "aB",
        "a_b",
        "a~b",
        "b",
        "~",
      ];
      expect(await keysOf("")).toEqual(expected);
    });

    it("keeps to the prefix at its borders", async () => {
      await fill(["b", "c", "c.z", "c/", "c/a", "c/a/", "c/b", "c/~", "c0", "d"]);
      expect(await keysOf("c/")).toEqual(["c/", "c/a", "c/a/", "c/b", "c/~"]);
      expect(await keysOf("c/a")).toEqual(["c/a", "c/a/"]);
      expect(await keysOf("c/~")).toEqual(["c/~"]);
      expect(await keysOf("c/", "c/~")).toEqual([]);
    });

    it("reads a prefix as text, not as a pattern", async () => {
      await fill(["a%", "a_", "ab", "a%b", "a.b", "a\\"]);
      expect(await keysOf("a%")).toEqual(["a%", "a%b"]);
      expect(await keysOf("a_")).toEqual(["a_"]);
      expect(await keysOf("a.")).toEqual(["a.b"]);
      expect(await keysOf("a\\")).toEqual(["a\\"]);
    });

    it("gives nothing for a prefix that no key has", async () => {
      expect(await keysOf("")).toEqual([]);
      await fill(["c/a", "e/a"]);
      expect(await keysOf("d/")).toEqual([]);
      expect(await keysOf("c/a/")).toEqual([]);
    });

    it("continues after the last key, even if that key is gone or before the prefix", async () => {
      await fill(["b/z", "c/1", "c/2", "c/3", "c/4", "c/5", "d/1"]);
      expect(await keysOf("c/", "", 2)).toEqual(["c/1", "c/2"]);
      expect(await keysOf("c/", "c/2", 2)).toEqual(["c/3", "c/4"]);
      expect(await keysOf("c/", "c/4", 2)).toEqual(["c/5"]);
      expect(await keysOf("c/", "c/5", 2)).toEqual([]);
      await store.delete("c/2", await versionOf("c/2"));
      expect(await keysOf("c/", "c/2", 2)).toEqual(["c/3", "c/4"]);
      expect(await keysOf("c/", "a", 2)).toEqual(["c/1", "c/3"]);
      expect(await keysOf("c/", "z", 2)).toEqual([]);
      expect(await keysOf("", "c/4", 9)).toEqual(["c/5", "d/1"]);
    });

    it("loses none of 200 increments by 8 writers at once", async () => {
      await store.put("n", "0", "absent");
      const writer = async () => {
        for (let done = 0; done < 25; ) {
          const row = await store.get("n");
          if (!row) throw new Error("the row is gone");
          const answer = await store.put("n", String(Number(row.value) + 1), row.version);
          if (answer === "stored") done++;
        }
      };
      await Promise.all(Array.from({ length: 8 }, writer));
      expect((await store.get("n"))?.value).toBe("200");
    });

    it("lets one of 16 racing creators win", async () => {
      const answers = await Promise.all(
        Array.from({ length: 16 }, (_, index) => store.put("lease/poll", `${index}`, "absent")),
      );
      expect(answers.filter((answer) => answer === "stored")).toHaveLength(1);
      expect((await store.get("lease/poll"))?.value).toBe(`${answers.indexOf("stored")}`);
    });

    it("lets one of 16 racing deleters win", async () => {
      await store.put("due/a", "", "absent");
      const version = await versionOf("due/a");
      const answers = await Promise.all(
        Array.from({ length: 16 }, () => store.delete("due/a", version)),
      );
      expect(answers.filter((answer) => answer === "deleted")).toHaveLength(1);
    });

    it("gives the same results as a plain Map in 200 random operations", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { minLength: 200, maxLength: 200 }), (operations) =>
          agreesWithMap(store, operations),
        ),
        { seed: SEED, numRuns: 1, endOnFailure: true },
      );
    });
  });
}

const key = fc.constantFrom("c", "c/", "c/a", "c/a/", "c/b", "c0", "C/a", "c/~", "d");
const known = fc.constantFrom("current", "older", "absent");
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("put"), key, known, value: fc.string() }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("delete"), key, known, value: fc.string() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("scan"),
      key: fc.constantFrom("", "c", "c/", "c/a", "d"),
      known: fc.constantFrom("", "c/", "c/a", "c/b", "d"),
      value: fc.constantFrom("1", "3", "100"),
    }),
  },
);

type Operation = { do: string; key: string; known: string; value: string };

async function agreesWithMap(store: Store, operations: readonly Operation[]): Promise<void> {
  const model = new Map<string, string>();
  const versions = new Map<string, string[]>();
  const learn = async (at: string) => {
    const row = await store.get(at);
    expect(row?.value).toBe(model.get(at));
    const seen = versions.get(at) ?? [];
    if (row && row.version !== seen.at(-1)) versions.set(at, [...seen, row.version]);
  };
  for (const step of operations) {
    const seen = versions.get(step.key) ?? [];
    const isThere = model.has(step.key);
    const at = step.known === "current" ? seen.at(-1) : seen.at(-2);
    if (step.do === "scan") {
      const expected = [...model]
        .filter(([k]) => k.startsWith(step.key) && k > step.known)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .slice(0, Number(step.value));
      const rows = await store.scan(step.key, step.known, Number(step.value));
      expect(rows.map((row) => [row.key, row.value])).toEqual(expected);
      continue;
    }
    const matches = step.known === "current" && isThere;
    if (step.do === "put") {
      const expected = step.known === "absent" ? "absent" : (at ?? "never");
      const wins = step.known === "absent" ? !isThere : matches;
      const answer = await store.put(step.key, step.value, expected);
      expect(answer).toBe(wins ? "stored" : "conflict");
      if (wins) model.set(step.key, step.value);
    } else {
      expect(await store.delete(step.key, at ?? "never")).toBe(matches ? "deleted" : "conflict");
      if (matches) model.delete(step.key);
    }
    await learn(step.key);
  }
}
