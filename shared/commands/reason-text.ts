import type { FailureReason } from "../changes/failure.ts";

/** Why reads fail, in codes alone: `ERR_UPSTREAM_UNAVAILABLE, ENOTFOUND`. */
export function codesText({ code, upstreamCode, transportCode }: FailureReason): string {
  return [code, upstreamCode, transportCode].filter((one) => one !== undefined).join(", ");
}

/** The same with the upstream's own words, which may hold anything but control characters. */
export function reasonText(reason: FailureReason): string {
  const { upstreamMessage, accessDeniedDetail } = reason;
  const words = [codesText(reason), upstreamMessage, accessDeniedDetail];
  return words.filter((one) => one !== undefined).join(": ");
}
