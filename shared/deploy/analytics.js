import { createRequire } from "node:module";
import { DeployError } from "./deploy-error.js";

const require = createRequire(import.meta.url);

/**
 * Takes the place of the provider plugin's module that posts each command to an analytics service
 * (unless CI is set) and keeps an id for it in the home folder. It must run before that plugin is
 * loaded, as the plugin asks for the sender while it is being constructed.
 */
export function silenceAnalytics() {
  const visitor = require.resolve("serverless-aliyun-function-compute/shared/visitor.js");
  const loaded = require.cache[visitor];
  if (loaded && !loaded.exports.isSilent) {
    throw new DeployError(
      "List ./shared/deploy/plugin.js before serverless-aliyun-function-compute in serverless.yml: only then can it keep that plugin from sending analytics.",
    );
  }
  const none = { send: () => undefined };
  const exports = {
    isSilent: true,
    getVisitor: () => ({ pageview: () => none, event: () => none }),
    /** @param {Record<string, unknown>} hooks */
    hooksWrap: (hooks) => hooks,
    sendDownloaded: () => undefined,
  };
  require.cache[visitor] = /** @type {NodeJS.Module} */ (
    /** @type {unknown} */ ({ id: visitor, filename: visitor, loaded: true, exports })
  );
}
