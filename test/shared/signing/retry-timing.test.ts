import { describe, expect, it } from "vitest";
import type { AnyAppError } from "../../../shared/errors.ts";
import {
  CredentialsError,
  UpstreamAccountError,
  UpstreamContractError,
  UpstreamRejectedError,
  UpstreamThrottledError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from "../../../shared/errors.ts";
import { retryDelayMs } from "../../../shared/signing/retry-timing.ts";

const facts = { action: "QueryChatappPhoneNumbers" };
const throttled = (retryAfterMs?: number) => new UpstreamThrottledError(facts, retryAfterMs);

describe("retryDelayMs", () => {
  it.each<[string, AnyAppError, number, number, number]>([
    ["after a timeout, first try, least", new UpstreamTimeoutError(facts), 1, 0, 125],
    ["after a timeout, first try, most", new UpstreamTimeoutError(facts), 1, 0.999, 374.75],
    ["after a timeout, second try", new UpstreamTimeoutError(facts), 2, 0.5, 500],
    ["while unavailable", new UpstreamUnavailableError(facts, false), 1, 0.5, 250],
    ["while unreachable", new UpstreamUnavailableError(facts, true), 2, 0, 250],
    ["after an unknown answer", new UpstreamContractError(facts), 2, 0, 250],
    ["when throttled, first try, least", throttled(), 1, 0, 1000],
    ["when throttled, first try, most", throttled(), 1, 0.999, 1249.75],
    ["when throttled, second try", throttled(), 2, 0.5, 2125],
    ["with a longer hint", throttled(7000), 1, 0, 7000],
    ["with a longer hint, plus jitter", throttled(7000), 2, 0.5, 7125],
    ["with a shorter hint than the usual wait", throttled(10), 2, 0, 2000],
  ])("%s", (_name, error, triesDone, random, wait) => {
    expect(retryDelayMs(error, triesDone, random)).toBe(wait);
  });

  it.each<AnyAppError>([
    new UpstreamAccountError(facts),
    new UpstreamRejectedError(facts, "customer"),
    new UpstreamRejectedError(facts, "request"),
    new CredentialsError(),
  ])("is undefined for $code, because another try cannot help", (error) => {
    expect(retryDelayMs(error, 1, 0.5)).toBeUndefined();
  });
});
