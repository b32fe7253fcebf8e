import { expect, it } from "vitest";
import { deliver, eventBody, SECRET } from "../receiver-test-sender.ts";
import type { Stack } from "../stack.ts";
import { describeInBrowser } from "./browser-rig.ts";
import { DESKTOP, fact, keyboard } from "./page-rig.ts";

/** One for each failed delivery that opens the breaker: a customer's own events wait in line. */
const CUSTOMERS = ["cust-1", "cust-2", "cust-3", "cust-4", "cust-5"];
const NUMBER = "4915112345678";

/** A receiver in so much trouble that poll sends it nothing but probes. */
async function openBreaker({ upstream, timer, functions, receiver }: Stack): Promise<void> {
  for (const id of CUSTOMERS) upstream?.control.addCustomer(id, [{ PhoneNumber: NUMBER }]);
  await functions.poll(JSON.stringify({ command: "watch", custSpaceIds: CUSTOMERS }));
  await timer.runNow();
  receiver?.behave({ status: 503 });
  for (const id of CUSTOMERS) upstream?.control.connect(id, NUMBER);
  // It ends when everything is delivered, or much later.
  void timer.runNow();
}

describeInBrowser("the receiver's card", ({ openStack, openPage }) => {
  it("hands the focus on when its button goes", async () => {
    const stack = await openStack();
    await openBreaker(stack);
    const { page } = await openPage(stack, { viewport: DESKTOP });
    const ask = page.getByRole("button", { name: "Try now" });
    await ask.waitFor();
    await keyboard(page).press(ask);
    await page.getByText("The receiver did not accept the test.").waitFor();

    stack.receiver?.behave("ok");
    await keyboard(page).press(ask);

    await ask.waitFor({ state: "hidden" });
    expect(await fact(page, "Receiver", "last answer").textContent()).toBe("204");
    expect(await page.evaluate("document.activeElement.id")).toBe("receiver-switch");
  });

  it("tells the last three problems in words", async () => {
    const stack = await openStack({ WEBHOOK_SECRET: SECRET });
    const { page } = await openPage(stack, { viewport: DESKTOP });
    const card = page.getByRole("article", { name: "Receiver" });
    expect(await card.getByRole("list").count()).toBe(0);

    for (const id of ["evt_1", "evt_2", "evt_3", "evt_4"]) {
      const options = { id, at: Date.now() };
      const status = await deliver(stack.receiver?.url ?? "", eventBody("evt_5", "1", []), options);
      expect(status).toBe(400);
    }

    await card.getByRole("heading", { name: "The last 3 of 4 problems" }).waitFor();
    expect(await card.getByRole("listitem").allTextContents()).toEqual([
      "evt_2: webhook-id is not the body's id",
      "evt_3: webhook-id is not the body's id",
      "evt_4: webhook-id is not the body's id",
    ]);
    const said = page.getByRole("status").filter({ hasText: "Problem at the receiver: evt_4:" });
    await said.waitFor({ state: "attached" });
  });
});
