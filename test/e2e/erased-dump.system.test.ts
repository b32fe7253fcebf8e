import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { loadCustomer } from "../../shared/customers/customer.ts";
import { hintToken } from "../../shared/http/hint-token.ts";
import { moveToDeadLetters } from "../../shared/outbox/pending.ts";
import { Secret } from "../../shared/secret.ts";
import { openPostgresStore } from "../../shared/store/postgres.ts";
import { openStore } from "../kill/stores.ts";
import { type Stack, startStack } from "../sandbox/stack.ts";
import { runCtl } from "../shared/ctl/test-world.ts";

const run = promisify(execFile);
const server = process.env.TEST_POSTGRES_URL ?? "";
const hasDump = await run("pg_dump", ["--version"]).then(
  () => true,
  () => false,
);
const canDump = server !== "" && hasDump;
if (!canDump) console.warn("the dump of PostgreSQL is not searched: no server, or no pg_dump");

const NAME = "Grünwald Möbel";
const HINT_SECRET = "hint-secret-of-the-erased-dump";
/** One that is listed from the start, one that is added, and one of a customer that stays. */
const [LISTED, ADDED, OTHER] = ["4915112345678", "4917298765432", "4916055554444"] as const;

const authorized = ({ apiKey }: Stack) => ({ authorization: `Bearer ${apiKey}` });

async function add(stack: Stack, custSpaceId: string, phoneNumber: string): Promise<number> {
  const response = await fetch(`${stack.url}/add`, {
    method: "POST",
    headers: {
      ...authorized(stack),
      "content-type": "application/json",
      "idempotency-key": `of-${phoneNumber}`,
    },
    body: JSON.stringify({ custSpaceId, cc: "49", phoneNumber, verifiedName: NAME }),
  });
  return response.status;
}

/** Each place that can hold a customer's data gets some: delivered, refused and pending events too. */
async function live(stack: Stack, storeUrl: string): Promise<void> {
  const { upstream, receiver, functions } = stack;
  if (!upstream || !receiver) throw new Error("the sandbox has both");
  const poll = (command: object) => functions.poll(JSON.stringify(command));
  for (const customer of ["acme", "stays"]) upstream.control.addCustomer(customer);
  upstream.control.setNumber("acme", LISTED, { VerifiedName: NAME, Status: "CONNECTED" });
  upstream.control.setNumber("stays", OTHER, { VerifiedName: "Stays" });
  await poll({ command: "watch", custSpaceIds: ["acme", "stays"] });
  await functions.poll();
  expect(await add(stack, "acme", ADDED.slice(2))).toBe(201);
  // One that is still on its way: its intent and the stored answer are about the number as well.
  expect(await add(stack, "acme", ADDED.slice(2, -1))).toBeGreaterThanOrEqual(201);
  const error = { ErrorCode: 1, ErrorDescription: `${NAME} is blocked`, PossibleSolution: NAME };
  const health = { canSend: "BLOCKED", errors: [error] };
  upstream.control.setHealth("acme", LISTED, health as never);
  upstream.control.connect("acme", ADDED);
  upstream.control.reviewName("acme", ADDED, "APPROVED");
  for (const source of ["live", "stored"]) {
    const query = `${stack.url}/query?custSpaceId=acme&source=${source}`;
    const { status } = await fetch(query, { headers: authorized(stack) });
    expect(status).toBe(200);
  }
  await poll({ command: "resync", customer: "acme" });
  await functions.poll();
  expect(receiver.received().length).toBeGreaterThan(0);
  receiver.behave({ status: 500 });
  await poll({ command: "resync", customer: "acme" });
  await functions.poll();
  upstream.control.refuse("acme", "Product.Unsubscript");
  for (let runs = 0; runs < 5; runs += 1) await functions.poll();
  const store = await openPostgresStore({ url: storeUrl, newVersion: () => `dump${Date.now()}` });
  const row = (await loadCustomer(store, "acme"))?.value;
  const [event] = row?.pending ?? [];
  if (event) await moveToDeadLetters(store, "acme", event, 422, Date.now());
  const token = hintToken(new Secret(HINT_SECRET), "acme");
  await fetch(`${stack.url}/hint/acme/${token}`, { method: "POST", body: NAME });
  const prefixes = ["dead/acme", "sent/acme", "due/acme", "hot/acme", "hint/acme", "idem/"];
  for (const prefix of prefixes) {
    expect([prefix, (await store.scan(prefix, "", 1)).length]).toEqual([prefix, 1]);
  }
  expect(row).toMatchObject({
    numbers: { [LISTED]: { health: { canSend: "blocked" } } },
    onboarding: { [ADDED]: { completedAt: expect.any(String) } },
    failure: { code: "ERR_UPSTREAM_REJECTED" },
    pending: expect.arrayContaining([expect.objectContaining({ id: event?.id })]),
  });
  await store.close();
}

async function dump(schema: string): Promise<string> {
  const { stdout } = await run("pg_dump", ["--data-only", `--schema=${schema}`, server]);
  return stdout;
}

/** Of a number, also without its country code, and as bytes in hex or base64. */
const traces = [LISTED, ADDED, LISTED.slice(2), ADDED.slice(2), NAME, "Grünwald"].flatMap(
  (text) => [text, Buffer.from(text).toString("hex"), Buffer.from(text).toString("base64")],
);
const found = (text: string) => traces.filter((trace) => text.includes(trace));

describe.skipIf(!canDump)("an erased customer", () => {
  it("is in no row of a PostgreSQL dump and in no line of the log", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "waba-erased-"));
    const opened = await openStore("postgres", folder);
    if (typeof opened === "string") throw new Error(opened);
    const schema = new URL(opened.url).searchParams.get("options")?.split("=")[1] ?? "";
    const lines: string[] = [];
    const stack = await startStack({
      ...{ folder, port: 0, intervalSeconds: 3_600, writeLog: (line) => lines.push(line) },
      given: {
        ...{ STORE_URL: opened.url, LOG_LEVEL: "debug", POLL_INTERVAL_SECONDS: "1" },
        ...{ HINT_SECRET, WATCH_HEALTH: "on", TICK_SECONDS: "3" },
      },
    });
    try {
      await live(stack, opened.url);
      expect(found(await dump(schema))).toEqual(
        expect.arrayContaining([LISTED, ADDED, ADDED.slice(2), NAME]),
      );
      const ctl = ["erase", "acme", "--json", "--url", stack.url, "--key", stack.apiKey];
      const { out, err } = await runCtl(ctl);
      expect(JSON.parse(out)).toMatchObject({
        ...{ erased: ["acme"], numbers: 3, deadLetters: 1, storedResponses: 2 },
      });
      expect(found(`${out}${err}`)).toEqual([]);
      const left = await dump(schema);
      expect(found(left)).toEqual([]);
      expect(left).toContain(OTHER);
      await stack.functions.poll();
      expect(found(await dump(schema))).toEqual([]);
      expect(lines.length).toBeGreaterThan(5);
      expect(found(lines.join("\n"))).toEqual([]);
    } finally {
      await stack.close();
      await opened.close();
      await rm(folder, { recursive: true });
    }
  });
});
