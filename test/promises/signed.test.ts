import { Webhook } from "standardwebhooks";
import { expect, it } from "vitest";
import { verifyWebhook } from "../../shared/receiver/verify.ts";
import { NUMBER } from "../support/watch-builders.ts";
import { watched } from "./watched.ts";

/** One delivery as a receiver gets it, and the moment at which it does. */
async function deliverChange() {
  const { upstream, receiver, clock, secret, nextRun } = await watched({ acme: [NUMBER] });
  upstream.control.setNumber("acme", NUMBER, { Status: "BANNED" });
  await nextRun();
  const [delivery] = receiver.received();
  if (!delivery) throw new Error("nothing was delivered");
  return { ...delivery, secret, now: clock.now };
}

it("each event has the signature that a public Standard Webhooks library makes", async () => {
  const { id, body, headers, secret } = await deliverChange();
  const sentAt = new Date(Number(headers["webhook-timestamp"]) * 1_000);
  expect(headers["webhook-id"]).toBe(id);
  expect(headers["webhook-signature"]).toBe(new Webhook(secret).sign(id, sentAt, body));
});

it("the receiver's helper accepts an event as it was sent", async () => {
  const { body, headers, secret, now } = await deliverChange();
  expect(verifyWebhook(body, headers, secret, { now })).toMatchObject({
    type: "whatsapp.phone_number.changed",
    subject: NUMBER,
  });
});

it("the receiver's helper refuses an event that was changed, delayed or signed by another", async () => {
  const { body, headers, secret, now } = await deliverChange();
  const refuse = (...given: Parameters<typeof verifyWebhook>) => {
    expect(() => verifyWebhook(...given)).toThrow();
  };
  refuse(body.replace("BANNED", "CONNECTED"), headers, secret, { now });
  refuse(body, { ...headers, "webhook-id": "evt_other" }, secret, { now });
  refuse(body, headers, `whsec_${Buffer.alloc(32, 7).toString("base64")}`, { now });
  refuse(body, headers, secret, { now: () => now() + 301_000 });
});
