import { describe, expect, it } from "vitest";
import { heldElsewhere } from "../../shared/polling/report.ts";
import { createCommandRig } from "../shared/commands/command-rig.ts";
import { codeSpans, fenced, section } from "./pages.ts";
import { sources } from "./sources.ts";

const page = "shared/commands/README.md";

describe("what the operators' page says of status", () => {
  it("has every field, and no other", async () => {
    const status = await createCommandRig().run({ command: "status" });
    const [, ...fields] = Object.keys(status);
    const listed = [...section(page, "What status says").matchAll(/^- ([^:]+):/gm)].flatMap(
      ([, names = ""]) => codeSpans(names),
    );
    // Left out of a response that has no read to report.
    expect(listed.sort()).toEqual([...fields, "oldestReadIs"].sort());
  });
});

describe("what the operators' page says of the log", () => {
  it("has every field of a poll run", () => {
    const listed = codeSpans(section(page, "poll run"));
    const fields = [...Object.keys(heldElsewhere(0)), "stopped"];
    expect(fields.filter((field) => !listed.includes(field))).toEqual([]);
  });

  it("has every message that the product logs, at its level", () => {
    const call = /\b(?:log|createLog\([^)]*\))\.(info|warn|error)\(\s*"([^"]+)"/g;
    const logged = sources()
      .flatMap((text) => [...text.matchAll(call)])
      .map(([, level, message]) => ({ level, message }));
    const handed = sources()
      .flatMap((text) => [...text.matchAll(/\b(logFailure|pause)\([^"`;]*?"([^"]+)"/g)])
      .map(([, by, message]) => ({ level: by === "logFailure" ? "error" : "warn", message }));
    const messages = [...logged, ...handed];
    expect(messages.length).toBeGreaterThan(20);
    const entries = section(page, "Warnings and errors").replaceAll(/\n +/g, " ").split("\n- ");
    const missing = messages.filter(
      ({ level, message }) =>
        level !== "info" &&
        !entries.some((entry) => entry.includes(`\`${message}\``) && entry.includes(`(${level})`)),
    );
    expect(missing).toEqual([]);
  });

  it("shows lines as they are logged", () => {
    const lines = fenced(section(page, "What the log says"), "json")
      .join("")
      .split(/\n(?=\{)/)
      .map((line) => JSON.parse(line));
    expect(lines.map(({ message }) => message)).toEqual(["request", "poll run"]);
    const [, run] = lines;
    const { time: _, level, message, ...report } = run;
    expect([level, message]).toEqual(["info", "poll run"]);
    expect(Object.keys(report).sort()).toEqual(Object.keys(heldElsewhere(0)).sort());
  });
});
