import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decide } from "../../shared/changes/decide.ts";
import { afterFailedRead, afterGoodRead } from "../../shared/changes/failure.ts";
import type { CustomerRow, PendingEvent } from "../../shared/schemas/customer-row.ts";
import { aCustomer, createCommandRig } from "../shared/commands/command-rig.ts";
import { type History, hashOf, type Outcome, replay } from "./event-history.ts";

/**
 * Made by the code of the first edition (commit 3061704), which is not part of this tree. The rows
 * begin with a sequence ahead of the clock, where both editions count by one.
 */
const { histories, commands } = JSON.parse(
  readFileSync(new URL("first-edition-events.json", import.meta.url), "utf8"),
) as {
  readonly histories: readonly (History & Outcome)[];
  readonly commands: { readonly numbers: CustomerRow["numbers"]; readonly bodies: string[] };
};

describe("events have the bytes of the first edition", () => {
  it.each(histories)("for this history of reads: $name", (history) => {
    const { bodies, after } = replay(history, { decide, afterFailedRead, afterGoodRead });
    const found = bodies.map((body, index) =>
      history.bodies[index]?.startsWith("sha256:") ? hashOf(body) : body,
    );
    expect(found).toEqual(history.bodies);
    expect(after).toEqual(history.after);
  });

  it("for the commands resync and webhook enable", async () => {
    const rig = createCommandRig({ ALIBABA_CLOUD_ACCOUNT_ID: "1234567890123456", STAGE: "test" });
    await rig.put("c/acme", aCustomer({ seq: 2_000_000_000_000, numbers: commands.numbers }));
    await rig.run({ command: "resync" });
    await rig.run({ command: "webhook-enable" });
    const { pending } = (await rig.row("c/acme")) as { readonly pending: readonly PendingEvent[] };
    expect([...pending, ...rig.sent].map(({ body }) => body)).toEqual(commands.bodies);
  });

  it("for all ten types of events", () => {
    const bodies = [...histories.flatMap((history) => history.bodies), ...commands.bodies];
    const types = bodies
      .filter((body) => body.startsWith("{"))
      .map((body) => JSON.parse(body).type);
    expect([...new Set(types)].sort()).toEqual([
      "webhook.test",
      "whatsapp.onboarding.completed",
      "whatsapp.onboarding.stuck",
      "whatsapp.phone_number.changed",
      "whatsapp.phone_number.discovered",
      "whatsapp.phone_number.missing",
      "whatsapp.phone_number.returned",
      "whatsapp.phone_number.state",
      "whatsapp.watch.recovered",
      "whatsapp.watch.stale",
    ]);
  });
});
