/** C0, DEL and C1, and what turns the direction of text or ends a line. */
const CONTROLS = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/**
 * One line as a terminal may get it. A customer chooses its own name, so such a character could clear
 * the screen, or forge a line. It is shown as its escape, such as `\\r` or `\\u001b`.
 */
export function printable(line: string): string {
  return line.replace(CONTROLS, (character) => {
    const short = JSON.stringify(character).slice(1, -1);
    if (short !== character) return short;
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** A text of several lines, each as `printable` makes it. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}
