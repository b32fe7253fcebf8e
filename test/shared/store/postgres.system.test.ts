import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { inspect } from "node:util";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { openPostgresStore } from "../../../shared/store/postgres.ts";
import type { Store } from "../../../shared/store/store.ts";
import { describeStore } from "./contract.ts";

const serverUrl = process.env.TEST_POSTGRES_URL ?? "";
if (!serverUrl) console.warn("PostgreSQL tests are skipped: TEST_POSTGRES_URL is not set");

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const newVersion = randomUUID;

async function listen(onConnection: (socket: net.Socket) => void): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as net.AddressInfo).port;
}

/** An ErrorResponse of the protocol, version 3. */
function refusal(code: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0Mrefused\0\0`);
  const head = Buffer.from("E\0\0\0\0");
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

describe("opening a PostgreSQL store", () => {
  const failure = (port: number) =>
    openPostgresStore({ url: `postgres://waba:hunter2@127.0.0.1:${port}/db`, newVersion }).catch(
      (error: unknown) => error,
    );

  it("fails at once when nobody listens, and shows neither password nor address", async () => {
    const error = await failure(1);
    expect(error).toMatchObject({ code: "ERR_STORE", operation: "open", reason: "ECONNREFUSED" });
    const text = inspect(error, { depth: 20, showHidden: true }) + (error as Error).stack;
    expect(text).not.toMatch(/hunter2|127\.0\.0\.1|waba:/);
  });

  it("fails within six seconds when the server is silent", async () => {
    const port = await listen(() => {});
    const started = Date.now();
    expect(await failure(port)).toMatchObject({ code: "ERR_STORE", reason: "ETIMEDOUT" });
    expect(Date.now() - started).toBeLessThan(6_000);
  });

  it.each([
    ["3D000", /database that STORE_URL names does not exist/],
    ["28P01", /password in STORE_URL/],
    ["53300", /no connection left/],
  ])("says what to do about the error %s", async (code, sentence) => {
    const port = await listen((socket) => socket.once("data", () => socket.end(refusal(code))));
    const error = (await failure(port)) as Error;
    expect(error).toMatchObject({ code: "ERR_STORE", reason: code });
    expect(error.message).toMatch(sentence);
  });

  it("fails when the server hangs up", async () => {
    const port = await listen((socket) => socket.destroy());
    expect(await failure(port)).toMatchObject({ code: "ERR_STORE", reason: "ECONNRESET" });
  });
});

