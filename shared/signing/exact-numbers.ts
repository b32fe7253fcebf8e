/** Documented replies have 4 levels. Thousands would overflow the stack of whoever renames fields. */
export const MAX_DEPTH = 64;

/** What json-bigint, pop-core's parser, makes of a number of more than 15 characters. */
type BigNumber = { readonly _isBigNumber: true; toFixed(): string };

/**
 * Whether a reply has more levels than this. On the way its long numbers become what the bundled
 * parser makes of them: integers of 16 and more digits are text, and no digit is lost.
 */
export function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  const fields = value as Record<string, unknown>;
  return Object.keys(fields).some((name) => {
    const inner = fields[name];
    if (isBigNumber(inner)) fields[name] = toPlain(inner);
    return isDeeper(fields[name], levels - 1);
  });
}

function isBigNumber(value: unknown): value is BigNumber {
  return typeof value === "object" && value !== null && "_isBigNumber" in value;
}

function toPlain(value: BigNumber): string | number {
  const text = value.toFixed();
  return /^-?\d{16,}$/.test(text) ? text : Number(text);
}
