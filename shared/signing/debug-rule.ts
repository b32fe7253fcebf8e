/** By these names pop-core's transport prints requests, and Tablestore's SDK prints what it signs. */
const PRINTERS = ["httpx:body", "httpx:header", "aliyun"];

/**
 * Whether a value of DEBUG makes a library print requests, and so signatures and phone numbers. The
 * rules are those of the package debug: patterns by space or comma, `*` for anything. A pattern with
 * `-` takes nothing back here.
 *
 * @param more names of other libraries that print requests
 */
export function printsRequests(debug: string, more: readonly string[] = []): boolean {
  const names = [...PRINTERS, ...more];
  const patterns = debug.split(/[\s,]+/).filter((part) => part && !part.startsWith("-"));
  return patterns.some((part) => {
    const pattern = new RegExp(`^${part.replace(/[^\w*:]/g, "\\$&").replaceAll("*", ".*")}$`);
    return names.some((name) => pattern.test(name));
  });
}
