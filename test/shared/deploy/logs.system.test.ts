import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deployService } from "../../../shared/deploy/deploy-service.js";
import { printLogs } from "../../../shared/deploy/print-logs.js";
import { ACCOUNT, KEY } from "./account.ts";
import { type StandInCloud, startCloud } from "./cloud/cloud.ts";
import type { LogLine } from "./cloud/cloud-state.ts";
import { archivesOf, connectTo, type InProcess } from "./in-process.ts";
import { planFor } from "./service.ts";

const POLL = "waba-numbers-dev-poll";

let cloud: StandInCloud;
let world: InProcess;

beforeEach(async () => {
  cloud = await startCloud({ accountId: ACCOUNT, credentials: [KEY] });
  world = connectTo(cloud);
  await deployService(planFor(), archivesOf(planFor()), world.cloud);
  cloud.forget();
});
afterEach(async () => {
  world.stop();
  await cloud.close();
});

/** Seconds since 1970, counted from now. */
const ago = (seconds: number) => Math.floor(world.cloud.clock.now() / 1000) - seconds;
const write = (message: string, seconds: number, more: Partial<LogLine> = {}) =>
  cloud.state.lines.push({ time: ago(seconds), functionName: POLL, message, ...more });

/** Runs the command; with `tail` for as many rounds as there are `steps`, each run between two. */
async function logs(options: Record<string, unknown> = {}, steps: readonly (() => void)[] = []) {
  const printed: string[] = [];
  const stop = new Error("stopped");
  let round = 0;
  const clock = {
    now: world.cloud.clock.now,
    sleep: async (ms: number) => {
      world.advance(ms);
      if (options.tail && ms !== 1000) {
        const step = steps[round];
        round += 1;
        if (!step) throw stop;
        step();
      }
    },
  };
  const writeText = (text: string) => printed.push(text.slice(text.indexOf(" ") + 1));
  const output = { options: { interval: 2000, ...options }, writeText };
  await printLogs(planFor(), POLL, { ...world.cloud, clock }, output).catch((error: unknown) => {
    if (error !== stop) throw error;
  });
  return printed;
}

describe("logs --tail", () => {
  it("prints each line once, also one that can be searched for late and after younger ones", async () => {
    write("first", 30);
    write("late", 20, { unseenFor: 2 });
    const printed = await logs({ tail: true }, [
      () => write("second", 1),
      () => undefined,
      () => write("third", 1),
      () => undefined,
    ]);
    expect(printed).toEqual(["first", "second", "late", "third"]);
  });

  it("prints a line twice that was written twice in one second", async () => {
    write("again", 5);
    const printed = await logs({ tail: true }, [
      () => cloud.state.lines.push({ ...(cloud.state.lines[0] as LogLine) }),
      () => undefined,
    ]);
    expect(printed).toEqual(["again", "again"]);
  });

  it("does not print again what has left the minute that is read again", async () => {
    write("old", 400);
    const printed = await logs({ tail: true }, [
      () => undefined,
      () => world.advance(90_000),
      () => write("new", 1),
    ]);
    expect(printed).toEqual(["old", "new"]);
  });

  it("does not go back before --startTime", async () => {
    write("too early", 20);
    write("in time", 5);
    const printed = await logs({ tail: true, startTime: "10s" }, [() => undefined]);
    expect(printed).toEqual(["in time"]);
  });
});

describe("logs", () => {
  it("reads page after page", async () => {
    for (let number = 0; number < 250; number += 1) write(`line ${number}`, 300 - number);
    const printed = await logs();
    expect(printed).toHaveLength(250);
    expect(printed.at(-1)).toBe("line 249");
  });

  it("asks for the lines that hold --filter alone", async () => {
    write("a tick", 10);
    write('a "refused" call', 10);
    expect(await logs({ filter: "tick" })).toEqual(["a tick"]);
    expect(await logs({ filter: '"tick"' })).toEqual(["a tick"]);
  });

  it.each<[string, string[]]>([
    ["30s", ["new"]],
    ["2h", ["older", "old", "new"]],
    ["10m", ["old", "new"]],
  ])("starts with --startTime %s", async (startTime, expected) => {
    write("older", 3600);
    write("old", 300);
    write("new", 10);
    expect(await logs({ startTime })).toEqual(expected);
  });

  it("starts with a date, and refuses what is neither", async () => {
    write("older", 3600);
    write("old", 300);
    const date = new Date((ago(300) - 1) * 1000).toISOString();
    expect(await logs({ startTime: date })).toEqual(["old"]);
    await expect(logs({ startTime: "yesterday" })).rejects.toThrow("--startTime must be like 10m");
  });

  it("asks again when the search did not get through", async () => {
    write("one", 20);
    write("two", 10);
    cloud.state.halfSearches = 2;
    expect(await logs()).toEqual(["one", "two"]);
    expect(cloud.calls()).toHaveLength(3);
    expect(world.said.join()).not.toContain("missing");
  });

  it("says after five times that lines may be missing", async () => {
    write("one", 20);
    write("two", 10);
    cloud.state.halfSearches = 9;
    expect(await logs()).toEqual(["one"]);
    expect(cloud.calls()).toHaveLength(5);
    expect(world.said.at(-1)).toBe(
      "Log Service did not get through all lines: some may be missing here",
    );
  });

  it("says that there are none", async () => {
    // The first word stands where a line has its time.
    expect(await logs()).toEqual(["log lines since 10m."]);
  });
});
