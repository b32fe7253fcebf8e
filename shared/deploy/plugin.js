// The framework loads plain JavaScript. From here on, what is required or imported may be TypeScript.
import { createRequire } from "node:module";
import { register } from "tsx/cjs/api";
import { register as registerImports } from "tsx/esm/api";

register();
registerImports();

export default createRequire(import.meta.url)("./plugin.ts").CompanionPlugin;
