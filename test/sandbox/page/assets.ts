import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export type Asset = { readonly type: string; readonly body: string };

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** The page's own files and the OpenAPI document by path, scripts and styles put together; nothing comes from elsewhere. */
export async function loadAssets(): Promise<{
  readonly version: string;
  readonly assets: ReadonlyMap<string, Asset>;
}> {
  const [html, icon, document, built] = await Promise.all([
    readFile(file("index.html"), "utf8"),
    readFile(file("icon.svg"), "utf8"),
    readFile(file("../../../shared/contract/openapi.json"), "utf8"),
    build({
      entryPoints: [file("browser/page.ts"), file("browser/theme.ts"), file("page.css")],
      outdir: "page",
      entryNames: "[name]",
      bundle: true,
      format: "esm",
      target: "es2022",
      charset: "utf8",
      write: false,
    }),
  ]);
  const assets = new Map<string, Asset>([
    ["/", { type: "text/html; charset=utf-8", body: html }],
    ["/openapi.json", { type: "application/json", body: atThisAddress(document) }],
    ["/page/icon.svg", { type: "image/svg+xml", body: icon }],
    ...built.outputFiles.map(({ path, text }): [string, Asset] => {
      const type = path.endsWith(".css") ? "text/css" : "text/javascript";
      return [`/page/${basename(path)}`, { type: `${type}; charset=utf-8`, body: text }];
    }),
  ]);
  const hash = createHash("sha256");
  for (const { body } of assets.values()) hash.update(body);
  return { assets, version: hash.digest("base64url").slice(0, 12) };
}

/** The OpenAPI document as a client of the sandbox wants it: its requests come here. */
function atThisAddress(document: string): string {
  return JSON.stringify({ ...JSON.parse(document), servers: [{ url: "/" }] }, undefined, 2);
}
