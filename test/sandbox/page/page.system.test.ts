import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifyWebhook } from "../../../shared/receiver/verify.ts";
import type { Stack } from "../stack.ts";
import { type Ask, askPage, messages, readStream } from "./page-client.ts";
import { startTestStack } from "./page-rig.ts";
import type { PageChange, PageState } from "./state.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack.close());

const ask = (...request: Ask) => askPage(stack.url, ...request);
const JSON_TYPE = { "content-type": "application/json" };
const own = () => ({ ...JSON_TYPE, origin: stack.url, "sec-fetch-site": "same-origin" });
const press = (control: string, body: unknown, headers: Readonly<Record<string, string>> = own()) =>
  ask("POST", `/page/${control}`, headers, JSON.stringify(body));

async function snapshot(): Promise<PageState> {
  const text = await readStream(stack.url, (read) => /event: snapshot\n[^\n]*\n\n/.test(read));
  return messages(text, "snapshot")[0] as PageState;
}

/** A customer with one number, and the event of a change of it. */
async function makeEvent(custSpaceId: string, quality: string) {
  const control = stack.upstream?.control;
  control?.addCustomer(custSpaceId, [{ PhoneNumber: "4915100000009", Status: "CONNECTED" }]);
  await press("customer", { custSpaceId });
  await press("poll", {});
  control?.setNumber(custSpaceId, "4915100000009", { QualityRating: quality });
  await press("poll", {});
  return (await snapshot()).events.find(({ customer }) => customer === custSpaceId);
}

describe("the page's files", () => {
  it("are served with a policy that lets nothing in from elsewhere", async () => {
    const page = await ask("GET", "/");

    expect(page.status).toBe(200);
    expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(page.headers["content-security-policy"]).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
        "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
        "require-trusted-types-for 'script'",
    );
    expect(page.headers["cache-control"]).toBe("no-store");
    expect(page.headers["cross-origin-resource-policy"]).toBe("same-origin");
    expect(page.text).not.toMatch(/https?:|<style|style=|<script>|onclick/);
    for (const path of ["/page/page.js", "/page/theme.js", "/page/page.css", "/page/icon.svg"]) {
      const file = await ask("GET", path);
      expect(file.status).toBe(200);
      expect(page.text).toContain(`"${path}"`);
    }
    expect((await ask("GET", "/page/nothing.js")).status).toBe(404);
    expect((await ask("DELETE", "/page/poll", own())).status).toBe(405);
  });

  it("have the OpenAPI document with this address beside them", async () => {
    const answer = await ask("GET", "/openapi.json");
    expect(answer.headers["content-type"]).toBe("application/json");
    const { openapi, servers, paths } = JSON.parse(answer.text);
    expect([openapi, servers]).toEqual(["3.1.0", [{ url: "/" }]]);
    expect(paths["/query"].get.operationId).toBe("queryNumbers");
    expect((await ask("GET", "/openapi.json", { host: "rebound.example" })).status).toBe(403);
  });

  it("leave the functions' own paths alone", async () => {
    const answer = await ask("GET", "/query");
    expect(answer.status).toBe(401);
    expect(answer.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
    expect(answer.headers["content-security-policy"]).toBeUndefined();
  });
});

