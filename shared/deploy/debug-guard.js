import { nothingSent } from "./deploy-error.js";

/** By these names the SDKs print requests, or what they sign: signatures and security tokens. */
const PRINTERS = ["httpx:body", "httpx:header", "log:client", "aliyun"];

/**
 * Refuses a DEBUG that would make a library print the deploying user's credentials: by the rule by
 * which the functions refuse theirs.
 *
 * @param {string | undefined} debug
 * @throws {import("./deploy-error.js").DeployError}
 */
export function assertQuiet(debug = "") {
  const patterns = debug.split(/[\s,]+/).filter((part) => part && !part.startsWith("-"));
  const hits = patterns.some((part) => {
    const pattern = new RegExp(`^${part.replace(/[^\w*:]/g, "\\$&").replaceAll("*", ".*")}$`);
    return PRINTERS.some((name) => pattern.test(name));
  });
  if (hits) {
    throw nothingSent([
      "DEBUG must not switch on httpx, log:client or aliyun: they print signatures and security tokens",
    ]);
  }
}
