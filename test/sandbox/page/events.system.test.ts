import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { verifyWebhook } from "../../../shared/receiver/verify.ts";
import { CUSTOMER, describeInBrowser, fill } from "./browser-rig.ts";
import { DESKTOP } from "./page-rig.ts";
import { PAGE_STATES } from "./page-states.ts";

const run = promisify(execFile);

describeInBrowser("the page's events", ({ openStack, openPage }) => {
  it("are copied as body, headers and curl, with which a verifier can be tried", async () => {
    const stack = await openStack();
    await fill(stack);
    const { page, faults } = await openPage(stack, { viewport: DESKTOP });
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.locator(".event summary").first().click();
    const copied = async (what: string) => {
      await page.getByRole("button", { name: `Copy ${what}` }).click();
      await page.locator("[data-copied]").filter({ hasText: what }).waitFor();
      return (await page.evaluate("navigator.clipboard.readText()")) as string;
    };

    const body = await copied("body");
    const lines = (await copied("headers")).split("\n").map((line) => line.split(": "));
    const event = verifyWebhook(body, Object.fromEntries(lines), stack.webhookSecret);
    expect(event.type).toBe("whatsapp.phone_number.changed");
    const before = stack.receiver?.received().length ?? 0;
    const { stdout } = await run("sh", ["-c", await copied("curl")]);
    expect(stdout).toMatch(/^HTTP\/1\.1 204 /);
    expect(stack.receiver?.received()).toHaveLength(before + 1);
    expect(faults).toEqual([]);
  });

  it("can be filtered by type, severity, delivery, customer and text, and opened by a link", async () => {
    const stack = await openStack();
    await PAGE_STATES.trouble(stack);
    const { page } = await openPage(stack, { viewport: DESKTOP });
    const titles = () => page.locator(".event h3").allTextContents();
    await expect.poll(titles).toHaveLength(5);
    const all = await titles();

    await page.getByLabel("Severity of events").selectOption("critical");
    expect(await titles()).toEqual(["+49151 1234 5678"]);
    await page.getByLabel("Severity of events").selectOption("");
    await page.getByLabel("Type of events").selectOption({ label: "phone_number.discovered" });
    expect(await titles()).toEqual(["+49151 1234 9011"]);
    await page.getByLabel("Type of events").selectOption("");
    await page.getByLabel("Delivery of events").selectOption("waiting");
    await page.getByText("No event fits.").waitFor();
    await page.getByLabel("Delivery of events").selectOption("");
    await page.getByLabel("Show the customer").selectOption("cust-space-2");
    expect(await titles()).toEqual(["+65 9123 8901", "+65 9123 4567"]);
    await page.getByLabel("Show the customer").selectOption("");
    await page.getByRole("searchbox").fill("quality rating");
    expect(await titles()).toEqual(
      all.filter((title) => !title.includes("9011") && !title.includes("4567")),
    );

    await page.getByRole("searchbox").fill("");
    const id = await page.locator(".event").last().getAttribute("id");
    await page.goto(`${stack.url}/#${id}`);
    await page.reload();
    await page.locator(`.event[id="${id}"] details[open]`).waitFor();
  });

  it("and numbers show what a customer wrote as text", async () => {
    const stack = await openStack();
    const name = `<img src=x onerror="document.title='owned'">`;
    const number = { PhoneNumber: "4915100000001", VerifiedName: "Before", Status: "CONNECTED" };
    stack.upstream?.control.addCustomer(CUSTOMER, [number]);
    await stack.functions.poll(`{"command":"watch","custSpaceIds":["${CUSTOMER}"]}`);
    await stack.timer.runNow();
    stack.upstream?.control.setNumber(CUSTOMER, "4915100000001", { VerifiedName: name });
    await stack.timer.runNow();
    const { page, faults } = await openPage(stack, { viewport: DESKTOP });

    await page.locator(".event").getByText(name).first().waitFor();
    await page.locator(".row").getByText(name).first().waitFor();
    await page.locator("#number").getByText(name).first().waitFor();
    expect(await page.locator("main img").count()).toBe(0);
    expect(await page.title()).toBe("waba-numbers sandbox");
    expect(faults).toEqual([]);
  });

  it("and numbers keep the direction of a customer's name to that name", async () => {
    const stack = await openStack();
    const name = "Shop \u202Eliame";
    const number = { PhoneNumber: "4915100000001", VerifiedName: "Before", Status: "CONNECTED" };
    stack.upstream?.control.addCustomer(CUSTOMER, [number]);
    await stack.functions.poll(`{"command":"watch","custSpaceIds":["${CUSTOMER}"]}`);
    await stack.timer.runNow();
    stack.upstream?.control.setNumber(CUSTOMER, "4915100000001", { VerifiedName: name });
    await stack.timer.runNow();
    const { page } = await openPage(stack, { viewport: DESKTOP });
    await page.locator(".event").getByText(name).first().waitFor();
    await page.locator(".row").getByText(name).first().waitFor();
    await page.locator("#number").getByText(name).first().waitFor();

    const around = await page.locator("main").evaluate((main) => {
      const shown: (string | null)[][] = [];
      for (const element of main.querySelectorAll("*")) {
        const own = [...element.childNodes].filter(({ nodeType }) => nodeType === 3);
        if (!own.some(({ textContent }) => textContent?.includes("\u202E"))) continue;
        const style = element.ownerDocument.defaultView?.getComputedStyle(element);
        shown.push([element.textContent, style?.unicodeBidi ?? null]);
      }
      return shown;
    });
    expect(around.length).toBeGreaterThanOrEqual(4);
    expect(around.filter(([text, bidi]) => text !== name || bidi !== "isolate")).toEqual([]);
  });
});