describe.runIf(serverUrl)("PostgreSQL", () => {
  const schema = `waba_test_${randomBytes(6).toString("hex")}`;
  const admin = new pg.Pool({ connectionString: serverUrl, max: 2 });
  const urlOf = (params: Record<string, string> = {}, port?: number) => {
    const url = new URL(serverUrl);
    if (port) url.host = `127.0.0.1:${port}`;
    const all = { options: `-c search_path=${schema}`, application_name: schema, ...params };
    for (const [name, value] of Object.entries(all)) url.searchParams.set(name, value);
    return url.href.replaceAll("+", "%20");
  };
  const backends = async (name = schema): Promise<number[]> =>
    (
      await admin.query("select pid from pg_stat_activity where application_name = $1", [name])
    ).rows.map((row) => row.pid);

  beforeAll(() => admin.query(`create schema ${schema}`));
  afterAll(async () => {
    await admin.query(`drop schema ${schema} cascade`);
    await admin.end();
  });

  const open = async (params?: Record<string, string>, port?: number): Promise<Store> => {
    const store = await openPostgresStore({ url: urlOf(params, port), newVersion });
    closers.push(() => store.close());
    await admin.query(`truncate ${schema}.waba_numbers_rows`);
    return store;
  };

  describeStore("postgres", async () => ({ store: await open(), close: async () => {} }));

  it("makes its table once when several open an empty schema together", async () => {
    for (let round = 0; round < 5; round++) {
      await admin.query(`drop table if exists ${schema}.waba_numbers_rows`);
      const stores = await Promise.all(
        Array.from({ length: 6 }, () => openPostgresStore({ url: urlOf(), newVersion })),
      );
      expect(await stores[0]?.put("c/a", "1", "absent")).toBe("stored");
      expect((await stores[5]?.get("c/a"))?.value).toBe("1");
      await Promise.all(stores.map((store) => store.close()));
    }
  });

  it("works again after the server cut its connections", async () => {
    const store = await open();
    await store.put("c/a", "1", "absent");
    for (let round = 0; round < 5; round++) {
      await Promise.all([store.get("c/a"), store.get("c/a")]);
      for (const pid of await backends()) {
        await admin.query("select pg_terminate_backend($1)", [pid]);
      }
      const row = await store.get("c/a");
      expect(row?.value).toBe(`${round + 1}`);
      expect(await store.put("c/a", `${round + 2}`, row?.version ?? "")).toBe("stored");
    }
  });

  it("replaces a connection that was idle for more than ten seconds", async () => {
    let time = 1_000_000;
    const name = `${schema}_idle`;
    const url = urlOf({ application_name: name });
    const store = await openPostgresStore({ url, newVersion, now: () => time });
    closers.push(() => store.close());
    const first = await backends(name);
    time += 10_000;
    await store.get("c/a");
    expect(await backends(name)).toEqual(first);
    time += 10_001;
    await store.get("c/a");
    await vi.waitFor(async () => {
      const later = await backends(name);
      expect([first.length, later.length]).toEqual([1, 1]);
      expect(later).not.toEqual(first);
    });
  });

  it("works through a pooler that refuses startup parameters it does not know", async () => {
    const { hostname, port } = new URL(serverUrl);
    let refused = 0;
    // PgBouncer's default answers so to all but a few names (pgbouncer#1074).
    const pooler = await listen((socket) =>
      socket.once("data", (startup) => {
        if (startup.includes("statement_timeout")) {
          refused += 1;
          socket.end(refusal("08P01"));
          return;
        }
        const server = net.connect(Number(port || 5432), hostname);
        server.on("error", () => {});
        socket.on("close", () => server.destroy());
        server.write(startup);
        socket.pipe(server).pipe(socket);
      }),
    );
    const store = await open({}, pooler);
    expect(await store.put("c/a", "1", "absent")).toBe("stored");
    expect((await store.get("c/a"))?.value).toBe("1");
    expect(refused).toBe(1);
  });

  it.each(["repeatable read", "serializable"])(
    "lets exactly one of many writers win each round under %s",
    async (isolation) => {
      const level = isolation.replaceAll(" ", "\\ ");
      const options = `-c search_path=${schema} -c default_transaction_isolation=${level}`;
      const store = await openPostgresStore({
        url: urlOf({ options }),
        newVersion,
        connections: 8,
      });
      closers.push(() => store.close());
      await admin.query(`truncate ${schema}.waba_numbers_rows`);
      await store.put("c/a", "0", "absent");
      for (let round = 0; round < 20; round += 1) {
        const version = (await store.get("c/a"))?.version ?? "";
        const writers = Array.from({ length: 8 }, (_, n) => store.put("c/a", `${n}`, version));
        const outcomes = await Promise.all(writers);
        expect(outcomes.filter((outcome) => outcome === "stored")).toHaveLength(1);
      }
    },
  );

  it("holds at most as many connections as it is given", async () => {
    const url = urlOf({ application_name: `${schema}_five` });
    const store = await openPostgresStore({ url, newVersion, connections: 5 });
    closers.push(() => store.close());
    await Promise.all(Array.from({ length: 20 }, () => store.get("c/a")));
    expect(await backends(`${schema}_five`)).toHaveLength(5);
  });

  it("holds at most two connections by default, however many calls run at once", async () => {
    const name = `${schema}_pool`;
    const store = await open({ application_name: name });
    await Promise.all(Array.from({ length: 10 }, () => store.get("c/a")));
    expect(await backends(name)).toHaveLength(2);
  });

  it("lets the server end a statement after eight seconds", async () => {
    const settings = `${schema}_settings`;
    await admin.query(`create schema ${settings}`);
    closers.push(() => admin.query(`drop schema ${settings} cascade`));
    await admin.query(`create view ${settings}.waba_numbers_rows as
      select 'c/a' as k, current_setting('statement_timeout') as v, 'x' as ver`);
    const url = urlOf({ options: `-c search_path=${settings}` });
    const store = await openPostgresStore({ url, newVersion });
    closers.push(() => store.close());
    expect((await store.get("c/a"))?.value).toBe("8s");
  });

  it("works again after a restart during which the server refused every connection", async () => {
    const way = await interruptibleWay();
    const store = await open({}, way.port);
    await store.put("c/a", "1", "absent");
    await Promise.all([store.get("c/a"), store.get("c/a")]);
    await way.interrupt();
    const refused = { status: "rejected", reason: { code: "ERR_STORE", reason: "ECONNREFUSED" } };
    for (let round = 0; round < 2; round++) {
      const calls = Array.from({ length: 5 }, () => store.get("c/a"));
      for (const outcome of await Promise.allSettled(calls)) expect(outcome).toMatchObject(refused);
    }
    await expect(store.put("c/b", "1", "absent")).rejects.toMatchObject({ code: "ERR_STORE" });
    await way.resume();
    const rows = await Promise.all(Array.from({ length: 5 }, () => store.get("c/a")));
    expect(rows.map((row) => row?.value)).toEqual(["1", "1", "1", "1", "1"]);
    expect(await store.put("c/a", "2", rows[0]?.version ?? "")).toBe("stored");
    expect(await store.get("c/b")).toBeUndefined();
  });

  it("fails a statement that the server cancelled, which then never runs", async () => {
    const store = await open({ statement_timeout: "150" });
    await store.put("c/a", "old", "absent");
    const { version } = (await store.get("c/a")) ?? { version: "" };
    const holder = await admin.connect();
    await holder.query("begin");
    await holder.query(`select * from ${schema}.waba_numbers_rows for update`);
    await expect(store.put("c/a", "new", version)).rejects.toMatchObject({ reason: "57014" });
    await holder.query("rollback");
    holder.release();
    expect(await store.get("c/a")).toEqual({ value: "old", version });
  });

  /** A way to the server that can be as if the server were down, and then be there again. */
  const interruptibleWay = async () => {
    const { hostname, port } = new URL(serverUrl);
    const sockets = new Set<net.Socket>();
    const proxy = net.createServer((client) => {
      const server = net.connect(Number(port || 5432), hostname);
      for (const socket of [client, server]) {
        sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          sockets.delete(socket);
          client.destroy();
          server.destroy();
        });
      }
      client.pipe(server).pipe(client);
    });
    const listenAt = async (at: number) => {
      proxy.listen(at, "127.0.0.1");
      await once(proxy, "listening");
    };
    const interrupt = () =>
      new Promise<void>((resolve) => {
        proxy.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      });
    await listenAt(0);
    closers.push(interrupt);
    const { port: own } = proxy.address() as net.AddressInfo;
    return { port: own, interrupt, resume: () => listenAt(own) };
  };

  /** A way to the server on which responses can be held back or cut off. */
  const lossyPort = async (statement: string, loss: "cut" | "silence") => {
    const { hostname, port } = new URL(serverUrl);
    return listen((client) => {
      const server = net.connect(Number(port || 5432), hostname);
      server.on("error", () => {});
      let isLost = false;
      client.on("data", (bytes) => {
        isLost ||= bytes.includes(statement);
        server.write(bytes);
      });
      server.on("data", (bytes) => {
        if (!isLost) client.write(bytes);
        else if (loss === "cut") client.destroy();
      });
      client.on("close", () => server.destroy());
    });
  };

  it.each(["cut", "silence"] as const)(
    "finds by its token that a write was stored though the response was lost (%s)",
    async (loss) => {
      const store = await open({ query_timeout: "300" }, await lossyPort("insert into", loss));
      expect(await store.put("c/a", "new", "absent")).toBe("stored");
      expect((await store.get("c/a"))?.value).toBe("new");
    },
  );

  it("finds that a delete was done though the response was lost", async () => {
    const store = await open({}, await lossyPort("delete from", "cut"));
    await store.put("c/a", "new", "absent");
    const { version } = (await store.get("c/a")) ?? { version: "" };
    expect(await store.delete("c/a", version)).toBe("deleted");
  });

  it("fails in a bounded time, without a message of the driver, once it is closed", async () => {
    const store = await open();
    await store.close();
    await store.close();
    await expect(store.get("c/a")).rejects.toMatchObject({ code: "ERR_STORE", operation: "get" });
  });
});
