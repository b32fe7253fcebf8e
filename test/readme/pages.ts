import { readFileSync } from "node:fs";

export const ROOT = new URL("../../", import.meta.url);

/** Every page, each for one reader, by its path from the root. */
export const PAGES = [
  "README.md",
  "functions/README.md",
  "shared/README.md",
  "shared/receiver/README.md",
  "shared/deploy/README.md",
  "shared/commands/README.md",
  "test/README.md",
] as const;

export type PageName = (typeof PAGES)[number];

export function pageText(name: PageName | "CHANGELOG.md"): string {
  return readFileSync(new URL(name, ROOT), "utf8");
}

/** All pages as one text. */
export function allPages(): string {
  return PAGES.map(pageText).join("\n");
}

/** The lines of a text, each with whether it is inside a fenced block, the fences included. */
export function markedLines(text: string): { readonly line: string; readonly isCode: boolean }[] {
  let isFenced = false;
  return text.split("\n").map((line) => {
    const isFence = line.startsWith("```");
    if (isFence) isFenced = !isFenced;
    return { line, isCode: isFenced || isFence };
  });
}

/** The titles of a page, from `##` on. */
export function headings(text: string): string[] {
  return markedLines(text)
    .filter(({ line, isCode }) => !isCode && /^##+ /.test(line))
    .map(({ line }) => line.replace(/^#+ /, ""));
}

/** The text below a heading, up to the next of its level or above. */
export function section(name: PageName, title: string): string {
  const lines = markedLines(pageText(name));
  const from = lines.findIndex(
    ({ line, isCode }) => !isCode && line.replace(/^##+ /, "") === title && line !== title,
  );
  if (from < 0) throw new Error(`${name} has no section ${title}`);
  const depth = lines[from]?.line.indexOf(" ") ?? 0;
  const rest = lines.slice(from + 1);
  const to = rest.findIndex(
    ({ line, isCode }) => !isCode && /^#+ /.test(line) && line.indexOf(" ") <= depth,
  );
  return rest
    .slice(0, to < 0 ? undefined : to)
    .map(({ line }) => line)
    .join("\n");
}

/** The cells of every row of the tables in a text, without heads and rules. */
export function tableRows(text: string): string[][] {
  const rows = text.split("\n").filter((line) => line.startsWith("|"));
  const heads = rows.flatMap((line, index) =>
    /^\|[ :|-]+\|$/.test(line) ? [index - 1, index] : [],
  );
  return rows
    .filter((_, index) => !heads.includes(index))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim().replaceAll("\\|", "|")),
    );
}

/** What stands between backquotes in a text, blocks of code left out. */
export function codeSpans(text: string): string[] {
  const prose = markedLines(text)
    .filter(({ isCode }) => !isCode)
    .map(({ line }) => line)
    .join("\n");
  return [...prose.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code.replaceAll(/\s+/g, " "));
}

/** The contents of a text's blocks fenced with this language. */
export function fenced(text: string, language: string): string[] {
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"));
  return [...blocks].map(([, block = ""]) => block);
}

/** The lines of a text that are code: indented by four or more, or fenced. */
export function codeLines(text: string): string[] {
  return markedLines(text)
    .filter(({ line, isCode }) => (isCode && !line.startsWith("```")) || /^ {4}/.test(line))
    .map(({ line }) => line.trim());
}

/** What a reader reads: neither code nor links' targets nor tags. A code span is one word. */
export function prose(text: string): string {
  return markedLines(text)
    .filter(({ line, isCode }) => !isCode && !/^ {4}/.test(line) && !/^\s*<|^ +src/.test(line))
    .map(({ line }) => line)
    .join("\n")
    .replaceAll(/`[^`]+`/g, "`code`")
    .replaceAll(/\]\([^)]+\)/g, "]")
    .replaceAll(/https?:\S+/g, "`link`");
}
