import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { EXAMPLE_SECRET, eventExamples } from "../../contract/event-examples.ts";
import { OTHER_SECRET } from "../../sandbox/receiver-test-sender.ts";

const PAGE = new URL("../../../shared/receiver/README.md", import.meta.url);

const hasJava = spawnSync("java", ["--version"]).status === 0;
if (!hasJava) console.info("The Java snippet is not run: there is no java here");

/** Each argument is a case: its fields in base64, with commas between. Prints a line for each. */
const HARNESS = `
class Main {
  public static void main(String[] cases) throws Exception {
    for (String one : cases) {
      List<String> parts = new ArrayList<>();
      for (String part : one.split(",", -1))
        parts.add(new String(Base64.getDecoder().decode(part), StandardCharsets.UTF_8));
      Map<String, String> headers = new HashMap<>();
      headers.put("webhook-id", parts.get(1));
      headers.put("webhook-timestamp", parts.get(2));
      headers.put("webhook-signature", parts.get(3));
      try {
        List<String> secrets = List.of(parts.get(4).split(";"));
        byte[] body = parts.get(0).getBytes(StandardCharsets.UTF_8);
        Webhooks.verify(body, headers, secrets, Long.parseLong(parts.get(5)));
        System.out.println("good");
      } catch (SecurityException error) {
        System.out.println(error.getMessage().split(":")[0]);
      }
    }
  }
}
`;

it.runIf(hasJava)(
  "the page's Java snippet takes what the service sends and refuses everything else",
  async () => {
    const [, snippet = ""] = /^```java\n([\s\S]+?)^```$/m.exec(readFileSync(PAGE, "utf8")) ?? [];
    const { body, headers } = (await eventExamples())["whatsapp.phone_number.changed"];
    const sentAt = Number(headers["webhook-timestamp"]);
    const good = {
      body,
      id: headers["webhook-id"],
      sentAt: headers["webhook-timestamp"],
      signature: headers["webhook-signature"],
      secrets: EXAMPLE_SECRET,
      now: sentAt,
    };
    const cases = [
      good,
      { ...good, secrets: `${OTHER_SECRET};${EXAMPLE_SECRET}` },
      { ...good, signature: `v1,AA ${good.signature}` },
      { ...good, now: sentAt + 300 },
      { ...good, now: sentAt - 301 },
      { ...good, secrets: OTHER_SECRET },
      { ...good, secrets: "whsec_" },
      { ...good, secrets: `whsec_*;${EXAMPLE_SECRET}` },
      { ...good, secrets: `${EXAMPLE_SECRET};whsec_é` },
      { ...good, secrets: `${OTHER_SECRET} ${EXAMPLE_SECRET}` },
      { ...good, body: `${body} ` },
      { ...good, id: "evt_2" },
      { ...good, signature: "é" },
      { ...good, signature: "" },
      { ...good, sentAt: "now" },
    ];
    const folder = mkdtempSync(path.join(tmpdir(), "waba-java-"));
    const file = path.join(folder, "Main.java");
    // The source launcher runs the first class of a file.
    const [imports = "", rest = ""] = snippet.split(/(?=^final class)/m);
    writeFileSync(file, `${imports}${HARNESS}${rest}`);
    const base64 = (value: unknown) => Buffer.from(String(value)).toString("base64");
    const args = cases.map((one) => Object.values(one).map(base64).join(","));
    const { stdout, stderr } = spawnSync("java", [file, ...args], { encoding: "utf8" });
    rmSync(folder, { recursive: true });
    expect(stderr).toBe("");
    expect(stdout.trim().split("\n")).toEqual([
      ...["good", "good", "good", "good", "timestamp", "signature", "secret"],
      ...["secret", "secret", "secret"],
      ...["signature", "signature", "signature", "missing header", "missing header"],
    ]);
  },
  60_000,
);
