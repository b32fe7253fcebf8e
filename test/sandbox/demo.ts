import "../support/replaced-packages.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { printable } from "../../shared/ctl/printable.ts";
import {
  newApiKey,
  newWebhookSecret,
  SANDBOX_CREDENTIALS,
  sandboxEnvironment,
} from "./environment.ts";
import { type LocalFunctions, startFunctions } from "./functions.ts";
import { startReceiver } from "./receiver.ts";
import { startUpstream } from "./upstream.ts";

const HELP = `npm run demo

Runs everything once on this machine, without an account or a server. It adds a number and changes
its status upstream. poll sees the change, and a signed event reaches a receiver that verifies it.
An outage of the receiver and a restart of the functions lose nothing. Exits 1 if a step fails.

  --json   prints the receiver's events as JSON lines at the end
  --help   prints this text
`;

const CUSTOMER = "cust-space-1";
const CC = "49";
const NATIONAL = "15112345678";
const NUMBER = CC + NATIONAL;
const INTERVAL_MS = 1_000;

const began = performance.now();
let step = 0;

function say(text: string): void {
  step += 1;
  const seconds = ((performance.now() - began) / 1000).toFixed(1).padStart(4);
  console.log(`\n[${seconds} s] ${step}. ${text}`);
}

function show(text: string): void {
  console.log(printable(`         ${text}`));
}

function check(isRight: boolean, what: string): void {
  if (!isRight) throw new Error(`this step failed: ${what}`);
  console.log(`         ok: ${what}`);
}

async function demo(): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "waba-numbers-demo-"));
  const secret = newWebhookSecret();
  const apiKey = newApiKey();
  const upstream = await startUpstream({ credentials: [SANDBOX_CREDENTIALS] });
  const receiver = await startReceiver({ secrets: [secret] });
  const environment = sandboxEnvironment({
    upstreamUrl: upstream.url,
    receiverUrl: receiver.url,
    webhookSecret: secret,
    apiKey,
    storeUrl: `pglite:${path.join(folder, "store")}`,
    pollIntervalSeconds: INTERVAL_MS / 1000,
  });
  const start = () =>
    startFunctions({
      environment: { ...environment, LOG_LEVEL: "error" },
      // Each add leaves an audit line at every level, and this is for people.
      writeLog(line) {
        if (JSON.parse(line).level === "error") console.error(line);
      },
    });
  const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
  let functions: LocalFunctions | undefined;

  try {
    say("Start the three functions, a simulated Alibaba Cloud upstream and a webhook receiver");
    functions = await start();
    upstream.control.addCustomer(CUSTOMER);
    show(`functions  ${functions.platform.url}   (add, query; poll runs by timer)`);
    show(`upstream   ${upstream.url}   (checks every signature itself)`);
    show(`receiver   ${receiver.url}   (verifies with the public standardwebhooks package)`);

    say(`Add +${CC} ${NATIONAL} for the customer ${CUSTOMER}: POST /add`);
    const added = await fetch(`${functions.platform.url}/add`, {
      method: "POST",
      headers: { ...headers, "idempotency-key": "demo-1" },
      body: JSON.stringify({
        custSpaceId: CUSTOMER,
        cc: `+${CC}`,
        phoneNumber: "151 1234-5678",
        verifiedName: "Bäckerei 阿里",
      }),
    });
    const answer = (await added.json()) as Record<string, unknown>;
    show(`${added.status} ${JSON.stringify(answer)}`);
    check(
      added.status === 201 && answer.phoneNumber === NUMBER,
      "the upstream accepted the number",
    );

    say("Query it: GET /query?custSpaceId=…");
    const queried = await fetch(`${functions.platform.url}/query?custSpaceId=${CUSTOMER}`, {
      headers,
    });
    const list = (await queried.json()) as { phoneNumbers: Record<string, unknown>[] };
    show(`status ${list.phoneNumbers[0]?.status}, name review ${list.phoneNumbers[0]?.nameStatus}`);
    check(list.phoneNumbers[0]?.status === "PENDING", "it waits for verification");

    say("poll reads the customer for the first time: a baseline, so no event");
    await functions.poll();
    check(receiver.received().length === 0, "nothing was sent");

    say("The number is connected upstream, and poll sees it");
    upstream.control.connect(CUSTOMER, NUMBER);
    await sleep(INTERVAL_MS);
    await functions.poll();
    showLast();
    check(last()?.type === "whatsapp.phone_number.changed", "one signed event for all its changes");

    say("Its quality drops from GREEN to RED");
    upstream.control.setNumber(CUSTOMER, NUMBER, { QualityRating: "RED" });
    await sleep(INTERVAL_MS);
    await functions.poll();
    showLast();
    check(lastChange("qualityRating") === "GREEN -> RED, critical", "before, after and severity");

    say("The receiver goes down. Meanwhile the number is banned");
    receiver.behave({ status: 503 });
    upstream.control.setNumber(CUSTOMER, NUMBER, { Status: "BANNED" });
    await sleep(INTERVAL_MS);
    const during = await functions.poll();
    show(
      `poll says: ${during.changed} changed, ${during.delivered} delivered, ${during.pending} pending`,
    );
    check(during.pending === 1, "the event is kept");

    say("The functions stop and start again. All their state is in the store's folder");
    await functions.close();
    functions = await start();
    receiver.behave("ok");
    await sleep(INTERVAL_MS);
    const after = await functions.poll();
    show(`poll says: ${after.delivered} delivered, ${after.pending} pending`);
    showLast();
    check(lastChange("status") === "CONNECTED -> BANNED, critical", "nothing was lost");

    say("The receiver's own record");
    const receipts = receiver.received();
    for (const { sequence, type, id } of receipts) show(`${sequence}  ${type}  ${id}`);
    check(receipts.length === 3, "three events, each once");
    check(receiver.problems().length === 0, "all signatures verified, in order, no gap");
    if (process.argv.includes("--json")) {
      for (const { event } of receipts) console.log(printable(JSON.stringify(event)));
    }
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(
      `\nDone in ${seconds} s. Keep the same stack running, with a page to play with: npm start`,
    );
  } finally {
    await functions?.close();
    await upstream.close();
    await receiver.close();
    await rm(folder, { recursive: true, force: true });
  }

  function last() {
    return receiver.received().at(-1);
  }

  function changes() {
    const data = last()?.event.data as
      | { changes?: { field: string; from: string; to: string; severity: string }[] }
      | undefined;
    return data?.changes ?? [];
  }

  function lastChange(field: string): string | undefined {
    const change = changes().find((c) => c.field === field);
    return change && `${change.from} -> ${change.to}, ${change.severity}`;
  }

  function showLast(): void {
    show(`receiver got ${last()?.type} (${last()?.id}), signature verified`);
    for (const { field, from, to, severity } of changes()) {
      show(`  ${field}: ${from} -> ${to} (${severity})`);
    }
  }
}

if (process.argv.includes("--help")) {
  console.log(HELP);
} else {
  try {
    await demo();
  } catch (error) {
    console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
