import { printsRequests } from "../signing/debug-rule.js";
import { nothingSent } from "./deploy-error.js";

/**
 * Refuses a DEBUG that would make a library print the deploying user's credentials, by the rule of
 * the functions. The client of Log Service is one more such library.
 *
 * @param {string | undefined} debug
 * @throws {import("./deploy-error.js").DeployError}
 */
export function assertQuiet(debug = "") {
  if (printsRequests(debug, ["log:client"])) {
    throw nothingSent([
      "DEBUG must not switch on httpx, log:client or aliyun: they print signatures and security tokens",
    ]);
  }
}
