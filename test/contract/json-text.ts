const WIDTH = 100;

/**
 * JSON as this project's formatter writes it, so that made files pass its check: objects on several
 * lines, lists of plain values on one line where they fit.
 */
export function toJsonText(value: unknown): string {
  return `${write(value, 0, 0)}\n`;
}

/** @param taken characters on the line before the value, its indentation included */
function write(value: unknown, depth: number, taken: number): string {
  const indent = "  ".repeat(depth + 1);
  const end = "  ".repeat(depth);
  if (Array.isArray(value)) {
    const line = `[${value.map((item) => JSON.stringify(item)).join(", ")}]`;
    const isPlain = value.every((item) => typeof item !== "object" || item === null);
    // One more for the comma that may follow.
    if (value.length === 0 || (isPlain && taken + line.length + 1 <= WIDTH)) return line;
    const items = value.map((item) => indent + write(item, depth + 1, indent.length));
    return `[\n${items.join(",\n")}\n${end}]`;
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  if (entries.length === 0) return "{}";
  const lines = entries.map(([key, inner]) => {
    const name = `${indent}${JSON.stringify(key)}: `;
    return name + write(inner, depth + 1, name.length);
  });
  return `{\n${lines.join(",\n")}\n${end}}`;
}
