import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

type Locked = { readonly link?: boolean; readonly integrity?: string };

it("npm ci verifies every package, also those for other systems", () => {
  const text = readFileSync(new URL("../package-lock.json", import.meta.url), "utf8");
  const packages = Object.entries<Locked>(JSON.parse(text).packages);
  expect(packages.length).toBeGreaterThan(500);
  const unverified = packages.filter(
    ([name, { link, integrity }]) => name !== "" && !link && !integrity?.startsWith("sha512-"),
  );
  expect(unverified.map(([name]) => name)).toEqual([]);
});
