import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { WATCHED_FIELD_NAMES } from "../../shared/changes/watched-fields.ts";
import { type ProblemCode, sampleProblems } from "../../shared/contract/openapi-problems.ts";
import { ALL_EVENT_TYPES } from "../../shared/contract/openapi-schemas.ts";
import { heldElsewhere } from "../../shared/polling/report.ts";
import { isKnownEvent, verifyWebhook } from "../../shared/receiver/verify.ts";
import { EXAMPLE_SECRET } from "../contract/event-examples.ts";
import { createDocumentChecker } from "../contract/openapi-check.ts";
import { createCommandRig } from "../shared/commands/command-rig.ts";
import { codeSpans, fenced, README, ROOT, section, tableRows } from "./readme.ts";

const check = createDocumentChecker();

/** What the functions and what they share are made of, but for what runs on the user's machine. */
function sources(): string[] {
  return ["functions", "shared"].flatMap((folder) =>
    readdirSync(new URL(folder, ROOT), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !file.startsWith("deploy"))
      .map((file) => readFileSync(new URL(`${folder}/${file}`, ROOT), "utf8")),
  );
}

describe("README's table of problems", () => {
  it("has every code with its status", () => {
    const samples = sampleProblems("Query", ["GET"]);
    const told = tableRows(section("Problems")).map(([code = "", status]) => [
      code.replaceAll("`", ""),
      Number(status),
    ]);
    const known = Object.keys(samples).map((code) => [code, samples[code as ProblemCode].status]);
    expect(told.sort()).toEqual(known.sort());
  });

  it("has every code that stands in the source", () => {
    const codes = sources().flatMap((text) => [...text.matchAll(/"(ERR_[A-Z_]+[A-Z])"/g)]);
    const told = codeSpans(README);
    // The receiver's own, thrown by the helper that it copies.
    const own = ["ERR_WEBHOOK_VERIFICATION"];
    const missing = codes.map(([, code = ""]) => code).filter((code) => !told.includes(code));
    expect([...new Set(missing)]).toEqual(own);
  });
});

describe("README's answers", () => {
  const shown = [
    ...section("The HTTP functions").matchAll(/^ {4}(\d{3}) (\{.*(?:\n {9,}.*)*)$/gm),
  ].map(([, status = "", text = ""]) => ({ status: Number(status), body: JSON.parse(text) }));

  it("fit the OpenAPI document", () => {
    expect(shown.map(({ status }) => status)).toEqual([201, 200, 200, 400]);
    for (const { status, body } of shown) {
      const type = status < 400 ? "application/json" : "application/problem+json";
      const headers = { "content-type": type, "x-request-id": "id" };
      const operation = status === 200 ? "query" : "add";
      expect(check.answer(operation, { status, headers, body })).toEqual([]);
    }
  });
});

describe("README's events", () => {
  const [request = ""] = fenced("http");
  const [head = "", body = ""] = request.split(/\n\n(?=\{)/);
  const headers = Object.fromEntries(
    head
      .split("\n")
      .slice(1)
      .map((line) => line.split(": ", 2)),
  );
  const sent = JSON.stringify(JSON.parse(body));

  it("show one that fits the OpenAPI document, and whose signature is right", () => {
    expect(check.event(headers, sent)).toEqual([]);
    const now = () => Number(headers["webhook-timestamp"]) * 1_000;
    const event = verifyWebhook(sent, headers, EXAMPLE_SECRET, { now });
    expect(isKnownEvent(event) && event.type).toBe("whatsapp.phone_number.changed");
    expect(section("The events")).toContain(`\`${EXAMPLE_SECRET}\``);
    expect(section("The events")).toContain(`pass ${headers["webhook-timestamp"]} as now`);
  });

  it("are every type, and the watched fields in their order", () => {
    const types = [...section("The events").matchAll(/^- `([a-z._]+\.[a-z]+)`: /gm)];
    expect(types.map(([, type]) => type).sort()).toEqual([...ALL_EVENT_TYPES].sort());
    const fields = /Watched fields: ([^.]+)\./.exec(section("The events"))?.[1];
    expect(fields?.split(/,\s+/)).toEqual(WATCHED_FIELD_NAMES);
  });
});

describe("README's list of what status and the log say", () => {
  it("has every field of status, and no other", async () => {
    const status = await createCommandRig().run({ command: "status" });
    const [, ...fields] = Object.keys(status);
    const told = [...section("What status says").matchAll(/^- ([^:]+):/gm)].flatMap(
      ([, names = ""]) => codeSpans(names),
    );
    // Left out of an answer that has no read to tell of.
    expect(told.sort()).toEqual([...fields, "oldestReadIs"].sort());
  });

  it("has every field of a tick", () => {
    const told = codeSpans(section("What the log says"));
    const fields = [...Object.keys(heldElsewhere(0)), "stopped"];
    expect(fields.filter((field) => !told.includes(field))).toEqual([]);
  });

  it("has every message that the product logs, at its level", () => {
    const call = /\b(?:log|createLog\([^)]*\))\.(info|warn|error)\(\s*"([^"]+)"/g;
    const logged = sources()
      .flatMap((text) => [...text.matchAll(call)])
      .map(([, level, message]) => ({ level, message }));
    const handed = sources()
      .flatMap((text) => [...text.matchAll(/\b(quietly|pause)\([^"`;]*?"([^"]+)"/g)])
      .map(([, by, message]) => ({ level: by === "quietly" ? "error" : "warn", message }));
    const messages = [...logged, ...handed];
    expect(messages.length).toBeGreaterThan(20);
    const told = section("What the log says").replaceAll(/\n +/g, " ").split("\n- ");
    const untold = messages.filter(
      ({ level, message }) =>
        level !== "info" &&
        !told.some((entry) => entry.includes(`\`${message}\``) && entry.includes(`(${level})`)),
    );
    expect(untold).toEqual([]);
  });

  it("shows lines as they are logged", () => {
    const lines = [...section("What the log says").matchAll(/^\{.*\}$/gm)].map(([line]) =>
      JSON.parse(line),
    );
    expect(lines.map(({ message }) => message)).toEqual(["request", "poll run"]);
    const [, tick] = lines;
    const { time: _, level, message, ...report } = tick;
    expect([level, message]).toEqual(["info", "poll run"]);
    expect(Object.keys(report).sort()).toEqual(Object.keys(heldElsewhere(0)).sort());
  });
});
