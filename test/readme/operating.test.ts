import { describe, expect, it } from "vitest";
import { heldElsewhere } from "../../shared/polling/report.ts";
import { createCommandRig } from "../shared/commands/command-rig.ts";
import { codeSpans, fenced, section } from "./pages.ts";
import { sources } from "./sources.ts";

const page = "shared/commands/README.md";

const NO_DELIVERIES = { delivered: 0, failedAttempts: 0, deadLettered: 0 };
const EMPTY_REPORT = heldElsewhere({ ...NO_DELIVERIES, receiverState: "closed", isIdle: true }, 0);

/** The warnings and errors of one file, whether written in the call, before it, or handed on. */
function loggedMessages(text: string) {
  const call = /\b(?:log|createLog\([^)]*\))\.(warn|error)\(\s*(?:"([^"]+)"|message\b)/g;
  const named = [...text.matchAll(/const message =\s*"([^"]+)"/g)];
  const handed = [...text.matchAll(/\b(?:logFailure|pause)\([^"`;]*?"([^"]+)"/g)];
  return [...text.matchAll(call)].flatMap(([, level, literal]) => {
    if (literal !== undefined) return [{ level, message: literal }];
    const found = [...named, ...handed].map(([, message]) => ({ level, message }));
    return found.length > 0 ? found : [{ level, message: "a message that this test cannot find" }];
  });
}

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
    const fields = [...Object.keys(EMPTY_REPORT), "stopped"];
    expect(fields.filter((field) => !listed.includes(field))).toEqual([]);
  });

  it("has every message that the product logs, at its level", () => {
    const messages = sources().flatMap(loggedMessages);
    expect(messages.length).toBeGreaterThan(20);
    const entries = section(page, "Warnings and errors").replaceAll(/\n +/g, " ").split("\n- ");
    const missing = messages.filter(
      ({ level, message }) =>
        !entries.some((entry) => entry.includes(`\`${message}\``) && entry.includes(`(${level})`)),
    );
    expect(missing).toEqual([]);
  });

  it("has no message that the product does not log", () => {
    const logged = sources()
      .flatMap(loggedMessages)
      .map(({ message }) => message);
    const heads = [...section(page, "Warnings and errors").matchAll(/^- ([^(]+) \(/gm)];
    const listed = heads.flatMap(([, names = ""]) => codeSpans(names));
    expect(listed.filter((message) => !logged.includes(message))).toEqual([]);
  });

  it("shows lines as they are logged", () => {
    const lines = fenced(section(page, "What the log says"), "json")
      .join("")
      .split(/\n(?=\{)/)
      .map((line) => JSON.parse(line));
    expect(lines.map(({ message }) => message)).toEqual(["request", "poll run"]);
    const [, run] = lines;
    const { time: _, level, message, requestId: _id, ...report } = run;
    expect([level, message]).toEqual(["info", "poll run"]);
    expect(Object.keys(report).sort()).toEqual(Object.keys(EMPTY_REPORT).sort());
  });
});
