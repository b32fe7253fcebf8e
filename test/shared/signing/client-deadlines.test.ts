import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { takeOverDeadlines } from "../../support/deadlines.ts";
import { type Connect, failureOf, NUMBER, type Rig, startRig, VARIANTS } from "./client-rig.ts";

describe.each(VARIANTS)("the deadlines that %s sets", (_name, load) => {
  let create: Connect;
  let rig: Rig | undefined;
  beforeAll(async () => {
    create = await load();
  });
  afterEach(() => rig?.close());

  /** A rig with the deadlines that its calls set. They pass, or not. */
  const start = async (expires: boolean) => {
    const started = await startRig(create);
    rig = started;
    const { sandbox, clock } = started;
    const deadlines = takeOverDeadlines({
      expires: () => expires,
      reached: () => sandbox.control.calls().length,
      advance: (ms) => {
        clock.ms += ms;
      },
    });
    return { ...started, deadlines };
  };

  it.each([
    [60_000, 18_000],
    [18_001, 18_000],
    [17_999, 17_999],
    [900.2, 901],
  ])("give an Add with %d ms left %i ms", async (deadlineAt, ms) => {
    const { upstream, deadlines } = await start(false);
    await upstream.add(NUMBER, { deadlineAt });
    expect(deadlines).toEqual([ms]);
  });

  it.each([
    [60_000, 8_000],
    [8_001, 8_000],
    [7_999, 7_999],
  ])("give a read's try with %i ms left %i ms", async (deadlineAt, ms) => {
    const { upstream, deadlines } = await start(false);
    await upstream.query({ custSpaceId: "cust-1" }, { deadlineAt });
    expect(deadlines).toEqual([ms]);
  });

  it("give each try of a silent read 8 s, and the last try what is left", async () => {
    const { upstream, sandbox, deadlines, sleeps } = await start(true);
    sandbox.control.fault({ kind: "hang", count: 9 });
    const error = await failureOf(upstream.query({}, { deadlineAt: 20_000 }));
    expect(error).toMatchObject({ code: "ERR_UPSTREAM_TIMEOUT" });
    expect(sleeps).toEqual([250, 500]);
    expect(deadlines).toEqual([8_000, 8_000, 3_250]);
  });
});
