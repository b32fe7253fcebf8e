/**
 * Loads a TypeScript module, as the framework loads plain JavaScript only.
 *
 * @param {string} file relative to this folder
 */
export async function loadTypeScript(file) {
  const { tsImport } = await import("tsx/esm/api");
  return tsImport(file, import.meta.url);
}