describe("what other sites may do", () => {
  it.each([
    ["a name of its own for this machine", { host: "rebound.example:8787" }],
    ["the right name with another port", { host: "127.0.0.1:1" }],
    [
      "a script's request from elsewhere",
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" },
    ],
    ["another port's page", { "sec-fetch-site": "same-site", "sec-fetch-mode": "cors" }],
  ])("is not to read it by %s", async (_, headers) => {
    for (const path of ["/", "/page/stream", "/page/page.js"]) {
      const answer = await ask("GET", path, headers);
      expect(answer.status).toBe(403);
      expect(answer.text).not.toContain(stack.apiKey);
    }
  });

  it("is to link to it", async () => {
    const headers = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    expect((await ask("GET", "/", headers)).status).toBe(200);
  });

  it.each([
    ["another origin", { ...JSON_TYPE, origin: "http://elsewhere.example" }],
    ["another port", { ...JSON_TYPE, origin: "http://127.0.0.1:1" }],
    ["no origin at all", { ...JSON_TYPE, origin: "null" }],
    ["a form", { "content-type": "text/plain", "sec-fetch-site": "cross-site" }],
    ["a browser that names its site alone", { ...JSON_TYPE, "sec-fetch-site": "cross-site" }],
  ])("is not to post from %s", async (_, headers) => {
    const answer = await press("receiver", { isUp: false }, headers);
    expect(answer.status).toBe(403);
    expect((await snapshot()).overview.receiver.sandbox?.isUp).toBe(true);
  });

  it("is not to post under another name of this machine", async () => {
    const headers = { ...JSON_TYPE, host: "rebound.example", origin: "http://rebound.example" };
    expect((await press("receiver", { isUp: false }, headers)).status).toBe(403);
  });
});

describe("the controls", () => {
  it.each([
    ["poll", "{", 400, "The body must be JSON of up to 10000 bytes."],
    ["poll", `"${"x".repeat(10_001)}"`, 400, "The body must be JSON of up to 10000 bytes."],
    ["nothing", "{}", 404, "The page has no such control."],
    ["toString", "{}", 404, "The page has no such control."],
    ["customer", '{"custSpaceId":"self"}', 409, "custSpaceId must not be self."],
    [
      "customer",
      '{"custSpaceId":"a b"}',
      409,
      "custSpaceId must be 1 to 128 letters, digits, _ or -.",
    ],
    [
      "number",
      '{"custSpaceId":"nobody","phoneNumber":"1","action":"remove"}',
      409,
      "The upstream does not list this number.",
    ],
  ])("answer %s %s with %i", async (control, body, status, error) => {
    const answer = await ask("POST", `/page/${control}`, own(), body);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toEqual({ error });
  });

  it("take a program that is no browser", async () => {
    const answer = await press("customer", { custSpaceId: "by-program" }, JSON_TYPE);
    expect(answer.status).toBe(200);
    expect((await snapshot()).customers.map(({ id, isWatched }) => [id, isWatched])).toContainEqual(
      ["by-program", true],
    );
  });

  it("make the upstream throttle, and stop it", async () => {
    await press("upstream", { fault: "throttling" });
    const query = () =>
      fetch(`${stack.url}/query?custSpaceId=cust-space-1`, {
        headers: { authorization: `Bearer ${stack.apiKey}` },
      });
    const before = (await snapshot()).overview.upstream;
    expect(before.fault).toBe("throttling");
    const throttled = query();
    await readStream(stack.url, (text) => /"throttled":[1-9]/.test(text));
    await press("upstream", { fault: "none" });
    // A live query is never sent again, so that poll keeps its share of the account's calls.
    expect((await throttled).status).toBe(503);
    await expect.poll(async () => (await query()).status, { timeout: 10_000 }).toBe(200);
    expect((await snapshot()).overview.upstream.throttled).toBeGreaterThan(before.throttled);
  });
});

