import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EXAMPLE_SECRET, eventExamples } from "../../contract/event-examples.ts";
import { OTHER_SECRET } from "../../sandbox/receiver-test-sender.ts";

const PAGE = new URL("../../../shared/receiver/README.md", import.meta.url);

const hasPython = spawnSync("python3", ["--version"]).status === 0;
if (!hasPython) console.info("The Python snippet is not run: there is no python3 here");

/** Runs the snippet on each case; gives the event's id, or what was raised. */
const HARNESS = `
import sys
answers = []
for case in json.load(sys.stdin):
    try:
        answers.append(verify(base64.b64decode(case["body"]), case["headers"], case["secrets"], case["now"])["id"])
    except ValueError as error:
        answers.append(type(error).__name__ + " " + str(error).split(":")[0])
json.dump(answers, sys.stdout)
`;

function readSnippet(): string {
  const snippet = /^```python\n([\s\S]+?)^```$/m.exec(readFileSync(PAGE, "utf8"))?.[1];
  if (snippet === undefined) throw new Error("the receivers' page has no block of python");
  return snippet;
}

describe("the receivers' page's Python snippet", () => {
  it.runIf(hasPython)("takes what the service sends and refuses everything else", async () => {
    const { body, headers } = (await eventExamples())["whatsapp.phone_number.changed"];
    const sentAt = Number(headers["webhook-timestamp"]);
    const good = { body, headers, secrets: [EXAMPLE_SECRET], now: sentAt };
    const cases = [
      good,
      { ...good, secrets: [OTHER_SECRET, EXAMPLE_SECRET] },
      { ...good, secrets: `${OTHER_SECRET} ${EXAMPLE_SECRET}` },
      {
        ...good,
        headers: { ...headers, "webhook-signature": `v1,AA ${headers["webhook-signature"]}` },
      },
      { ...good, now: sentAt + 300 },
      { ...good, now: sentAt - 300 },
      { ...good, now: sentAt + 301 },
      { ...good, now: sentAt - 301 },
      { ...good, secrets: [OTHER_SECRET] },
      { ...good, secrets: [] },
      { ...good, secrets: ["whsec_"] },
      { ...good, body: `${body} ` },
      { ...good, headers: { ...headers, "webhook-id": "evt_2" } },
      { ...good, headers: { ...headers, "webhook-signature": "é" } },
      { ...good, headers: {} },
      { ...good, headers: { ...headers, "webhook-timestamp": "now" } },
    ];
    const input = cases.map((one) => ({ ...one, body: Buffer.from(one.body).toString("base64") }));
    const { stdout, stderr } = spawnSync("python3", ["-c", readSnippet() + HARNESS], {
      input: JSON.stringify(input),
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    const { id } = JSON.parse(body);
    expect(JSON.parse(stdout)).toEqual([
      ...[id, id, id, id, id, id],
      ...["ValueError timestamp", "ValueError timestamp"],
      ...["ValueError signature", "ValueError signature", "ValueError secret"],
      ...Array(3).fill("ValueError signature"),
      ...["ValueError missing header", "ValueError missing header"],
    ]);
  });
});
