import { expect, it } from "vitest";
import { CUSTOMER, describeInBrowser, fill } from "./browser-rig.ts";
import { DESKTOP, keyboard, pointer, rowOf, runPoll } from "./page-rig.ts";

describeInBrowser("the page's numbers", ({ openStack, openPage }) => {
  it("come the worst first, are summed by severity, and each sum shows its own", async () => {
    const stack = await openStack();
    await fill(stack);
    const { page } = await openPage(stack, { viewport: DESKTOP });
    const shown = () => page.locator(".row .digits").allTextContents();
    await rowOf(page, "+49151 0000 0002").getByText("BANNED").waitFor();

    expect(await shown()).toEqual([
      "+49151 0000 0001",
      "+49151 0000 0002",
      "+49151 0000 0003",
      "+49151 0000 0004",
      "cust-space-empty",
    ]);
    const sums = await page.locator("#levels label").allInnerTexts();
    expect(sums.map((text) => text.replaceAll(/\s+/g, " "))).toEqual([
      "5 all",
      "✖ 2 critical",
      "▲ 2 warning",
      "○ 1 on the way",
      "● 0 in service",
    ]);

    await page.locator("#levels label").filter({ hasText: "warning" }).click();
    expect(await shown()).toEqual(["+49151 0000 0003", "+49151 0000 0004"]);
    await page.getByLabel("Show the customer").selectOption("cust-space-empty");
    await page.getByText("No such number.").waitFor();
    await page.locator("#levels label").filter({ hasText: "all" }).click();
    expect(await shown()).toEqual(["cust-space-empty"]);
    await rowOf(page, "cust-space-empty").click();
    await page.getByRole("heading", { name: "cust-space-empty" }).waitFor();
    expect(await page.getByText("Why it cannot send").isVisible()).toBe(false);
  });

  it("names a customer that cannot be read, with what the upstream said", async () => {
    const stack = await openStack();
    stack.upstream?.control.addCustomer("refused");
    stack.upstream?.control.refuse("refused", "Product.Unsubscript");
    await stack.functions.poll('{"command":"watch","custSpaceIds":["refused"]}');
    await stack.timer.runNow();
    const { page } = await openPage(stack, { viewport: DESKTOP });
    const row = rowOf(page, "refused");
    await row.getByText("cannot be read: Product.Unsubscript").waitFor();
    expect(await row.getAttribute("data-level")).toBe("warning");
  });

  it("show every watched field of the chosen one, as upstream and as read by poll", async () => {
    const stack = await openStack();
    const control = stack.upstream?.control;
    control?.addCustomer(CUSTOMER, [{ PhoneNumber: "4915100000001", VerifiedName: "Old Name" }]);
    const { page } = await openPage(stack, { viewport: DESKTOP });
    await rowOf(page, "not read by poll yet").waitFor();
    await page.locator("#adder > summary").click();
    await page.getByLabel("New customer").fill(CUSTOMER);
    await page.getByRole("button", { name: "Add customer" }).click();
    await runPoll(page, pointer);
    await rowOf(page, "not read by poll yet").waitFor({ state: "detached" });
    const fields = page.getByRole("table", { name: "Watched fields" });
    expect(await fields.getByRole("rowheader").allTextContents()).toEqual([
      "status",
      "quality rating",
      "code verification status",
      "name status",
      "new name status",
      "messaging limit tier",
      "is official",
      "verified name",
    ]);

    control?.setNumber(CUSTOMER, "4915100000001", { VerifiedName: "New Name Of Theirs GmbH" });

    const name = fields.getByRole("row").filter({ hasText: "verified name" });
    await name.getByText("New Name Of Theirs GmbH").waitFor();
    expect(await name.locator("td").allTextContents()).toEqual([
      "○New Name Of Theirs GmbH",
      "○Old Name",
    ]);
    await runPoll(page, pointer);
    await name.locator("td").nth(1).getByText("New Name Of Theirs GmbH").waitFor();
  });

  it("keep the focus and the chosen one while they change places", async () => {
    const stack = await openStack();
    await fill(stack);
    const { page } = await openPage(stack, { viewport: DESKTOP });
    const last = rowOf(page, "+49151 0000 0004");
    await keyboard(page).choose(last);

    stack.upstream?.control.setNumber(CUSTOMER, "4915100000004", { Status: "BANNED" });

    await last.getByText("BANNED").waitFor();
    const digits = await page.locator(".row .digits").allTextContents();
    expect(digits.indexOf("+49151 0000 0004")).toBe(2);
    expect(await last.evaluate((row) => row === row.ownerDocument.activeElement)).toBe(true);
    expect(await page.locator("#number-title").textContent()).toBe("+49151 0000 0004");
  });

  it("shows eighty of a thousand and finds the others", async () => {
    const stack = await openStack();
    for (let index = 2; index <= 1000; index += 1) {
      const id = `cust-space-${String(index).padStart(4, "0")}`;
      stack.upstream?.control.addCustomer(id, [{ PhoneNumber: String(4915200000000 + index) }]);
    }
    const { page, faults } = await openPage(stack, { viewport: DESKTOP });
    const rows = page.locator(".row");
    await rows.first().waitFor();
    expect(await rows.count()).toBe(80);
    await page.getByText("920 more numbers not shown. Search for them.").waitFor();

    await page.getByRole("searchbox").fill("+49152 0000 0777");

    await page.getByText("more numbers not shown").waitFor({ state: "hidden" });
    expect(await rows.count()).toBe(1);
    expect(await rows.textContent()).toContain("cust-space-0777");
    await page.getByRole("searchbox").fill("no such thing");
    await page.getByText("Nothing fits “no such thing”.").waitFor();
    expect(faults).toEqual([]);
  });
});
