const SPACE = /[ \t\n\r]*/y;
const WORD_OR_NUMBER = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// Ends before the closing quote, so that a bad string ends at the character that made it bad.
// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 8259 section 7 forbids just these.
const STRING = /"(?:[^"\\\u0000-\u001f]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;

type Wanted = "value" | "item or ]" | "name" | "name or }" | "comma or end";

/**
 * Where a text stops being JSON (RFC 8259): the index of the first character that cannot stand
 * there, the text's length when it ends too early, or undefined when it is JSON. Exists because
 * the engine's own message quotes the input and, on Node 20, often leaves the position out.
 */
export function findJsonError(text: string): number | undefined {
  const open: ("{" | "[")[] = [];
  let wanted: Wanted = "value";
  let at = 0;
  for (;;) {
    at = skip(SPACE, text, at);
    const char = text[at];
    if (wanted === "comma or end") {
      const inside = open.at(-1);
      if (inside === undefined) return char === undefined ? undefined : at;
      if (char === ",") wanted = inside === "{" ? "name" : "value";
      else if (char === (inside === "{" ? "}" : "]")) open.pop();
      else return at;
      at += 1;
    } else if (
      (wanted === "name or }" && char === "}") ||
      (wanted === "item or ]" && char === "]")
    ) {
      open.pop();
      wanted = "comma or end";
      at += 1;
    } else if (wanted === "name" || wanted === "name or }") {
      if (char !== '"') return at;
      at = skip(STRING, text, at);
      if (text[at] !== '"') return at;
      at = skip(SPACE, text, at + 1);
      if (text[at] !== ":") return at;
      wanted = "value";
      at += 1;
    } else if (char === "{" || char === "[") {
      open.push(char);
      wanted = char === "{" ? "name or }" : "item or ]";
      at += 1;
    } else {
      const end = skip(char === '"' ? STRING : WORD_OR_NUMBER, text, at);
      if (end === at || (char === '"' && text[end] !== '"')) return end;
      wanted = "comma or end";
      at = char === '"' ? end + 1 : end;
    }
  }
}

function skip(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : from;
}
