import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { resolveImport, scanImports } from "../support/imports.ts";

/** A line may import from the lines below it, and from its own unless that makes a circle. */
const FLOORS = [
  ["ctl"],
  ["functions"],
  ["commands", "polling", "config", "deps"],
  ["http", "outbox"],
  ["customers"],
  ["changes", "store", "pacing"],
  ["signing", "webhook"],
  ["schemas"],
  ["errors", "log", "secret", "http-agent", "functions.js"],
];
/** These serve people and tools. They import what they like, and nothing imports them. */
const OUTSIDE = ["contract", "bundle", "deploy"];
/** A consumer copies this room: it imports nothing but itself. */
const COPIED = "receiver";
/** Only these know where settings come from. */
const WIRING = ["config", "deps"];
const MAY_WIRE = ["functions", "ctl", "contract", "deploy", ...WIRING];

const MOST_LINES_OF_A_FILE = 300;
const MOST_FILES_IN_SHARED = 8;
const MOST_LINES = 11_500;

/** What is still to do. A line goes when its cause does. */
const EXCEPTIONS: readonly string[] = ["there are more than 11500 lines"];

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const read = (file: string) => readFileSync(path.join(ROOT, file), "utf8");
const linesOf = (file: string) => read(file).split("\n").length - 1;
const sourcesIn = (folder: string) =>
  readdirSync(path.join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .map((name) => path.posix.join(folder, name.replaceAll(path.sep, "/")))
    .filter((name) => /\.(ts|js|cjs)$/.test(name));

const SHIPPED = [...sourcesIn("functions"), ...sourcesIn("shared")];
const IMPORTS = SHIPPED.flatMap((from) =>
  scanImports(read(from)).flatMap(({ specifier }) => {
    const to = resolveImport(from, specifier);
    return to === undefined ? [] : [{ from, to, text: `${from} imports ${to}` }];
  }),
);

/** Such as `functions` for functions/add.ts, `store` for shared/store/memory.ts, or `log`. */
function roomOf(file: string): string {
  const [top = "", next = ""] = file.split("/");
  return top === "shared" ? next.replace(/\.ts$/, "") : top;
}

const floorOf = (file: string) => FLOORS.findIndex((rooms) => rooms.includes(roomOf(file)));
const isOneOf = (rooms: readonly string[], file: string) => rooms.includes(roomOf(file));
const between = IMPORTS.filter(({ from, to }) => roomOf(from) !== roomOf(to));
const textsOf = (imports: readonly (typeof IMPORTS)[number][]) => imports.map(({ text }) => text);
const unlessKnown = (problems: readonly string[]) =>
  problems.filter((problem) => !EXCEPTIONS.includes(problem));

/** The first circle that the rooms make, such as `a > b > a`; undefined when there is none. */
function findCircle(edges: readonly { readonly from: string; readonly to: string }[]) {
  const done = new Set<string>();
  const visit = (room: string, path: readonly string[]): string | undefined => {
    if (path.includes(room)) return [...path.slice(path.indexOf(room)), room].join(" > ");
    if (done.has(room)) return undefined;
    for (const { from, to } of edges) {
      const circle = from === room ? visit(to, [...path, room]) : undefined;
      if (circle !== undefined) return circle;
    }
    done.add(room);
    return undefined;
  };
  for (const { from } of edges) {
    const circle = visit(from, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

describe("imports between the rooms", () => {
  it("are found at all", () => {
    expect(SHIPPED.length).toBeGreaterThan(100);
    expect(textsOf(between)).toContain("functions/add.ts imports shared/http/http-handler.ts");
    expect(textsOf(between)).toContain("shared/deploy/doctor.ts imports shared/config.ts");
  });

  it("start and end in a room that the plan names", () => {
    const rooms = [...FLOORS.flat(), ...OUTSIDE, COPIED, "test"];
    const files = new Set([...SHIPPED, ...IMPORTS.map(({ to }) => to)]);
    const homeless = [...files].filter((file) => !isOneOf(rooms, file));
    expect(unlessKnown(homeless.map((file) => `${file} is in no room`))).toEqual([]);
  });

  it("never go up", () => {
    const up = between.filter(
      ({ from, to }) => floorOf(from) >= 0 && floorOf(to) >= 0 && floorOf(to) < floorOf(from),
    );
    expect(unlessKnown(textsOf(up))).toEqual([]);
  });

  it("make no circle", () => {
    const edges = between.map(({ from, to }) => ({ from: roomOf(from), to: roomOf(to) }));
    expect(findCircle(edges)).toBeUndefined();
    expect(findCircle([...edges, { from: "errors", to: "polling" }])).toBeDefined();
  });

  it("never lead into test/", () => {
    expect(textsOf(IMPORTS.filter(({ to }) => to.startsWith("test/")))).toEqual([]);
  });

  it("never lead into contract, deploy or receiver, and into bundle only from deploy", () => {
    const wrong = between
      .filter(({ to }) => isOneOf([...OUTSIDE, COPIED], to))
      .filter(({ from, to }) => !(roomOf(from) === "deploy" && roomOf(to) === "bundle"));
    expect(unlessKnown(textsOf(wrong))).toEqual([]);
  });

  it("never leave receiver, which a consumer copies", () => {
    expect(unlessKnown(textsOf(between.filter(({ from }) => roomOf(from) === COPIED)))).toEqual([]);
  });

  it("lead to config and deps only from functions, ctl, contract and deploy", () => {
    const wrong = between.filter(({ from, to }) => isOneOf(WIRING, to) && !isOneOf(MAY_WIRE, from));
    expect(unlessKnown(textsOf(wrong))).toEqual([]);
  });
});

describe("the size of the program", () => {
  const counted = SHIPPED.filter((file) => roomOf(file) !== "deploy");
  const lines = counted.reduce((sum, file) => sum + linesOf(file), 0);

  it("has no file over 300 lines", () => {
    const long = SHIPPED.filter((file) => linesOf(file) > MOST_LINES_OF_A_FILE);
    expect(unlessKnown(long.map((file) => `${file} has more than 300 lines`))).toEqual([]);
  });

  it("has at most 8 files directly in shared/", () => {
    const files = readdirSync(path.join(ROOT, "shared"), { withFileTypes: true });
    const count = files.filter((entry) => entry.isFile()).length;
    const problems = count > MOST_FILES_IN_SHARED ? ["shared/ has more than 8 files"] : [];
    expect(unlessKnown(problems)).toEqual([]);
  });

  it("has at most 11,500 lines in functions/ and shared/ without deploy/", () => {
    console.info(
      `functions/ and shared/ without deploy/: ${lines} lines in ${counted.length} files`,
    );
    const problems = lines > MOST_LINES ? [`there are more than ${MOST_LINES} lines`] : [];
    expect(unlessKnown(problems)).toEqual([]);
  });
});
