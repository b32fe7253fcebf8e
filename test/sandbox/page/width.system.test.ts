import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import type { Stack } from "../stack.ts";
import { describeInBrowser, fill } from "./browser-rig.ts";
import { chooseNumber, DESKTOP, PHONE, pointer, showTab } from "./page-rig.ts";

/** As long as the schema lets it be, and without a place to break. */
const LONG_ID = "c".repeat(128);
const LONG_NAME = "Donaudampfschifffahrtsgesellschaft".repeat(3);
/** What a scrollbar that is always there takes from the page, and not from its media queries. */
const SCROLLBAR = 17;

/** A customer and a name that are as long as they come, with an event for both. */
async function fillLong({ upstream, timer, functions }: Stack): Promise<void> {
  const control = upstream?.control;
  control?.addCustomer(LONG_ID, [{ PhoneNumber: "4915100000005", VerifiedName: "Short" }]);
  await functions.poll(`{"command":"watch","custSpaceIds":["${LONG_ID}"]}`);
  await timer.runNow();
  control?.setNumber(LONG_ID, "4915100000005", { VerifiedName: LONG_NAME });
  await timer.runNow();
  control?.setNumber(LONG_ID, "4915100000005", { VerifiedName: "Short again" });
}

/** What sticks out of its panel or hides a part of itself. */
function cutOff(page: Page): Promise<unknown> {
  // Sent as text: what runs in the browser has the browser's types, and this file has not.
  return page.evaluate(`[...document.querySelectorAll("main *")].flatMap((element) => {
    const frame = element.closest(".panel, .party, .guide, .tools, .verdict");
    const isLeftOut = element.closest(".hidden, pre, option");
    if (!frame || isLeftOut || !element.checkVisibility()) return [];
    const isOut = element.getBoundingClientRect().right > frame.getBoundingClientRect().right + 1;
    const isCut = !["INPUT", "SELECT"].includes(element.tagName) && element.scrollWidth > element.clientWidth + 1;
    const isInline = getComputedStyle(element).display === "inline";
    return isOut || (isCut && !isInline) ? [element.tagName + " " + element.className] : [];
  })`);
}

describeInBrowser("the page's widths", ({ openStack, openPage }) => {
  it("leaves targets of 40 px and no sideways scrolling on a phone", async () => {
    const stack = await openStack();
    await fill(stack);
    const { page } = await openPage(stack, { viewport: PHONE });
    await page.locator("#adder > summary").click();
    const controls = page.locator(
      "button, input:not([type=radio]), select, summary, a, .sums label",
    );

    const small = async () => {
      const boxes = await controls.evaluateAll((elements) =>
        elements
          .map((element) => ({
            text: element.textContent,
            ...element.getBoundingClientRect().toJSON(),
          }))
          .filter(({ width, top }) => width > 0 && top >= 0),
      );
      expect(boxes.length).toBeGreaterThan(10);
      return boxes.filter(({ height }) => height < 40);
    };

    expect(await small()).toEqual([]);
    await chooseNumber(page, pointer, "+49151 0000 0001");
    expect(await small()).toEqual([]);
    await showTab(page, pointer, "Events");
    await page.locator(".event summary").first().click();
    expect(await small()).toEqual([]);
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(360);
  });

  it.each([
    ["values", fill],
    ["ids and names as long as they come", fillLong],
  ])("cuts nothing off at any width, of %s", async (_, fillStack) => {
    const stack = await openStack();
    await fillStack(stack);
    const { page } = await openPage(stack, { viewport: DESKTOP });
    await page.locator(".event summary").first().click();
    await page.locator("#adder > summary").click();
    // Both sides of each breakpoint, and each tab.
    const widths = [360, 390, 419, 420, 759, 760, 1099, 1100, 1280, 1600];
    const views = widths.flatMap((width) =>
      (["Numbers", "Events"] as const).map((tab) => ({ width, tab })),
    );
    for (const { width, tab } of views) {
      await page.setViewportSize({ width, height: 800 });
      await showTab(page, pointer, tab);
      for (const scrollbar of [0, SCROLLBAR]) {
        await page.evaluate(`document.body.style.marginRight = "${scrollbar}px"`);

        const scrollWidth = await page.evaluate("document.documentElement.scrollWidth");
        const found = { width, tab, scrollbar, scrollWidth, cut: await cutOff(page) };
        expect(found).toEqual({ width, tab, scrollbar, scrollWidth: width, cut: [] });
      }
    }
  });
});
