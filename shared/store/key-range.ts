/** The least text above all that start with `prefix`. Keys are ASCII, so adding one is enough. */
export function endOfPrefix(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}
