import { randomBytes } from "node:crypto";
import { setTimeout as sleepFor } from "node:timers/promises";
import { isAppError } from "../../shared/errors.ts";
import { createAgent } from "../../shared/http-agent.ts";
import { Secret } from "../../shared/secret.ts";
import { createClient } from "../../shared/signing/client.ts";
import { createNumbersUpstream } from "../../shared/signing/numbers-upstream.ts";
import { SANDBOX_CREDENTIALS } from "../sandbox/environment.ts";

/** What the parent asks of this process, as a JSON list in its only argument. */
export type FrozenOrder = {
  readonly endpoint: string;
  /** "never": no connection is too old. */
  readonly maxIdleMs: number | "never";
  /** Idle connections to hold while frozen. */
  readonly sockets: number;
  /** The call is due so long after all connections have become idle. */
  readonly dueMs: number;
  readonly patienceMs: number;
};

/** First that all connections are idle, then what became of each order's call: `ok` or a code. */
export type FrozenReport =
  | { readonly kind: "idle" }
  | { readonly kind: "called"; readonly outcomes: readonly string[]; readonly lateMs: number };

const monotonic = () => performance.now();

function open(order: FrozenOrder) {
  const agent = createAgent("http:", {
    maxIdleMs: order.maxIdleMs === "never" ? Number.POSITIVE_INFINITY : order.maxIdleMs,
    now: Date.now,
  });
  const client = createClient(
    {
      endpoint: order.endpoint,
      credentials: {
        accessKeyId: SANDBOX_CREDENTIALS.accessKeyId,
        accessKeySecret: new Secret(SANDBOX_CREDENTIALS.accessKeySecret),
      },
      agent,
    },
    {
      monotonic,
      random: Math.random,
      sleep: (ms) => sleepFor(ms),
      newNonce: () => randomBytes(16).toString("hex"),
    },
  );
  const upstream = createNumbersUpstream(client, monotonic);

  return {
    order,
    close: () => agent.destroy(),
    /** An Add, which is sent once. A read's retries would hide the first failure. */
    async call(patienceMs: number): Promise<string> {
      const number = { custSpaceId: "cust-a", cc: "49", phoneNumber: "15112345678" };
      try {
        const deadlineAt = monotonic() + patienceMs;
        await upstream.add({ ...number, verifiedName: "Frozen" }, { deadlineAt });
        return "ok";
      } catch (error) {
        return isAppError(error) ? error.code : "ERR_FOREIGN";
      }
    },
  };
}

const report = (message: FrozenReport) => process.send?.(message);

const orders = JSON.parse(process.argv[2] ?? "") as readonly FrozenOrder[];
const clients = orders.map(open);
await Promise.all(
  clients.flatMap(({ order, call }) => Array.from({ length: order.sockets }, () => call(10_000))),
);
const idleAt = Date.now();
const calls = clients.map(
  ({ order, call }) =>
    new Promise<{ outcome: string; lateMs: number }>((resolve) => {
      setTimeout(async () => {
        const lateMs = Date.now() - idleAt - order.dueMs;
        resolve({ outcome: await call(order.patienceMs), lateMs });
      }, order.dueMs);
    }),
);
report({ kind: "idle" });

const called = await Promise.all(calls);
report({
  kind: "called",
  outcomes: called.map(({ outcome }) => outcome),
  lateMs: Math.min(...called.map(({ lateMs }) => lateMs)),
});
for (const { close } of clients) close();
process.disconnect?.();
