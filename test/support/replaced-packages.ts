import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Gives pop-core the stand-ins that bundling puts in the place of its packages
 * (shared/bundle/bundle.ts), so that unbundled tests run what ships. pop-core requires them deep
 * inside CommonJS packages, where no alias of a test runner or loader reaches. Import this before
 * anything that loads pop-core.
 */
const STAND_INS = fileURLToPath(new URL("../../shared/signing/replaced/", import.meta.url));
const REQUIRERS = /[/\\]node_modules[/\\](@alicloud[/\\]pop-core|httpx)[/\\]/;

type Resolve = (
  request: string,
  parent: { filename?: string } | null,
  ...rest: unknown[]
) => string;

// Node has hooks for this from version 22.15.
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

/** From here on, pop-core gets its own packages, for tests of these packages. */
export function keepPackages(): void {
  isReplacing = false;
}
