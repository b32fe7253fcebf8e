import { existsSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { codeSpans, headings, PAGES, type PageName, pageText, ROOT, section } from "./pages.ts";

/** As GitHub makes them of headings. */
function anchors(text: string): string[] {
  return headings(text).map((title) =>
    title
      .toLowerCase()
      .replaceAll(/[^a-z0-9 -]/g, "")
      .replaceAll(" ", "-"),
  );
}

/** A page's links inside the project. */
function targets(text: string): string[] {
  return [
    ...[...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target),
    ...[...text.matchAll(/(?:src|srcset)="([^"]+)"/g)].map(([, target = ""]) => target),
  ].filter((target) => !target.startsWith("https://"));
}

function isLost(target: string, name: PageName): boolean {
  const [file = "", anchor] = target.split("#");
  const url = file === "" ? new URL(name, ROOT) : new URL(file, new URL(name, ROOT));
  if (!existsSync(url)) return true;
  if (anchor === undefined) return false;
  const page = PAGES.find((one) => new URL(one, ROOT).href === url.href);
  return page === undefined || !anchors(pageText(page)).includes(anchor);
}

describe.each(PAGES)("%s", (name) => {
  const text = pageText(name);

  it("has links to files and headings that are there", () => {
    expect(targets(text).filter((target) => isLost(target, name))).toEqual([]);
  });

  it("names files and folders that exist", () => {
    const paths = codeSpans(text).filter((code) =>
      /^(test|shared|functions|\.ci)\/[\w./-]+$/.test(code),
    );
    expect(paths.filter((path) => !existsSync(new URL(path, ROOT)))).toEqual([]);
  });

  it("can be reached from the README by one link", () => {
    const own = name === "README.md" ? [name] : targets(pageText("README.md"));
    expect(own.map((target) => target.split("#")[0])).toContain(name);
  });
});

it("each promise of the README links its own file of test/promises, and none is left out", () => {
  const linked = targets(section("README.md", "Promises"));
  const files = readdirSync(new URL("test/promises", ROOT))
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => `test/promises/${file}`);
  expect(linked.sort()).toEqual(files.sort());
});

it("every README of the repository is a page that is checked", () => {
  const inside = ["functions", "shared", "test"].flatMap((folder) =>
    readdirSync(new URL(folder, ROOT), { recursive: true, encoding: "utf8" }).map(
      (file) => `${folder}/${file}`,
    ),
  );
  const readmes = inside.filter((file) => file.endsWith("/README.md"));
  expect(["README.md", ...readmes].sort()).toEqual([...PAGES].sort());
});