describe("the stream", () => {
  it("begins with how to come back and everything, then sends what changed alone", async () => {
    const reading = readStream(
      stack.url,
      (text) => text.includes('"removedSoon"') || /event: change/.test(text),
    );
    const first = await snapshot();
    expect(first.apiKey).toBe(stack.apiKey);
    expect(first.overview.upstream.isSimulated).toBe(true);
    stack.upstream?.control.addCustomer("came-later", [{ PhoneNumber: "4915112345678" }]);

    const text = await reading;

    expect(text.startsWith("retry: 1000\n\nevent: snapshot\ndata: {")).toBe(true);
    const changes = messages(text, "change") as PageChange[];
    const ids = changes.flatMap(({ customers = [] }) => customers.map(({ id }) => id));
    expect(ids).toEqual(["came-later"]);
  });

  it("shows a change upstream beside what poll knows, then the event with its way", async () => {
    const control = stack.upstream?.control;
    control?.addCustomer("shown", [{ PhoneNumber: "4915100000009", Status: "CONNECTED" }]);
    await press("customer", { custSpaceId: "shown" });
    await press("poll", {});
    control?.setNumber("shown", "4915100000009", { QualityRating: "RED" });

    const shown = (await snapshot()).customers.find(({ id }) => id === "shown");
    const quality = shown?.numbers[0]?.fields.find(({ name }) => name === "qualityRating");
    expect(quality).toEqual({
      name: "qualityRating",
      now: "RED",
      known: "UNKNOWN",
      level: "critical",
    });

    await press("poll", {});
    const { events, overview } = await snapshot();
    const event = events.at(-1);
    expect(event?.type).toBe("whatsapp.phone_number.changed");
    expect(event?.changes).toEqual([
      {
        field: "qualityRating",
        from: "UNKNOWN",
        to: "RED",
        direction: "unknown",
        severity: "critical",
        fromLevel: "info",
        toLevel: "critical",
      },
    ]);
    expect(event?.delayMs).toBeGreaterThan(0);
    expect(event?.delayMs).toBeLessThan(10_000);
    expect(event?.state).toBe("delivered");
    expect(event?.attempts).toMatchObject([{ status: "204", answer: "", isAccepted: true }]);
    expect(JSON.parse(event?.body ?? "").data.phoneNumber).toBe("4915100000009");
    expect(overview.poll.last?.changed).toBe(1);
    expect(overview.receiver).toMatchObject({
      sandbox: { isUp: true, problemCount: 0, lastProblems: [] },
      lastAttempt: { status: "204", isAccepted: true },
    });
    expect(overview.receiver.delivered).toBe(stack.receiver?.received().length);
  });

  it("signs an event again, so that a verifier takes it, and sends it with its mark", async () => {
    const event = await makeEvent("signed", "RED");
    const signed = JSON.parse((await press("sign", { id: event?.id })).text);
    expect(signed.url).toBe(stack.receiver?.url);
    const headers = Object.fromEntries(signed.headers);
    const verified = verifyWebhook(signed.body, headers, stack.webhookSecret);
    expect(verified.id).toBe(event?.id);

    expect((await press("resend", { id: event?.id })).status).toBe(200);

    const last = stack.receiver?.received().at(-1);
    expect(last).toMatchObject({ id: event?.id, redelivery: true, body: event?.body });
    const now = (await snapshot()).events.find(({ id }) => id === event?.id);
    expect(now?.attempts.map(({ status, isResend }) => [status, isResend])).toEqual([
      ["204", false],
      ["204", true],
    ]);
    const unknown = await press("sign", { id: "evt_none" });
    expect(JSON.parse(unknown.text)).toEqual({
      error: "The page keeps the last hundred events, and this is none of them.",
    });
  });

  it("shows what the receiver answers, and does not send again what waits its turn", async () => {
    await makeEvent("waits", "RED");
    stack.receiver?.behave({ status: 503, times: 1 });
    stack.upstream?.control.setNumber("waits", "4915100000009", { QualityRating: "GREEN" });
    const run = press("poll", {});
    const waits = async () => (await snapshot()).events.find(({ state }) => state === "waiting");
    await expect.poll(async () => (await waits())?.attempts.length, { timeout: 10_000 }).toBe(1);
    const event = await waits();
    expect(event?.attempts).toMatchObject([{ status: "503", isAccepted: false }]);
    const answer = await press("resend", { id: event?.id });
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      409,
      { error: "It waits its turn." },
    ]);
    await run;
    expect(await waits()).toBeUndefined();
  });

  it("ends when the page is closed", async () => {
    const other = await startTestStack();
    const response = await fetch(`${other.url}/page/stream`);
    await other.close();
    const rest = await response.text().catch(() => "cut off");
    expect(rest === "cut off" || rest.startsWith("retry: 1000\n\n")).toBe(true);
  });
});
