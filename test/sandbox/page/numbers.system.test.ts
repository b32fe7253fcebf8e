import { expect, it } from "vitest";
import { CUSTOMER, describeInBrowser, fill } from "./browser-rig.ts";
import { DESKTOP, pointer, runPoll } from "./page-rig.ts";

describeInBrowser("the page's numbers", ({ openStack, openPage }) => {
  it("shows a name beside the one that poll knows, whole and with its title", async () => {
    const stack = await openStack();
    const control = stack.upstream?.control;
    control?.addCustomer(CUSTOMER, [{ PhoneNumber: "4915100000001", VerifiedName: "Old Name" }]);
    const { page } = await openPage(stack, { viewport: DESKTOP });
    const head = page.getByRole("rowheader", { name: "+49151 0000 0001" });
    await head.getByText("not read by poll yet").waitFor();
    expect(await head.locator(".text").textContent()).toBe("Old Name");
    await page.getByLabel("New customer").fill(CUSTOMER);
    await page.getByRole("button", { name: "Add customer" }).click();
    await runPoll(page, pointer);
    await head.getByText("not read by poll yet").waitFor({ state: "hidden" });

    control?.setNumber(CUSTOMER, "4915100000001", { VerifiedName: "New Name Of Theirs GmbH" });

    await head.getByText("poll: Old Name").waitFor();
    const name = head.locator(".value");
    expect(await name.getAttribute("title")).toBe("New Name Of Theirs GmbH");
    expect(await name.getAttribute("data-level")).toBe("info");
    expect(await head.locator(".text").textContent()).toBe("New Name Of Theirs GmbH");
    const hidden = await name.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
    expect(hidden).toBe(0);
    await runPoll(page, pointer);
    await head.getByText("poll: Old Name").waitFor({ state: "hidden" });
  });

  it("gives a customer without numbers a title as wide as the table", async () => {
    const stack = await openStack();
    await fill(stack);
    const { page } = await openPage(stack, { viewport: DESKTOP });
    const title = page.getByRole("rowheader", { name: "cust-space-empty" });
    await title.getByText("no numbers yet").waitFor();

    const widths = await page
      .locator("table, th.customer")
      .evaluateAll((elements) => elements.map((one) => one.getBoundingClientRect().width));

    expect(widths).toHaveLength(3);
    expect(new Set(widths).size).toBe(1);
  });

  it("shows forty of a thousand customers and finds the others", async () => {
    const stack = await openStack();
    for (let index = 2; index <= 1000; index += 1) {
      const id = `cust-space-${String(index).padStart(4, "0")}`;
      stack.upstream?.control.addCustomer(id, [{ PhoneNumber: String(4915200000000 + index) }]);
    }
    const { page, faults } = await openPage(stack, { viewport: DESKTOP });
    const customers = page.locator("tbody");
    await customers.first().waitFor();
    expect(await customers.count()).toBe(40);
    await page.getByText("960 more customers not shown; search for them.").waitFor();

    await page.getByRole("searchbox").fill("+49152 0000 0777");

    await page.getByText("more customers not shown").waitFor({ state: "hidden" });
    expect(await customers.count()).toBe(1);
    expect(await customers.textContent()).toContain("cust-space-0777");
    await page.getByRole("searchbox").fill("no such thing");
    await page.getByText("Nothing fits “no such thing”.").waitFor();
    expect(faults).toEqual([]);
  });
});
