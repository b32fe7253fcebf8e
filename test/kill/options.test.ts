import { describe, expect, it } from "vitest";
import { readKillOptions, shareKills } from "./options.ts";

describe("the options of check:kill", () => {
  it("are 210 kills over all stores and seed 1, unless given", () => {
    expect(readKillOptions([])).toEqual({
      kills: 210,
      stores: ["pglite", "postgres", "tablestore"],
      seed: 1,
      json: false,
      help: false,
    });
    const given = ["--kills", "6", "--stores", "tablestore,pglite", "--seed", "0", "--json"];
    expect(readKillOptions(given)).toEqual({
      kills: 6,
      stores: ["tablestore", "pglite"],
      seed: 0,
      json: true,
      help: false,
    });
  });

  it.each([
    [["--kills", "abc"], "--kills must be a whole number, at least one for each store"],
    [["--kills", "0"], "--kills must be a whole number, at least one for each store"],
    [["--kills", "-5"], "--kills"],
    [["--kills", "1.5"], "--kills must be a whole number, at least one for each store"],
    [["--kills", ""], "--kills must be a whole number, at least one for each store"],
    [["--kills", "2"], "--kills must be a whole number, at least one for each store"],
    [["--seed", "abc"], "--seed must be a whole number"],
    [["--seed", "1e3"], "--seed must be a whole number"],
    [
      ["--stores", "redis"],
      "--stores must be one or more of pglite,postgres,tablestore, each once",
    ],
    [["--stores", ""], "--stores must be one or more of pglite,postgres,tablestore, each once"],
    [["--stores", "pglite,pglite"], "--stores must be one or more of"],
    [["--fast"], "--fast"],
    [["6"], "6"],
  ])("are refused if they are %j", (argv, problem) => {
    const problems = readKillOptions(argv);
    expect(problems).toBeTypeOf("string");
    expect(problems).toContain(problem);
  });
});

describe("the kills of the stores", () => {
  it("add up to the given number", () => {
    expect(shareKills(210, 3)).toEqual([70, 70, 70]);
    expect(shareKills(21, 2)).toEqual([11, 10]);
    expect(shareKills(20, 3)).toEqual([7, 7, 6]);
    expect(shareKills(200, 1)).toEqual([200]);
  });
});
