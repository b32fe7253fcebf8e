import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { loadConfig } from "../../shared/config.ts";
import { createDeps } from "../../shared/deps.ts";
import { POLL } from "../../shared/functions.js";
import { createRateLimiter } from "../../shared/pacing/rate-limiter.ts";
import { createRandom } from "../schedules/scheduler.ts";
import { createFakeClock, type FakeClock } from "../support/fake-clock.ts";
import { fcContext } from "../support/fc-events.ts";
import { SEED } from "../support/seed.ts";
import { T0 } from "../support/watch-builders.ts";

const LIMIT = 8;
const SECONDS = 50;
/** As many customers as a run reads at once. */
const WORKERS = LIMIT + 2;

let clock: FakeClock;
let server: http.Server;
let connections: number;
/** Time stands still while a request or an answer is on the wire, and passes in between. */
let onTheWire: (() => void)[];

beforeEach(async () => {
  clock = createFakeClock(T0);
  connections = 0;
  onTheWire = [];
  const random = createRandom(SEED);
  server = http.createServer({ keepAliveTimeout: 0 }, async (_request, response) => {
    onTheWire.pop()?.();
    await clock.sleep(5 + 20 * random());
    onTheWire.push(clock.hold());
    const reply = { Code: "OK", RequestId: "REQ-1", PhoneNumbers: [] };
    response.setHeader("content-type", "application/json").end(JSON.stringify(reply));
  });
  server.on("connection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

it("poll's connections outlast the rest between two calls", async () => {
  const { port } = server.address() as AddressInfo;
  const config = loadConfig(
    {
      CAMS_ENDPOINT: `http://127.0.0.1:${port}`,
      STORE_URL: "memory:",
      WEBHOOK_URL: "https://receiver.example/",
      WEBHOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    },
    POLL,
  );
  const { now, monotonic, sleep } = clock;
  const upstream = createDeps(config, { now, monotonic, sleep }).upstreamFor(fcContext());
  const limiter = createRateLimiter({ limit: LIMIT, stopAt: SECONDS * 1_000 }, clock);
  let calls = 0;
  const read = async () => {
    while (!limiter.stopped) {
      const counted = {
        async acquire() {
          const isOpen = await limiter.acquire();
          if (isOpen) onTheWire.push(clock.hold());
          return isOpen;
        },
        release(outcome: "answered" | "throttled") {
          onTheWire.pop()?.();
          calls += 1;
          limiter.release(outcome);
        },
      };
      await upstream
        .query({ custSpaceId: "acme" }, { limiter: counted, deadlineAt: 2 * SECONDS * 1_000 })
        .catch((error: unknown) => {
          if (!limiter.stopped) throw error;
        });
    }
  };
  await clock.run(Promise.all(Array.from({ length: WORKERS }, read)));

  expect(calls).toBeGreaterThan(SECONDS * LIMIT * 0.9);
  // The few that were not needed for a while are let go.
  expect(connections / calls).toBeLessThan(0.1);
});
