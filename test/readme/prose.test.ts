import { describe, expect, it } from "vitest";
import { markedLines, PAGES, pageText, prose } from "./pages.ts";

/** Words that only insiders use, and turns that do not read as English. */
const BANNED = [
  /\b(pump|taint|walk|mend|nudge|stumble)(s|ed|ing)?\b/i,
  /\b(keeper|told|anew|bury|buried|quietly)\b/i,
  /\b(set right|sets right|tells? of|how loud|dealt with|unless unreadable|(is|are) believed)\b/i,
];
/** Words with a plainer one. */
const WORDY = [
  /\btells?\b/i,
  /\b(lift(s|ed)?|takes? in|goes on|believed|for ever|taken off|given up|answer(s|ed)?)\b/i,
];

const LONGEST_LINE = 100;
const LONGEST_PARAGRAPH = 5;
const LONGEST_SENTENCE = 20;

/** Paragraphs and items of lists, each as its lines. */
function paragraphs(text: string): string[][] {
  const found: string[][] = [[]];
  for (const line of prose(text).split("\n")) {
    const isBreak = line === "" || /^(#+ |\||```)/.test(line);
    if (isBreak || /^ *(-|\d+\.) /.test(line)) found.push([]);
    if (!isBreak) found.at(-1)?.push(line);
  }
  return found.filter((lines) => lines.length > 0);
}

function sentences(text: string): string[] {
  return paragraphs(text).flatMap((lines) =>
    lines
      .join(" ")
      .replaceAll(/\s+/g, " ")
      .split(/(?<=[.?!](?:\*\*|\))?) (?=[A-Z`*("[])|: | · /),
  );
}

const words = (text: string) => text.split(/\s+/).filter((word) => /[\w`]/.test(word));

it("README has at most 1,600 words", () => {
  const count = pageText("README.md").split(/\s+/).filter(Boolean).length;
  expect(count).toBeLessThanOrEqual(1_600);
});

it.each([...PAGES, "CHANGELOG.md"] as const)("%s has plain words only", (name) => {
  const text = pageText(name);
  expect(text.split("\n").filter((line) => BANNED.some((word) => word.test(line)))).toEqual([]);
  const plain = prose(text).split("\n");
  expect(plain.filter((line) => WORDY.some((word) => word.test(line)))).toEqual([]);
});

describe.each(PAGES)("%s", (name) => {
  const text = pageText(name);

  it("names its reader in its first line", () => {
    expect(text.split("\n")[0]).toMatch(/^# \S.*: for \S/);
  });

  it("has lines of at most 100 characters outside tables", () => {
    const long = text.split("\n").filter((line) => line.length > LONGEST_LINE);
    expect(long.filter((line) => !line.startsWith("|"))).toEqual([]);
  });

  it("has paragraphs of at most 5 lines", () => {
    const long = paragraphs(text).filter((lines) => lines.length > LONGEST_PARAGRAPH);
    expect(long.map((lines) => lines.join("\n"))).toEqual([]);
  });

  it("has sentences of at most 20 words", () => {
    const long = sentences(text).filter((sentence) => words(sentence).length > LONGEST_SENTENCE);
    expect(long).toEqual([]);
  });

  it("has no semicolon in its prose", () => {
    expect(
      prose(text)
        .split("\n")
        .filter((line) => line.includes(";")),
    ).toEqual([]);
  });

  it("closes every block of code", () => {
    expect(markedLines(text).filter(({ line }) => line.startsWith("```")).length % 2).toBe(0);
  });
});
