import { OtsError } from "./ots-error.ts";

/** By the name that is called: page "Endpoints" of Tablestore. */
const HOSTS = {
  vpc: /\.vpc\.tablestore\.aliyuncs\.com$/,
  classic: /\.ots-internal\.aliyuncs\.com$/,
  internet: /\.ots\.aliyuncs\.com$/,
} as const;

type Network = keyof typeof HOSTS;

/**
 * An instance's type of network, page "Network security management" of Tablestore, 12 March 2025:
 * "Custom" is a list of networks, "bound VPC" allows only callers inside a VPC that is bound to it.
 */
export type NetworkType = readonly Network[] | "bound VPC";

/**
 * "By default, Internet access is disabled for an instance": support page on "Request denied by
 * instance ACL policies", 26 August 2024 and 21 June 2026. The VPC and the classic network are
 * allowed, the same page says. A page of April 2024 still has all networks open.
 */
export const NEW_INSTANCE: NetworkType = ["vpc", "classic"];

/**
 * Status, code and words are those of that page, and of page "Error codes" of Tablestore, 26 May 2026.
 * What an unbound VPC gets is of a page of February 2025. That the rule comes before the signature is
 * a guess. No caller of the stand-in is inside a bound VPC. Its own loopback address is no network's.
 *
 * @throws OtsError
 */
export function assertNetwork(host: string, allowed: NetworkType): void {
  const [network] = Object.entries(HOSTS).find(([, pattern]) => pattern.test(host)) ?? [];
  if (network === undefined || (allowed !== "bound VPC" && allowed.some((one) => one === network)))
    return;
  const message =
    allowed === "bound VPC" && network === "vpc"
      ? "The instance can only be accessed from the binded VPC."
      : "Request denied by instance ACL policies.";
  throw new OtsError(403, "OTSAuthFailed", message);
}
