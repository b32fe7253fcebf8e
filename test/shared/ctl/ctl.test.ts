import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { COMMANDS, wordsOf } from "../../../shared/commands/table.ts";
import { usageOf } from "../../../shared/ctl/help.ts";
import { CtlError } from "../../../shared/ctl/io.ts";
import {
  aCustomer,
  aNumber,
  anEvent,
  type CommandRig,
  createCommandRig,
} from "../commands/command-rig.ts";
import { type PollServer, runCtl, startPollServer } from "./test-world.ts";

let rig: CommandRig;
let server: PollServer;

const ctl = (...argv: string[]) => runCtl([...argv, "--url", server.url]);
const ids = (count: number) => Array.from({ length: count }, (_, i) => `cust-${i + 1}`);

beforeEach(async () => {
  rig = createCommandRig();
  server = await startPollServer(async (payload) => ({ body: await rig.run(payload) }));
});

afterEach(() => server.close());

describe("a command line of ctl", () => {
  const entries = COMMANDS.map((entry) => [wordsOf(entry), entry] as const);
  it.each(entries)("%s --help prints its usage and help", async (words, entry) => {
    const { code, out } = await runCtl([...words.split(" "), "--help"]);
    expect(code).toBe(0);
    expect(out).toContain(`npm run ctl -- ${usageOf(entry)}\n\n${entry.help}`);
  });

  it("--help lists all commands, or those of a group", async () => {
    const all = await runCtl(["--help"]);
    expect(all).toMatchObject({ code: 0, err: "" });
    expect(all.out).toContain("dead redeliver (--customer ID [--seq N] | --all)");
    const group = await runCtl(["webhook", "--help"]);
    expect(group.code).toBe(0);
    expect(group.out).toContain("webhook pause");
    expect(group.out).not.toContain("dead list");
  });

  it.each([
    [[], "npm run ctl -- COMMAND [options]"],
    [["frobnicate"], "There is no such command"],
    [["stauts"], "Did you mean status?"],
    [["--stage", "prod", "status"], "The command comes first, then its options."],
    [["dead"], "Choose one:\n  dead list\n  dead redeliver (--customer"],
    [["watch", "add"], "watch add takes at least one CustSpaceId"],
    [["status", "now"], "status takes no further words"],
    [["status", "--fast"], "--fast"],
    [["dead", "drop"], "give either --customer or --all"],
    [["dead", "drop", "--all", "--customer", "a"], "give either --customer or --all"],
    [["dead", "redeliver", "--all", "--seq", "3"], "--seq needs --customer"],
    [["redeliver"], "give at least one of --customer, --number and --since"],
    ...["yesterday", "5", "2026", "1,5h", "90x", "-1h"].map((since): [string[], string] => [
      ["redeliver", `--since=${since}`],
      "--since must be a time such as 2026-01-02T03:04:05Z, or how long ago: 30m, 2h, 3d",
    ]),
    [["dead", "drop", "--customer", "a", "--seq", "last"], "--seq must be a whole number"],
    [["redeliver", "--number", "nobody"], "--number must be a phone number"],
    [["resync", "--customer", "a/b"], "--customer must be 1 to 128 letters, digits, _ or -"],
    [["watch", "closely", "a", "--hours", "200"], "--hours must be at most 168"],
    [["watch", "closely", "a", "--for", "8d"], "--for must be a duration from 1h to 7d"],
    [["watch", "closely", "a", "--for", "6"], "--for must be a duration from 1h to 7d"],
    [["watch", "import", "a", "b"], "watch import takes one FILE"],
    [["status", "--stage", "prod", "--url", "http://127.0.0.1:1"], "--stage asks the deployed"],
  ])("%j is refused with exit code 2", async (argv, message) => {
    const { code, out, err } = await runCtl(argv);
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(out).toBe("");
  });
});

