import { expect, it } from "vitest";
import { NUMBER, OTHER } from "../support/watch-builders.ts";
import { type Watched, watched } from "./watched.ts";

async function minutes({ nextRun }: Watched, count: number): Promise<void> {
  for (let minute = 0; minute < count; minute += 1) await nextRun();
}

it("a customer that cannot be read for half an hour is reported, and so is its end", async () => {
  const stage = await watched({ acme: [NUMBER], beta: [OTHER] });
  stage.upstream.control.refuse("beta", "Product.Unsubscript");
  await minutes(stage, 25);
  expect(stage.accepted()).toEqual([]);
  await minutes(stage, 60);
  expect(stage.accepted()).toEqual(["beta stale"]);

  stage.upstream.control.refuse("beta", undefined);
  await minutes(stage, 35);
  expect(stage.accepted()).toEqual(["beta stale", "beta recovered"]);
});

it("an account that cannot read anybody is reported once for all customers", async () => {
  const stage = await watched({ acme: [NUMBER], beta: [OTHER] });
  stage.upstream.control.fault({ kind: "code", code: "Forbidden.RAM", count: 1_000 });
  await minutes(stage, 45);
  expect(stage.accepted()).toEqual(["~account stale"]);
  expect(stage.receiver.received()[0]?.event.data).toMatchObject({
    scope: "account",
    severity: "critical",
    code: "ERR_UPSTREAM_ACCOUNT",
    upstreamCode: "Forbidden.RAM",
  });

  stage.upstream.control.clearFaults();
  await minutes(stage, 5);
  expect(stage.accepted()).toEqual(["~account stale", "~account recovered"]);
});

it("one failed read is not reported", async () => {
  const stage = await watched({ acme: [NUMBER] });
  stage.upstream.control.fault({ kind: "html-502", count: 10 });
  await minutes(stage, 1);
  stage.upstream.control.clearFaults();
  await minutes(stage, 60);
  expect(stage.accepted()).toEqual([]);
});
