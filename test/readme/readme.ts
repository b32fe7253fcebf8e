import { readFileSync } from "node:fs";

export const ROOT = new URL("../../", import.meta.url);

export const README = readFileSync(new URL("README.md", ROOT), "utf8");

/** The text below a heading of the second or third level, up to the next of its level or above. */
export function section(title: string): string {
  const lines = README.split("\n");
  const from = lines.findIndex((line) => /^##+ /.test(line) && line.replace(/^#+ /, "") === title);
  if (from < 0) throw new Error(`README.md has no section ${title}`);
  const depth = lines[from]?.indexOf(" ") ?? 0;
  const rest = lines.slice(from + 1);
  const to = rest.findIndex((line) => /^#+ /.test(line) && line.indexOf(" ") <= depth);
  return rest.slice(0, to < 0 ? undefined : to).join("\n");
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
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, "");
  return [...prose.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
}

/** The contents of the blocks fenced with this language. */
export function fenced(language: string): string[] {
  const blocks = README.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"));
  return [...blocks].map(([, text = ""]) => text);
}