describe("ctl", () => {
  it("sends the key, and prints the answer as a table or as JSON", async () => {
    await rig.put("c/a", aCustomer({ numbers: { "49151": aNumber() } }));
    const table = await runCtl(["status"], {
      environment: { WABA_CTL_URL: server.url, WABA_CTL_KEY: "from-environment" },
    });
    expect(table.code).toBe(0);
    expect(table.out).toContain("customers      1 watched, 0 removed, 0 never read");
    expect(table.out).toContain("receiver       healthy");
    const asJson = await ctl("status", "--json", "--key", "given");
    expect(JSON.parse(asJson.out)).toMatchObject({ command: "status", watched: 1 });
    expect(server.authorizations).toEqual(["Bearer from-environment", "Bearer given"]);
  });

  it("prints the address of a customer's hints at npm start, and refuses an unknown one", async () => {
    const secret = "hint-secret-of-the-tests";
    rig = createCommandRig({ HINT_SECRET: secret });
    await rig.put("c/acme", aCustomer());
    const token = createHmac("sha256", secret).update("hint:acme").digest("base64url");
    const good = await ctl("hints", "url", "acme");
    expect(good).toMatchObject({ code: 0, out: `${server.url}/hint/acme/${token}` });
    const bad = await ctl("hints", "url", "acmee");
    expect(bad).toMatchObject({ code: 1, out: "acmee is not watched. Did you mean acme?" });
  });

  it("imports a file in batches with progress lines", async () => {
    const text = `# our customers\n${ids(450).join("\n")}\nself # the account\ncust-1\n`;
    const run = await runCtl(["watch", "import", "list.txt", "--url", server.url], {
      readText: async () => text,
    });
    expect(run).toMatchObject({ code: 0, out: "451 added, 0 watched again, 0 already watched" });
    expect(run.err).toBe("200/451\n400/451\n451/451");
    expect(server.payloads.map(({ custSpaceIds }) => (custSpaceIds as string[]).length)).toEqual([
      200, 200, 51,
    ]);
    expect(await rig.keys("c/")).toHaveLength(451);
  });

  it("draws a bar on a terminal", async () => {
    const drawn: string[] = [];
    await runCtl(["watch", "import", "-", "--url", server.url], {
      readText: async () => ids(400).join("\n"),
      redraw: (text) => drawn.push(text),
    });
    expect(drawn).toEqual([
      "[###############---------------] 200/400",
      "[##############################] 400/400\n",
    ]);
  });

  it("sends nothing of a file with an invalid id", async () => {
    const run = await runCtl(["watch", "import", "f", "--url", server.url], {
      readText: async () => "good\nnot good!\n",
    });
    expect(run.code).toBe(1);
    expect(run.err).toContain(
      'Nothing was sent. Lines without a CustSpaceId: 1\n  line 2: "not good!"',
    );
    expect(server.payloads).toEqual([]);
  });

  it("shows what an import would do, and changes nothing", async () => {
    await rig.put("c/cust-1", aCustomer());
    await rig.put("c/cust-2", aCustomer({ removedAt: "2026-01-01T00:00:00.000Z" }));
    const before = await rig.keys();
    const run = await runCtl(["watch", "import", "f", "--dry-run", "--url", server.url], {
      readText: async () => ids(5).join("\n"),
    });
    expect(run).toMatchObject({
      code: 0,
      err: "",
      out: [
        "would add 3, watch again 1, already watched 1. Nothing was changed.",
        "would add: cust-3, cust-4, cust-5",
        "would watch again: cust-2",
      ].join("\n"),
    });
    const many = await runCtl(["watch", "import", "f", "--dry-run", "--url", server.url], {
      readText: async () => ["4915100000001", ...ids(12)].join("\n"),
    });
    expect(many.out.split("\n")[1]).toBe(
      "would add: *********0001, cust-3, cust-4, cust-5, cust-6, cust-7, cust-8, cust-9, cust-10, cust-11 and 1 more",
    );
    expect(await rig.keys()).toEqual(before);
  });

  it("names a file that is not there, and the one that is near", async () => {
    const importOf = (file: string) =>
      runCtl(["watch", "import", file, "--url", server.url], {
        readText: (path) => readFile(path, "utf8"),
        listFiles: async (folder) => (folder === "lists" ? ["customers.csv", "old.csv"] : []),
      });
    const far = await importOf("no-such-file");
    expect(far).toMatchObject({ code: 1, err: "no-such-file: There is no such file." });
    expect((await importOf("lists/custmers.csv")).err).toBe(
      "lists/custmers.csv: There is no such file. Did you mean lists/customers.csv?",
    );
  });

  it.each([
    ["watch", "remove", "cust-space-l"],
    ["watch", "closely", "cust-space-l"],
    ["resync", "--customer", "cust-space-l"],
    ["redeliver", "--customer", "cust-space-l"],
    ["dead", "redeliver", "--customer", "cust-space-l"],
    ["dead", "drop", "--customer", "cust-space-l"],
  ])("%s %s %s names an unknown customer and the one that is near", async (...argv) => {
    await rig.put("c/cust-space-1", aCustomer());
    await rig.put("c/cust-space", aCustomer({ removedAt: "2026-01-01T00:00:00.000Z" }));
    const run = await ctl(...argv);
    expect(run.code).toBe(1);
    expect(run.out).toContain("cust-space-l is not watched. Did you mean cust-space-1?");
    expect((await ctl(...argv.slice(0, -1), "other")).out).toContain("other is not watched.");
  });

  it("lists the customers that fail, with since and the upstream's words", async () => {
    const failure = { reads: 2, since: "2026-01-02T02:00:00.000Z", code: "ERR_UPSTREAM_REFUSED" };
    const upstreamCode = "Product.Unsubscript";
    await rig.put("c/a", aCustomer());
    const upstreamMessage = "The product is not activated.";
    await rig.put("c/b", aCustomer({ failure: { ...failure, upstreamCode, upstreamMessage } }));
    await rig.put("c/c", aCustomer({ failure, removedAt: "2026-01-01T00:00:00.000Z" }));
    const { out } = await ctl("watch", "list", "--failing");
    expect(out.split("\n")).toEqual([
      "customer  numbers  pending  first read                last change               removed  failing since             for     reason",
      "b         0        0        2026-01-01T00:00:00.000Z  2026-01-01T00:00:00.000Z           2026-01-02T02:00:00.000Z  64 min  ERR_UPSTREAM_REFUSED, Product.Unsubscript: The product is not activated.",
    ]);
  });

  it("prints events as they leave, each once and in the order of their time", async () => {
    const delivered = (seq: number, deliveredAt: string) => ({ ...anEvent(seq), deliveredAt });
    const late = "2026-01-02T03:04:06.000Z";
    const [old, first] = [delivered(1, "2026-01-02T03:00:00.000Z"), delivered(2, late)];
    await rig.put("c/a", aCustomer({ delivered: [old] }));
    let looks = 0;
    const run = await runCtl(["events", "tail", "--url", server.url], {
      async sleep() {
        looks += 1;
        if (looks === 1) await rig.put("c/b", aCustomer({ delivered: [first] }));
        if (looks === 2) {
          const next = [delivered(4, "2026-01-02T03:04:07.000Z"), delivered(3, late)];
          await rig.put("c/a", aCustomer({ delivered: [old, ...next] }));
        }
        if (looks === 4) throw new CtlError("Ctrl-C");
      },
    });
    const type = "whatsapp.phone_number.changed";
    expect(run.out.split("\n")).toEqual([
      `2026-01-02T03:04:06.000Z  ${type}  b  *********5678`,
      `2026-01-02T03:04:06.000Z  ${type}  a  *********5678`,
      `2026-01-02T03:04:07.000Z  ${type}  a  *********5678`,
    ]);
  });

  it("takes ls and rm for list and remove, and prints its version", async () => {
    await rig.put("c/a", aCustomer());
    expect((await ctl("watch", "rm", "a")).out).toContain("1 removed, 0 not watched");
    expect((await ctl("watch", "ls")).out).toContain("customer  numbers");
    const environment = { npm_package_version: "1.2.3" };
    expect(await runCtl(["--version"], { environment })).toMatchObject({ code: 0, out: "1.2.3" });
  });

  it("watches closely for a duration as people write it", async () => {
    await rig.put("c/a", aCustomer());
    for (const duration of ["6h", "90m", "3d", "1.5h", "2 d", "7200s", "1H"]) {
      expect((await ctl("watch", "closely", "a", "--for", duration)).code).toBe(0);
    }
    expect(server.payloads.map(({ hours }) => hours)).toEqual([6, 2, 72, 2, 48, 2, 1]);
  });

  it("names a number and a dead letter that are not there", async () => {
    await rig.put("c/a", aCustomer());
    const number = await ctl("redeliver", "--number", "4915100000000");
    expect(number.code).toBe(1);
    expect(number.out).toContain("No kept event is about *********0000.");
    expect(number.out).not.toContain("Did you mean");
    const deliveredAt = "2026-01-02T03:00:00.000Z";
    await rig.put("c/b", aCustomer({ delivered: [{ ...anEvent(1), deliveredAt }] }));
    expect((await ctl("redeliver", "--number", "4915112345687")).out).toContain(
      "No kept event is about *********5687. Did you mean *********5678 of b? They differ from digit 12 on.",
    );
    const letter = await ctl("dead", "drop", "--customer", "a", "--seq", "7");
    expect(letter.code).toBe(1);
    expect(letter.out).toContain("a has no dead letter 7.");
    expect((await ctl("dead", "drop", "--customer", "a")).code).toBe(0);
  });

  it("sends the ids again that an answer did not process", async () => {
    rig.writeMs = 10_000;
    const run = await ctl("watch", "add", "a", "b", "c");
    expect(run).toMatchObject({ code: 0, out: "3 added, 0 watched again, 0 already watched" });
    expect(server.payloads.map(({ custSpaceIds }) => custSpaceIds)).toEqual([
      ["a", "b", "c"],
      ["c"],
    ]);
  });

  it("exits with 1 if a removal is refused, and prints how to force it", async () => {
    await rig.put("c/a", aCustomer({ pending: [anEvent(1)] }));
    const refused = await ctl("watch", "remove", "a");
    expect(refused).toMatchObject({
      code: 1,
      out: "0 removed, 0 not watched\na has 1 pending event. To drop them, add --drop.",
    });
    const dropped = await ctl("watch", "remove", "a", "--drop");
    expect(dropped).toMatchObject({
      code: 0,
      out: "1 removed, 0 not watched, 1 event dropped\nDead letters and responses to adds stay. To remove them, run: npm run ctl -- erase ID",
    });
    expect((await ctl("watch", "list")).out).toBe(
      [
        "customer  numbers  pending  first read  last change  removed",
        "a         0        0                                 2026-01-02T03:04:05.000Z",
      ].join("\n"),
    );
  });

  it("requests page after page and joins the answers", async () => {
    const delivered = [1, 2, 3].map((seq) => ({
      ...anEvent(seq),
      deliveredAt: "2026-01-02T01:00:00.000Z",
    }));
    await rig.put("c/a", aCustomer({ delivered }));
    rig.attemptMs = 10_000;
    const run = await ctl("redeliver", "--since", "3h", "--json");
    expect(JSON.parse(run.out)).toEqual({
      command: "redeliver",
      sent: 3,
      incomplete: 0,
      unreadable: 0,
      refused: [],
      more: false,
    });
    expect(server.payloads).toEqual([
      { command: "redeliver", since: "2026-01-02T00:04:05.000Z" },
      { command: "redeliver", since: "2026-01-02T00:04:05.000Z", after: "a/2" },
    ]);
  });

  it("exits with 1 if the receiver fails", async () => {
    await rig.put("dead/a/0000000000000007", {
      schema: 1,
      event: anEvent(7),
      status: 422,
      diedAt: "2026-01-01T00:00:00.000Z",
    });
    expect((await ctl("dead", "list")).out).toBe(
      [
        "customer  seq  type                           number         response  dead-lettered",
        "a         7    whatsapp.phone_number.changed  *********5678  422       2026-01-01T00:00:00.000Z",
      ].join("\n"),
    );
    rig.answer({ kind: "failed", reason: "status", status: 503 });
    const run = await ctl("dead", "redeliver", "--all");
    expect(run.code).toBe(1);
    expect(run.out).toContain("Stopped: the receiver fails (503)");
    expect(server.payloads).toHaveLength(2);
    expect((await ctl("dead", "redeliver", "--customer", "a", "--seq", "7")).out).toContain(
      "delivered   1",
    );
    expect(await rig.keys()).toEqual([]);
  });

  it("runs resync and the webhook commands", async () => {
    await rig.put("c/a", aCustomer({ numbers: { "49151": aNumber() } }));
    const resync = await ctl("resync", "--after-restore", "--json");
    expect(JSON.parse(resync.out)).toMatchObject({ events: 1, advanced: 1 });
    expect((await ctl("webhook", "pause")).out).toBe("receiver: paused");
    const refused = await ctl("redeliver", "--customer", "a");
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.out).toContain(
      "Stopped: the receiver is paused. To start deliveries again, run: npm run ctl -- webhook enable",
    );
    rig.answer({ kind: "refused", status: 400 });
    expect(await ctl("webhook", "test")).toMatchObject({
      code: 1,
      out: "test event evt_test_id1: refused (400)",
    });
    expect(await ctl("webhook", "enable")).toMatchObject({
      code: 0,
      out: "test event evt_test_id2: delivered (204)\nreceiver: closed",
    });
  });

  it("prints the issues that poll reports and exits with 2", async () => {
    await server.close();
    const issues = [{ path: "number", message: "must be a phone number" }];
    const error = { code: "ERR_INVALID_REQUEST", message: "The request is not valid.", issues };
    server = await startPollServer(() => ({ body: { error } }));
    const refused = await ctl("redeliver", "--number", "49151", "--json");
    expect(refused.code).toBe(2);
    expect(refused.err).toBe(
      "The function refused the command (ERR_INVALID_REQUEST).\n  number must be a phone number",
    );
    expect(JSON.parse(refused.out)).toEqual({ error: { message: refused.err } });
  });
});
