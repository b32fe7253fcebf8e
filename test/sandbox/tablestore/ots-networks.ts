import { OtsError } from "./ots-error.ts";

/** By the name that is called: page "Endpoints" of Tablestore. */
const HOSTS = {
  vpc: /\.vpc\.tablestore\.aliyuncs\.com$/,
  classic: /\.ots-internal\.aliyuncs\.com$/,
  internet: /\.ots\.aliyuncs\.com$/,
} as const;

export type Network = keyof typeof HOSTS;

/**
 * "By default, Internet access is disabled for an instance": support page on "Request denied by
 * instance ACL policies", 26 August 2024 and 21 June 2026. The VPC and the classic network are
 * allowed, the same page says. A page of April 2024 still has all networks open.
 */
export const NEW_INSTANCE: readonly Network[] = ["vpc", "classic"];

/**
 * Status, code and words are those of that page. That the rule comes before the signature is a guess.
 * The stand-in's own loopback address belongs to no network.
 *
 * @throws OtsError
 */
export function assertNetwork(host: string, allowed: readonly Network[]): void {
  const isRefused = Object.entries(HOSTS).some(
    ([network, pattern]) => pattern.test(host) && !allowed.some((one) => one === network),
  );
  if (isRefused) {
    throw new OtsError(403, "OTSAuthFailed", "Request denied by instance ACL policies.");
  }
}
