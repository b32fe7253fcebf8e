// JavaScript, as the deployment's plugin needs it before anything can load TypeScript.

/**
 * Whether a value of DEBUG switches on any of these names, by the rules of the package debug: patterns
 * by space or comma, `*` for anything. A pattern with `-` takes nothing back here.
 *
 * @param {string} debug
 * @param {readonly string[]} names
 */
export function switchesOn(debug, names) {
  const patterns = debug.split(/[\s,]+/).filter((part) => part && !part.startsWith("-"));
  return patterns.some((part) => {
    const pattern = new RegExp(`^${part.replace(/[^\w*:]/g, "\\$&").replaceAll("*", ".*")}$`);
    return names.some((name) => pattern.test(name));
  });
}
