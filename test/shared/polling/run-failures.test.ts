import { describe, expect, it } from "vitest";
import {
  CredentialsError,
  StoreUnavailableError,
  UpstreamAccountError,
  UpstreamContractError,
  UpstreamRejectedError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from "../../../shared/errors.ts";
import { gist, item, NUMBER, OTHER } from "../../support/watch-builders.ts";
import { createWatchWorld, customers, type WatchWorld } from "../../support/watch-world.ts";

const FACTS = { action: "QueryChatappPhoneNumbers" };
const rejected = (upstreamCode: string, concerns: "customer" | "request") =>
  new UpstreamRejectedError({ ...FACTS, upstreamCode }, concerns);

/** Customers that have been read once, a minute ago. */
async function knownWorld(count: number): Promise<WatchWorld> {
  const world = createWatchWorld();
  await world.watch(customers(count));
  await world.run();
  await world.minute();
  world.forget();
  return world;
}

/** What is stored of the customers, without their failures. */
async function texts(world: WatchWorld, count: number): Promise<unknown[]> {
  const rows = await Promise.all(customers(count).map((customer) => world.row(customer)));
  return rows.map(({ failure: _failure, ...row }) => row);
}

const gists = (world: WatchWorld) =>
  world.sent.map(({ event }) => gist({ ...event, seq: 0, type: JSON.parse(event.body).type }));

describe("failed reads of a run", () => {
  it.each([
    ["a timeout", new UpstreamTimeoutError(FACTS)],
    ["an outage", new UpstreamUnavailableError(FACTS, false)],
    ["an unknown form", new UpstreamContractError(FACTS)],
    ["a refusal of the customer", rejected("Product.Unsubscript", "customer")],
    ["a refusal of the request", rejected("Something.New", "request")],
  ])(
    "a read failed by %s changes no row, and a change of that time is sent once afterwards",
    async (_, error) => {
      const world = await knownWorld(3);
      const before = await texts(world, 3);
      world.answers.set("c02", error);
      expect(await world.run()).toMatchObject({ read: 2, changed: 0, failed: 1 });
      expect(await texts(world, 3)).toEqual(before);
      expect(world.sent).toEqual([]);

      world.answers.set("c02", [item(NUMBER, { Status: "BANNED" })]);
      await world.minute();
      expect(await world.run()).toMatchObject({ read: 3, changed: 1, delivered: 1, failed: 0 });
      await world.minute();
      await world.run();
      expect(gists(world)).toEqual([`changed ${NUMBER} status:CONNECTED>BANNED`]);
    },
  );

  it("a failed read is not repeated within the interval", async () => {
    const world = await knownWorld(1);
    world.answers.set("c01", rejected("Product.Unsubscript", "customer"));
    await world.store.put("hot/c01", '{"schema":1,"onboarding":{},"worseUntil":9e15}', "absent");
    expect(await world.run()).toMatchObject({ failed: 1 });
    expect(world.calls).toHaveLength(1);
  });

  it.each([
    ["the account is refused", new UpstreamAccountError(FACTS)],
    ["there are no credentials", new CredentialsError()],
  ])("a run stops at once and writes no customer's row when %s", async (_, error) => {
    const world = await knownWorld(60);
    const before = await texts(world, 60);
    for (const customer of customers(60)) world.answers.set(customer, error);
    const report = await world.run();
    expect(report).toMatchObject({ stopped: "account", read: 0, changed: 0, sweepDone: false });
    expect(world.calls.length).toBeLessThanOrEqual(20);
    expect(await texts(world, 60)).toEqual(before);
    expect(world.writes).toEqual(["lease/poll", "c/~account", "lease/poll"]);
  });

  it.each([
    rejected("Product.Unsubscript", "customer"),
    rejected("Unknown.ResourceOwnerId", "customer"),
    rejected("InvalidParameter.CustSpaceId", "request"),
  ])("failures of customers' own stop no run, however many there are: %#", async (error) => {
    const world = await knownWorld(60);
    for (const customer of customers(59)) world.answers.set(customer, error);
    const report = await world.run();
    expect(report).toMatchObject({ read: 1, failed: 59, sweepDone: true });
    expect(report.stopped).toBeUndefined();
  });

  it("a run after an outage continues where the stopped one was", async () => {
    const world = await knownWorld(60);
    for (const customer of customers(60)) {
      world.answers.set(customer, new UpstreamAccountError(FACTS));
    }
    await world.run();
    world.answers.clear();
    world.answers.set("c60", [item(NUMBER, { Status: "BANNED" })]);
    await world.minute();
    await world.run();
    expect(gists(world)).toEqual([`changed ${NUMBER} status:CONNECTED>BANNED`]);
  });
});

describe("customers that become empty", () => {
  const empty = (world: WatchWorld, count: number) => {
    for (const customer of customers(count)) world.answers.set(customer, []);
  };
  const absences = async (world: WatchWorld, customer: string) =>
    (await world.row(customer)).numbers[NUMBER]?.absent?.reads;

  it("one customer that becomes empty has its absence counted", async () => {
    const world = await knownWorld(20);
    empty(world, 1);
    expect(await world.run()).toMatchObject({ read: 20, changed: 0 });
    expect(await absences(world, "c01")).toBe(1);
  });

  it("empty lists are ignored when five customers become empty at once", async () => {
    const world = await knownWorld(60);
    const before = await texts(world, 60);
    empty(world, 5);
    expect(await world.run()).toMatchObject({ read: 60, changed: 0 });
    expect(await texts(world, 60)).toEqual(before);
    expect(world.lines.filter((line) => line.includes("became empty"))).toHaveLength(1);
  });

  it("empty lists are stored for four customers of sixty, and ignored for three of twenty", async () => {
    const many = await knownWorld(60);
    empty(many, 4);
    await many.run();
    expect(await absences(many, "c04")).toBe(1);
    const few = await knownWorld(20);
    empty(few, 3);
    await few.run();
    expect(await absences(few, "c03")).toBeUndefined();
  });

  it("numbers of a customer that became empty are missing after three reads over ten minutes", async () => {
    const world = await knownWorld(3);
    empty(world, 1);
    for (let minute = 0; minute < 12; minute += 1) {
      await world.run();
      await world.minute();
    }
    expect(gists(world)).toEqual([`missing ${NUMBER}`]);
  });

  it("empty lists are ignored in a run that a failure of the upstream stopped", async () => {
    const world = await knownWorld(60);
    const before = await texts(world, 60);
    for (const customer of customers(60)) {
      world.answers.set(customer, new UpstreamAccountError(FACTS));
    }
    empty(world, 1);
    expect(await world.run({ qps: 1 })).toMatchObject({ stopped: "account" });
    expect(await texts(world, 60)).toEqual(before);
  });

  it("ignored empty lists do not narrow the window of a later change", async () => {
    const world = await knownWorld(60);
    const lastGood = world.clock.now() - 60_000;
    empty(world, 5);
    await world.run();
    await world.minute();
    world.answers.set("c01", [item(NUMBER, { Status: "BANNED" }), item(OTHER)]);
    await world.run();
    const events = world.sent.map(({ event }) => JSON.parse(event.body));
    expect(events.map(({ type }) => type.split(".").at(-1))).toEqual(["changed", "discovered"]);
    for (const { data } of events) {
      expect(Date.parse(data.previousObservedAt)).toBeLessThan(lastGood);
    }
  });
});

describe("failures of the store", () => {
  it("a store that fails at any operation fails the run, which loses nothing", async () => {
    const world = await knownWorld(3);
    world.answers.set("c02", [item(NUMBER, { Status: "BANNED" })]);
    for (let operation = 1; operation <= 40; operation += 1) {
      let count = 0;
      world.onStore = () => {
        count += 1;
        if (count >= operation) throw new StoreUnavailableError("get");
      };
      await world.run().catch((error: unknown) => {
        expect(error).toMatchObject({ code: "ERR_STORE" });
      });
      world.restart();
      world.onStore = () => undefined;
      await world.clock.advance(121_000);
    }
    await world.run();
    expect(new Set(world.sent.map(({ event }) => event.id)).size).toBe(1);
    expect(gists(world)[0]).toBe(`changed ${NUMBER} status:CONNECTED>BANNED`);
    expect((await world.row("c02")).pending).toEqual([]);
  });

  it("one failure of the store costs one customer, whatever operation fails", async () => {
    for (let failing = 1; failing <= 30; failing += 1) {
      const world = await knownWorld(5);
      let operations = 0;
      world.onStore = () => {
        operations += 1;
        if (operations === failing) throw new StoreUnavailableError("get");
      };
      const { read } = await world.run();
      expect([failing, read]).toEqual([failing, expect.toSatisfy((count) => count >= 4)]);
      world.onStore = () => undefined;
      await world.minute();
      expect(await world.run()).toMatchObject({ leaseHeld: false, read: 5 });
    }
  });

  it("reads and deliveries go on within 15 s of an outage of the store of one second", async () => {
    for (const begins of [0, 500, 2_000, 5_000]) {
      const world = await knownWorld(60);
      world.answers.set("c60", [item(NUMBER, { Status: "BANNED" })]);
      const from = world.clock.monotonic() + begins;
      world.onStore = () => {
        const now = world.clock.monotonic();
        if (now >= from && now < from + 1_000) throw new StoreUnavailableError("get");
      };
      const failed = await world.clock.run(
        world.begin().then(
          () => false,
          () => true,
        ),
      );
      if (failed) await world.run();
      const read = world.calls.filter(({ at }) => at >= from + 1_000);
      expect(read[0]?.at).toBeLessThan(from + 16_000);
    }
  });

  it("a run of 400 partial responses on a store 40 ms away ends within 60 s", async () => {
    const world = await knownWorld(400);
    for (const customer of customers(400)) world.answers.set(customer, [42, item()]);
    world.onStore = () => world.clock.sleep(40);
    const { durationMs, partial } = await world.run();
    expect(partial).toBeGreaterThan(350);
    expect(durationMs).toBeLessThan(60_000);
  });

  it("a store that fails stops the calls within 20", async () => {
    const world = await knownWorld(60);
    world.onStore = (operation) => {
      if (world.calls.length >= 10) throw new StoreUnavailableError(operation);
    };
    await expect(world.run()).rejects.toMatchObject({ code: "ERR_STORE" });
    expect(world.calls.length).toBeLessThanOrEqual(10 + 20);
  });

  it("an unreadable row costs no other customer its read", async () => {
    const world = await knownWorld(3);
    const found = await world.store.get("c/c02");
    await world.store.put("c/c02", '{"schema":2}', found?.version ?? "");
    await world.store.put("due/c02/0000000000001001", '{"schema":1}', "absent");
    await world.store.put("hot/c03", '{"schema":2}', "absent");
    await world.store.put("hot/c99", "not JSON", "absent");
    world.answers.set("c03", [item(NUMBER, { Status: "BANNED" })]);
    expect(await world.run()).toMatchObject({ read: 2, failed: 1, changed: 1, delivered: 1 });
  });
});
