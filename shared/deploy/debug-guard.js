import { switchesOn } from "../signing/debug-rule.js";
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
  if (switchesOn(debug, PRINTERS)) {
    throw nothingSent([
      "DEBUG must not switch on httpx, log:client or aliyun: they print signatures and security tokens",
    ]);
  }
}
