import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { fenced, ROOT, section, tableRows } from "./pages.ts";
import { sources } from "./sources.ts";

const page = "shared/README.md";
const [rooms = "", floors = ""] = fenced(section(page, "Rooms"), "text");

it("the contributors' page lists every room of shared/", () => {
  const listed = [...rooms.matchAll(/^ {2}([a-z]+)\/ /gm)].map(([, room = ""]) => room);
  const folders = readdirSync(new URL("shared", ROOT), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  expect(listed.sort()).toEqual(folders.sort());
});

it("the contributors' page shows which rooms lie above which, as the test of imports has them", () => {
  const source = readFileSync(new URL("test/shared/structure.test.ts", ROOT), "utf8");
  const [, text = ""] = /const FLOORS = \[\n([\s\S]+?)\n\];/.exec(source) ?? [];
  const checked = text
    .split("\n")
    .map((line) => [...line.matchAll(/"([a-z-]+)"/g)].map(([, room]) => room));
  expect(checked.length).toBeGreaterThan(5);
  expect(
    floors
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/ +/)),
  ).toEqual(checked);
});

it("the contributors' page lists what the store holds under each key", () => {
  const keys = sources().flatMap((text) =>
    [...text.matchAll(/(?:_(?:PREFIX|KEY) = "|return `)([a-z]+\/)(\w*)/g)].map(
      ([, prefix = "", rest = ""]) => prefix + rest,
    ),
  );
  expect(keys.length).toBeGreaterThan(7);
  const listed = tableRows(section(page, "What is stored")).map(([key = ""]) =>
    key.replaceAll("`", "").replace(/[<…].*/, ""),
  );
  expect(listed.sort()).toEqual(keys.sort());
});
