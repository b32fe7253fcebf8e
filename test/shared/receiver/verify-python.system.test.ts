import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";
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

const [verifier = "", server = ""] = [
  ...readFileSync(PAGE, "utf8").matchAll(/^```python\n([\s\S]+?)^```$/gm),
].map(([, snippet = ""]) => snippet);

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
    const { stdout, stderr } = spawnSync("python3", ["-c", verifier + HARNESS], {
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

  it.runIf(hasPython)("serves: it takes what is signed alone", async () => {
    expect(server).toContain('HTTPServer(("127.0.0.1", 8080), Receiver).serve_forever()\n');
    const onFreePort = server.replace(
      /HTTPServer.*\n$/,
      'it = HTTPServer(("127.0.0.1", 0), Receiver)\nprint(it.server_port, flush=True)\nit.serve_forever()\n',
    );
    const receiver = spawn("python3", ["-c", `${verifier}\n${onFreePort}`], {
      env: { ...process.env, WEBHOOK_SECRET: EXAMPLE_SECRET },
      stdio: ["ignore", "pipe", "ignore"],
    });
    try {
      const lines = createInterface(receiver.stdout)[Symbol.asyncIterator]();
      const port = (await lines.next()).value;
      const body = '{"type":"webhook.test","data":{}}';
      const sentAt = new Date();
      const headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": String(Math.floor(sentAt.getTime() / 1000)),
        "webhook-signature": new Webhook(EXAMPLE_SECRET).sign("evt_1", sentAt, body),
      };
      const send = async (text: string) => {
        const url = `http://127.0.0.1:${port}/hook`;
        return (await fetch(url, { method: "POST", headers, body: text })).status;
      };
      expect(await send(body)).toBe(204);
      expect((await lines.next()).value).toBe("webhook.test {}");
      expect(await send(`${body} `)).toBe(401);
    } finally {
      receiver.kill();
    }
  });
});
