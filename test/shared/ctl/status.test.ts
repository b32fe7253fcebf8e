import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  aCustomer,
  aNumber,
  anEvent,
  type CommandRig,
  createCommandRig,
  RECEIVER_KEY,
  START,
} from "../commands/command-rig.ts";
import { type PollServer, runCtl, startPollServer } from "./test-world.ts";

let rig: CommandRig;
let server: PollServer;

const ctl = (...argv: string[]) => runCtl([...argv, "--url", server.url]);
const linesOf = async () => (await ctl("status")).out.split("\n");

beforeEach(async () => {
  rig = createCommandRig();
  server = await startPollServer(async (payload) => ({ body: await rig.run(payload) }));
});

afterEach(() => server.close());

const FAILURE = { reads: 2, since: "2026-01-02T02:00:00.000Z", code: "ERR_UPSTREAM_TIMEOUT" };

describe("the lines of ctl status", () => {
  it("show an empty store", async () => {
    expect(await linesOf()).toEqual([
      "oldest read    unknown",
      "sweep          none",
      "freshness      sweep never, onboarding never, worse never, requested never",
      "poll           not running",
      "account        healthy",
      "customers      0 watched, 0 removed, 0 never read",
      "failing        0, of which 0 stale",
      "unreadable     0",
      "numbers        0",
      "priority lane  0 onboarding, 0 worse, 0 requested",
      "pending        0 events of 0 customers",
      "dead letters   0",
      "receiver       healthy",
    ]);
  });

  it("show failing and stale customers, the account's failure and the priority lane", async () => {
    const staleAt = "2026-01-02T02:31:00.000Z";
    await rig.put("c/a", aCustomer({ failure: FAILURE }));
    await rig.put("c/b", aCustomer({ failure: { ...FAILURE, staleAt } }));
    await rig.put("c/c", aCustomer());
    const forbidden = { ...FAILURE, code: "ERR_UPSTREAM_ACCOUNT", upstreamCode: "Forbidden.RAM" };
    await rig.put("c/~account", aCustomer({ failure: { ...forbidden, staleAt } }));
    await rig.put("hot/a", { schema: 1, onboarding: {}, askedUntil: START + 1000 });
    const lines = await linesOf();
    expect(lines).toContain("failing        2, of which 1 stale");
    expect(lines).toContain(
      "account        failing since 2026-01-02T02:00:00.000Z (ERR_UPSTREAM_ACCOUNT, Forbidden.RAM), stale since 2026-01-02T02:31:00.000Z",
    );
    expect(lines).toContain("priority lane  0 onboarding, 0 worse, 1 requested");
  });

  it("show the freshness of the sweep and of each lane", async () => {
    const pass = (seconds: number) => ({
      cursor: "",
      startedAt: START - seconds * 1000,
      done: true,
      full: { startedAt: START - seconds * 1000, endedAt: START - 5_000 },
    });
    await rig.put("lease/poll", {
      schema: 1,
      owner: "",
      until: 0,
      sweep: pass(90),
      onboarding: pass(20),
      worse: { cursor: "", startedAt: 0, done: true },
      expiryCursor: "",
    });
    expect(await linesOf()).toContain(
      "freshness      sweep 90 s, onboarding 20 s, worse never, requested never, last sweep ended at 2026-01-02T03:04:00.000Z",
    );
  });

  it("name the rows that cannot be read, and the exit code is 0", async () => {
    await rig.put("c/a", aCustomer({ numbers: { "49151": aNumber() }, pending: [anEvent(1)] }));
    await rig.put("due/a/0000000000000001", { schema: 1 });
    await rig.put("due/b/0000000000000001", { schema: 1 });
    for (const key of ["c/b", "c/~account", "lease/poll", "hot/b", RECEIVER_KEY]) {
      await rig.put(key, { schema: 2 });
    }
    const { code, out } = await ctl("status");
    expect(code).toBe(0);
    expect(out.split("\n").slice(3)).toEqual([
      "poll           unknown: this version cannot read its row",
      "account        unknown: this version cannot read its row",
      "customers      1 or more watched, 0 or more removed, 0 or more never read",
      "failing        0 or more, of which 0 or more stale",
      "unreadable     1",
      "numbers        1 or more",
      "priority lane  0 onboarding, 0 worse, 0 requested or more",
      "pending        1 or more events of 1 or more customers",
      "dead letters   0",
      "receiver       unknown: this version cannot read its row",
    ]);
  });
});

describe("customers whose rows ctl cannot read", () => {
  it("end no import of 10,000 and are named by it", async () => {
    await rig.put("c/cust-4321", { schema: 2 });
    const ids = Array.from({ length: 10_000 }, (_, i) => `cust-${i + 1}`);
    const run = await runCtl(["watch", "import", "f", "--url", server.url], {
      readText: async () => ids.join("\n"),
    });
    expect(run.code).toBe(1);
    expect(run.out.split("\n")).toEqual([
      "9999 added, 0 watched again, 0 already watched",
      "cust-4321 is unchanged: this version cannot read its row",
    ]);
    expect(run.err.split("\n").at(-1)).toBe("10000/10000");
    expect(server.payloads).toHaveLength(50);
    const status = await rig.run({ command: "status" });
    expect(status).toMatchObject({ customers: 10_000, watched: 9_999, unreadable: 1 });
  });

  it.each([
    [["watch", "remove", "b"], "0 removed, 0 not watched"],
    [["watch", "closely", "b"], "in lane    0"],
    [["resync"], "unreadable  1"],
    [["redeliver", "--customer", "b"], "unreadable  1"],
  ])("make %j exit with 1", async (argv, line) => {
    await rig.put("c/b", { schema: 2 });
    const { code, out } = await ctl(...argv);
    expect(code).toBe(1);
    expect(out).toContain(line);
  });
});
