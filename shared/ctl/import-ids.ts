import { customerIdSchema } from "../schemas/customer-row.ts";
import { CtlError } from "./io.ts";

/** The header of the column that holds the ids, in any case: custSpaceId, cust_space_ids. */
const ID_HEADER = /^cust[ _-]?space[ _-]?ids?$/i;
/** Headers of other exports. As a first line they are no id. */
const OTHER_HEADER =
  /^((cust|customer|client|tenant|user|account|company|phone|space|id|name|number)s?[ _-]?)+$/i;
/** A name that ends in a word for an id, after a mark or a small letter: waba_id, CustomerCode. */
const ENDS_AS_HEADER =
  /[_-](id|key|code|uuid|number|name|no|nr)s?$|[a-z](I[dD]|Key|Code|Number|Name|N[or])s?$/;
const LITERAL_HELP =
  "If that first line is an id, leave it out of the file and add it by watch add.";
const SEPARATORS = [",", ";", "\t"];
const MAX_NAMED = 50;

type Line = { readonly number: number; readonly cells: readonly string[] };

/**
 * The CustSpaceIds of a text, each once: one a line, or the column of a CSV whose header is
 * `custSpaceId`. Separators are commas, semicolons or tabs, quotes as in RFC 4180. In a list, `#`
 * begins a remark. In a CSV, only a line that begins with it is one. A first line `sep=;`, as
 * Excel writes it, names the separator.
 *
 * @throws CtlError that lists every bad line by its number
 */
export function readImport(text: string): string[] {
  if (/^[\ufffd\ufffe]{2}|\0/.test(text)) {
    throw new CtlError("The file is UTF-16, or no text. Save it as UTF-8.");
  }
  const [first, ...rest] = readLines(text.replace(/^\ufeff/, ""));
  if (!first) throw new CtlError("There are no customers in the file.");
  const column = first.cells.findIndex((cell) => ID_HEADER.test(cell));
  const isList = column < 0;
  const isHeaderOfOther = isList && looksLikeHeader(first.cells, rest);
  const problems: string[] = [];
  const ids = new Set<string>();
  for (const line of isList ? [first, ...rest] : rest) {
    const found = isList
      ? readListed(line, isHeaderOfOther && line === first)
      : readCell(line.cells[column] ?? "");
    if ("id" in found) ids.add(found.id);
    else problems.push(`  line ${line.number}: ${found.problem}`);
  }
  if (problems.length > 0) throw refusal(problems, isHeaderOfOther ? [LITERAL_HELP] : []);
  if (ids.size === 0) throw new CtlError("There are no customers in the file.");
  return [...ids];
}

type Found = { readonly id: string } | { readonly problem: string };

/** A known word, or a line that differs in kind from all others. */
function looksLikeHeader([first = ""]: readonly string[], rest: readonly Line[]): boolean {
  if (OTHER_HEADER.test(first)) return true;
  const others = rest.map(({ cells: [cell = ""] }) => cell);
  const isAlone = (kind: RegExp) => kind.test(first) && !others.some((one) => kind.test(one));
  return isAlone(ENDS_AS_HEADER) || (others.length > 0 && first !== "self" && isAlone(/^\D*$/));
}

function readListed({ cells }: Line, isHeader: boolean): Found {
  const [cell = "", ...others] = cells;
  const withoutRemark = cell.replace(/\s*#.*/, "");
  const hasOthers = others.some((other) => other !== "") && withoutRemark === cell;
  if (hasOthers) {
    return { problem: "has several columns, and no header custSpaceId says which one to take" };
  }
  if (isHeader) {
    return { problem: `${JSON.stringify(cell)} is a header. Name the column custSpaceId` };
  }
  return readCell(withoutRemark);
}

function readCell(cell: string): Found {
  if (cell === "") return { problem: "has no id" };
  if (customerIdSchema.safeParse(cell).success) return { id: cell };
  return { problem: `${JSON.stringify(cell.slice(0, 40))} is no id` };
}

function refusal(problems: readonly string[], help: readonly string[]): CtlError {
  const more = problems.length - MAX_NAMED;
  return new CtlError(
    [
      `Nothing was sent. Lines without a CustSpaceId: ${problems.length}`,
      ...problems.slice(0, MAX_NAMED),
      ...(more > 0 ? [`  and ${more} more`] : []),
      "An id is self, or 1 to 128 letters, digits, _ or -.",
      ...help,
    ].join("\n"),
  );
}

/** Lines with content, without remarks. A quoted cell may go on over several lines. */
function readLines(text: string): Line[] {
  const [named = "", separator] = /^sep=([,;\t])[ \t]*(?:\r\n|\r|\n|$)/i.exec(text) ?? [];
  const content = text.slice(named.length);
  return splitLines(content, separator ?? findSeparator(content), named === "" ? 1 : 2);
}

/** That of the header with custSpaceId, or else the first one that stands outside quotes. */
function findSeparator(text: string): string {
  const [sample = ""] = /^[ \t]*(?![#\s])(?:"(?:[^"]|"")*"|[^\r\n])+/m.exec(text) ?? [];
  const bare = sample.replaceAll(/"(?:[^"]|"")*"/g, "");
  const namesIds = (one: string) =>
    splitLines(sample, one, 1)[0]?.cells.some((cell) => ID_HEADER.test(cell));
  const present = SEPARATORS.filter((one) => bare.includes(one));
  return present.find(namesIds) ?? present[0] ?? ",";
}

function splitLines(text: string, separator: string, firstNumber: number): Line[] {
  const cell = new RegExp(`("(?:[^"]|"")*"|[^${separator}\r\n]*)(${separator}|\r\n|\r|\n|$)`, "gy");
  const lines: Line[] = [];
  let cells: string[] = [];
  let isRemark = false;
  let number = firstNumber;
  let next = firstNumber;
  for (const [whole, value = "", end] of text.matchAll(cell)) {
    isRemark ||= cells.length === 0 && /^\s*#/.test(value);
    cells.push(unquote(value));
    next += whole.match(/\r\n|\r|\n/g)?.length ?? 0;
    if (end === separator) continue;
    if (!isRemark && cells.some((one) => one !== "")) lines.push({ number, cells });
    cells = [];
    isRemark = false;
    number = next;
    if (end === "") break;
  }
  return lines;
}

/** Quotes that do not enclose the whole cell stay, so that it is refused. */
function unquote(value: string): string {
  const [, quoted] = /^"((?:[^"]|"")*)"$/.exec(value) ?? [];
  return (quoted?.replaceAll('""', '"') ?? value).trim();
}
