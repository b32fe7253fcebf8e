import { afterEach, expect, it } from "vitest";
import { type SandboxUpstream, startUpstream } from "../../sandbox/upstream.ts";
import { fcContext } from "../../support/fc-events.ts";
import { createFunctionDeps, ROLE_CREDENTIALS } from "../../support/function-deps.ts";

const DATE = "Fri, 02 Jan 2026 03:04:05 GMT";
let upstream: SandboxUpstream | undefined;
afterEach(() => upstream?.close());

it.each([
  ["a good answer", undefined, [DATE]],
  ["a refusal", { kind: "code", code: "Forbidden.RAM", count: 1 }, [DATE]],
  ["a page that need not be the upstream's", { kind: "html-502", count: 3 }, []],
  ["no answer", { kind: "reset-before", count: 3 }, []],
] as const)("a read tells the Date header of %s", async (_, fault, dates) => {
  const date = () => Date.parse(DATE);
  upstream = await startUpstream({ credentials: [ROLE_CREDENTIALS], qps: 1_000, date });
  upstream.control.addCustomer("acme");
  if (fault) upstream.control.fault(fault);
  const { deps, clock } = createFunctionDeps(upstream.url);
  const found: unknown[] = [];
  const options = {
    deadlineAt: clock.monotonic() + 60_000,
    onAnswer: (at: unknown) => found.push(at),
  };
  await deps
    .upstreamFor(fcContext())
    .query({ custSpaceId: "acme" }, options)
    .catch(() => undefined);
  expect(found).toEqual(dates);
});
