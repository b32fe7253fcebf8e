import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { describeStatus } from "../../../shared/ctl/status-lines.ts";
import {
  aCustomer,
  aNumber,
  anEvent,
  type CommandRig,
  createCommandRig,
  RECEIVER_KEY,
  START,
} from "../commands/command-rig.ts";
import { closedUrl, type PollServer, runCtl, startPollServer } from "./test-world.ts";

let rig: CommandRig;
let server: PollServer;

const ctl = (...argv: string[]) => runCtl([...argv, "--url", server.url]);
const linesOf = async () => (await ctl("status")).out.split("\n");

beforeEach(async () => {
  rig = createCommandRig();
  server = await startPollServer(async (payload) => ({ body: await rig.run(payload) }));
});

afterEach(() => server.close());

const SCAN = { cursor: "", startedAt: 0, done: true };
const FAILURE = { reads: 2, since: "2026-01-02T02:00:00.000Z", code: "ERR_UPSTREAM_TIMEOUT" };

describe("the lines of ctl status", () => {
  it("show an empty store", async () => {
    expect(await linesOf()).toEqual([
      "CRIT: poll has never run | failing=0 pending=0 dead=0",
      "last run       never",
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

  it("say whose oldest read it is beside a customer that was never read", () => {
    const status = { oldestReadAgeSeconds: 4, oldestReadIs: "exact" };
    const read = (neverRead: number) => describeStatus({ ...status, neverRead }, START)[2];
    expect(read(0)).toBe("oldest read    4 s ago");
    expect(read(1)).toBe("oldest read    4 s ago, of those read");
  });

  it("show a customer whose sequence is ahead, because a clock was wrong", async () => {
    await rig.put("c/a", aCustomer({ seq: START + 31_536_000_000 }));
    const lines = await linesOf();
    const at = lines.indexOf("ahead          1 sequence is ahead of now: a clock was wrong");
    expect(lines[at + 1]).toBe("               a until 2027-01-02T03:04:05.000Z");
  });

  it("show failing and stale customers, the account's failure and the priority lane", async () => {
    const staleAt = "2026-01-02T02:31:00.000Z";
    const transportCode = "ENOTFOUND";
    await rig.put("c/a", aCustomer({ failure: { ...FAILURE, transportCode } }));
    await rig.put("c/b", aCustomer({ failure: { ...FAILURE, staleAt } }));
    await rig.put("c/c", aCustomer());
    const code = { code: "ERR_UPSTREAM_ACCOUNT", upstreamCode: "Forbidden.RAM" };
    const words = { upstreamMessage: "Not authorized.", accessDeniedDetail: "No policy\u001b[2J" };
    await rig.put("c/~account", aCustomer({ failure: { ...FAILURE, ...code, ...words, staleAt } }));
    await rig.put("hot/a", { schema: 1, onboarding: {}, askedUntil: START + 1000 });
    const lines = await linesOf();
    const failing = lines.indexOf("failing        2, of which 1 stale");
    expect(lines.slice(failing + 1, failing + 3)).toEqual([
      "               a for 64 min, since 2026-01-02T02:00:00.000Z (ERR_UPSTREAM_TIMEOUT, ENOTFOUND)",
      "               b for 64 min, since 2026-01-02T02:00:00.000Z (ERR_UPSTREAM_TIMEOUT)",
    ]);
    expect(lines).toContain(
      "account        failing since 2026-01-02T02:00:00.000Z (ERR_UPSTREAM_ACCOUNT, Forbidden.RAM: Not authorized.: No policy\\u001b[2J), stale since 2026-01-02T02:31:00.000Z",
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
      lane: { ...pass(20).full, heldFrom: 0, pollIntervalMs: 60_000 },
      expiryCursor: "",
    });
    expect(await linesOf()).toContain(
      "freshness      sweep 90 s, onboarding 20 s, worse 20 s, requested 20 s, last sweep ended at 2026-01-02T03:04:00.000Z",
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
    expect(out.split("\n").slice(5)).toEqual([
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

describe("ctl status --check", () => {
  const ranAt = (minutes: number) => ({
    ...{ schema: 1, owner: "", until: 0, expiryCursor: "", ranAt: START - minutes * 60_000 },
    ...{ sweep: SCAN, onboarding: SCAN, worse: SCAN },
  });

  it.each([
    [1, 0, "OK: 0 customers watched | age=60s;;600 failing=0 pending=0 dead=0"],
    [
      300,
      2,
      "CRIT: poll has not run for 5 h (since 2026-01-01T22:04:05Z) | age=18000s;;600 failing=0 pending=0 dead=0",
    ],
  ])("exits, %i minutes after the last run, with %i", async (minutes, code, line) => {
    await rig.put("lease/poll", ranAt(minutes));
    const run = await ctl("status", "--check");
    expect([run.code, run.out.split("\n")[0]]).toEqual([code, line]);
    expect((await ctl("status")).code).toBe(0);
  });

  it("exits with 1 for a warning, also as JSON", async () => {
    await rig.put("lease/poll", ranAt(1));
    const since = "2026-01-02T02:00:00.000Z";
    await rig.put("c/a", aCustomer({ failure: { ...FAILURE, since } }));
    const run = await ctl("status", "--check", "--json");
    expect(run.code).toBe(1);
    expect(JSON.parse(run.out).verdict).toEqual({
      status: "WARN",
      reasons: ["1 customer failing: a for 64 min (ERR_UPSTREAM_TIMEOUT)"],
    });
  });

  it("exits with 3 if it cannot tell, and says why", async () => {
    const absent = await runCtl(["status", "--check", "--url", await closedUrl()]);
    expect(absent).toMatchObject({
      code: 3,
      out: "UNKNOWN: Nothing listens at the given --url. Is npm start running?",
    });
    expect(await ctl("status", "--check", "--fast")).toMatchObject({ code: 3 });
    const settings = { WABA_CTL_URL: await closedUrl(), STORE_URL: "mysql://db|x" };
    const wrong = await runCtl(["status", "--check"], { environment: settings });
    expect(wrong).toEqual({
      code: 3,
      out: "UNKNOWN: npm start is not running, so ctl opens the store that the environment names. Settings to fix: STORE_URL must be memory:, pglite:<folder>, postgres://… or tablestore://INSTANCE.REGION/TABLE; WEBHOOK_URL must be set; WEBHOOK_SECRET must be set",
      err: "",
      waits: [],
    });
    const json = await runCtl(["status", "--check", "--json", "--url", await closedUrl()]);
    expect(JSON.parse(json.out)).toEqual({
      error: { message: "Nothing listens at the given --url. Is npm start running?" },
      verdict: {
        status: "UNKNOWN",
        reasons: ["Nothing listens at the given --url. Is npm start running?"],
      },
    });
    await server.close();
    server = await startPollServer(() => ({ body: { command: "status", failing: 0 } }));
    const earlier = await ctl("status", "--check");
    expect(earlier.code).toBe(3);
    expect(earlier.out).toMatch(/^UNKNOWN: poll is of an earlier version\. Deploy this one \|/);
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
