import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Has pop-core and its transport, run from their sources, get the very stand-ins that bundling puts
 * in the place of their packages (shared/deploy/bundle.js): what is tested or tried out unbundled is
 * then what ships. They are required deep inside CommonJS packages, which no alias of a test runner
 * or loader reaches. To be imported before anything that loads pop-core.
 */
const STAND_INS = fileURLToPath(new URL("../../shared/deploy/replaced/", import.meta.url));
const REQUIRERS = /[/\\]node_modules[/\\](@alicloud[/\\]pop-core|httpx)[/\\]/;

type Resolve = (
  request: string,
  parent: { filename?: string } | null,
  ...rest: unknown[]
) => string;

// Node offers hooks of its own for this from version 22.15 on only.
const loader = createRequire(import.meta.url)("node:module") as { _resolveFilename: Resolve };
const resolve = loader._resolveFilename;
let isReplacing = true;

// Files of npm test share their process, and each runs this file.
if (resolve.name !== "replaced") {
  loader._resolveFilename = function replaced(request, parent, ...rest) {
    if (isReplacing && /^[a-z-]+$/.test(request) && REQUIRERS.test(parent?.filename ?? "")) {
      const standIn = path.join(STAND_INS, `${request}.cjs`);
      if (existsSync(standIn)) return standIn;
    }
    return Reflect.apply(resolve, this, [request, parent, ...rest]);
  };
}

/** From here on these packages get what they ask for: for tests of what they are by themselves. */
export function keepPackages(): void {
  isReplacing = false;
}
