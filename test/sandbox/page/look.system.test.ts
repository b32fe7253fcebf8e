import { once } from "node:events";
import { createServer } from "node:http";
import axe, { type AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { SANDBOX_CREDENTIALS } from "../environment.ts";
import { startUpstream } from "../upstream.ts";
import { describeInBrowser, fill } from "./browser-rig.ts";
import {
  chooseNumber,
  DESKTOP,
  PHONE,
  pointer,
  rowOf,
  showTab,
  startTestStack,
} from "./page-rig.ts";
import { PAGE_STATES, type PageStateName } from "./page-states.ts";

const STATES = Object.keys(PAGE_STATES) as PageStateName[];

const eventCount = (page: Page) =>
  page.getByRole("list", { name: "Events" }).locator("> li").count();

/** What axe-core finds wrong, once it has looked at contrasts as well. */
async function violationsOf(page: Page) {
  const { violations, passes } = (await page.evaluate("axe.run()")) as AxeResults;
  const contrast = passes.find(({ id }) => id === "color-contrast");
  expect(contrast?.nodes.length).toBeGreaterThan(20);
  return violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]);
}

describeInBrowser("the page's look", ({ openStack, openPage, closeLater }) => {
  it.each(STATES)(
    "breaks no rule of axe-core in the state %s, at both widths, light and dark",
    async (state) => {
      const stack = await startTestStack(state === "trouble" ? { WATCH_HEALTH: "on" } : {});
      closeLater(stack.close);
      await PAGE_STATES[state](stack);
      const looks = [DESKTOP, PHONE].flatMap((viewport) =>
        (["light", "dark"] as const).map((colorScheme) => ({ viewport, colorScheme })),
      );
      const opened = await Promise.all(looks.map((look) => openPage(stack, look)));
      if (state === "lost") await stack.close();
      for (const [index, { page }] of opened.entries()) {
        await page.locator(`body[data-link=${state === "lost" ? "lost" : "live"}]`).waitFor();
        await page.evaluate(axe.source);
        expect([looks[index], await violationsOf(page)]).toEqual([looks[index], []]);
        const ground = await page.evaluate("getComputedStyle(document.body).backgroundColor");
        expect(ground).toBe(index % 2 === 0 ? "rgb(246, 247, 249)" : "rgb(15, 18, 22)");
        if (state === "first-start") continue;
        await chooseNumber(page, pointer, "+49151 1234 5678");
        expect(await violationsOf(page)).toEqual([]);
        await showTab(page, pointer, "Events");
        await page.locator(".event summary").first().click();
        expect(await violationsOf(page)).toEqual([]);
      }
    },
  );

  it("breaks no rule of axe-core while a form is wrong", async () => {
    const stack = await openStack();
    const { page } = await openPage(stack, { viewport: DESKTOP });
    await page.locator("#adder > summary").click();
    await page.getByRole("textbox", { name: "Number", exact: true }).fill("12");
    await page.getByRole("button", { name: "Add number" }).click();
    await page
      .getByText("must be 4 to 14 digits without the country code", { exact: true })
      .waitFor();
    await page.evaluate(axe.source);
    expect(await violationsOf(page)).toEqual([]);
  });

  it("keeps everything where it is while events arrive", async () => {
    const stack = await openStack();
    await PAGE_STATES.trouble(stack);
    const { page } = await openPage(stack, { viewport: DESKTOP });
    const places = () =>
      page.locator("main > *, .row, #number *, #event-list").evaluateAll((elements) =>
        elements.map((element) => {
          const { x, y, width } = element.getBoundingClientRect();
          return `${element.tagName} ${x} ${y} ${width}`;
        }),
      );
    await rowOf(page, "poll: CONNECTED").waitFor();
    const count = stack.receiver?.received().length ?? 0;
    await expect.poll(() => eventCount(page)).toBe(count);
    const before = await places();

    await stack.timer.runNow();
    await rowOf(page, "poll: CONNECTED").waitFor({ state: "detached" });

    await expect.poll(() => eventCount(page)).toBe(count + 1);
    expect(await places()).toEqual(before);
  });

  it("keeps the button Add in its place when it opens", async () => {
    const stack = await openStack();
    const { page } = await openPage(stack, { viewport: DESKTOP });
    const add = page.locator("#adder > summary");
    for (const viewport of [DESKTOP, PHONE]) {
      await page.setViewportSize(viewport);
      const before = await add.boundingBox();
      await add.click();
      expect([viewport, await add.boundingBox()]).toEqual([viewport, before]);
      await add.click();
    }
  });

  it("shows numbers and events side by side, and as tabs where there is no room", async () => {
    const stack = await openStack();
    await PAGE_STATES.trouble(stack);
    const { page } = await openPage(stack, { viewport: DESKTOP });
    const [numbers, events] = [page.locator("#numbers"), page.locator("#events")];
    expect([await numbers.isVisible(), await events.isVisible()]).toEqual([true, true]);
    await page.setViewportSize(PHONE);
    expect([await numbers.isVisible(), await events.isVisible()]).toEqual([true, false]);
    await page.getByRole("tab", { name: "Numbers" }).focus();
    await page.keyboard.press("ArrowRight");
    expect([await numbers.isVisible(), await events.isVisible()]).toEqual([false, true]);
    const tab = page.getByRole("tab", { name: "Events" });
    expect(await tab.getAttribute("aria-selected")).toBe("true");
  });

  it("remembers the theme, and rests when motion is not wanted", async () => {
    const stack = await openStack();
    await fill(stack);
    const { page } = await openPage(stack, {
      viewport: DESKTOP,
      colorScheme: "light",
    });
    const theme = page.getByRole("button", { name: /^Theme/ });
    await theme.click();
    await theme.click();
    expect(await theme.textContent()).toBe("Theme: dark");
    const ground = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    expect(await ground()).toBe("rgb(15, 18, 22)");

    await page.reload();

    await page.getByRole("button", { name: "Theme: dark" }).waitFor();
    expect(await ground()).toBe("rgb(15, 18, 22)");
    const motion = "getComputedStyle(document.querySelector('.event')).animationName";
    await page.locator(".event").first().waitFor();
    expect(await page.evaluate(motion)).toBe("none");
    await page.emulateMedia({ reducedMotion: "no-preference" });
    expect(await page.evaluate(motion)).toBe("arrive");
  });

  it("says when npm start is gone, and goes on with the next one", async () => {
    const first = await startTestStack();
    const { page } = await openPage(first, { viewport: DESKTOP });
    await first.close();
    await page
      .getByText("The connection to npm start is lost.", { exact: false })
      .first()
      .waitFor();
    const said = page.locator("#announcer").filter({ hasText: "UNKNOWN: The connection" });
    await said.waitFor({ state: "attached" });
    // Nothing keeps a colour that says how it is.
    const tones = await page.evaluate(`[...new Set(
      [...document.querySelectorAll("main [data-level]")].map((element) =>
        getComputedStyle(element).getPropertyValue("--tone")),
    )]`);
    expect(tones).toEqual(["light-dark(#59626e, #a0aab6)"]);

    const port = Number(new URL(first.url).port);
    // After an answer that is no stream, a browser does not try again by itself.
    const between = createServer((_, response) => response.writeHead(404).end());
    between.listen(port, "127.0.0.1");
    await once(between, "request");
    between.closeAllConnections();
    await new Promise((resolve) => between.close(resolve));
    const second = await openStack({}, port);
    second.upstream?.control.addCustomer("cust-space-after");

    await rowOf(page, "cust-space-after").waitFor();
    expect(await page.locator("#link").textContent()).toBe("Live");
    expect(await page.locator("#verdict-word").textContent()).toBe("READY");
  });

  it("says near a field what is wrong with it, and goes there", async () => {
    const stack = await openStack();
    const { page } = await openPage(stack, { viewport: DESKTOP });
    const number = page.getByRole("textbox", { name: "Number", exact: true });
    await page.locator("#adder > summary").click();
    await number.fill("+49 151 12345678");

    await page.getByRole("button", { name: "Add number" }).click();

    await page
      .getByText("begins with the country code; send it without", { exact: true })
      .waitFor();
    expect(await number.getAttribute("aria-invalid")).toBe("true");
    expect(
      await number.evaluate((element) => element === element.ownerDocument.activeElement),
    ).toBe(true);
    await page.getByText("The answer: HTTP 400").click();
    await page.getByText('"code": "ERR_INVALID_REQUEST"').waitFor();
  });

  it("has no button that changes the real upstream, and hides its numbers", async () => {
    const real = await startUpstream({ credentials: [SANDBOX_CREDENTIALS] });
    closeLater(real.close);
    real.control.addCustomer("their-space", [{ PhoneNumber: "4915112345678" }]);
    const stack = await openStack({
      ALIBABA_CLOUD_ACCESS_KEY_ID: SANDBOX_CREDENTIALS.accessKeyId,
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: SANDBOX_CREDENTIALS.accessKeySecret,
      CAMS_ENDPOINT: real.url,
      WATCH_CUST_SPACES: "their-space",
    });
    await stack.timer.runNow();
    real.control.connect("their-space", "4915112345678");
    await stack.timer.runNow();
    const { page, faults } = await openPage(stack, { viewport: DESKTOP });

    await page.getByText("The real upstream: nothing here changes it.").waitFor();
    await rowOf(page, "*********5678").waitFor();
    await page.locator(".event summary").first().click();
    await page.getByLabel("The body, indented here").getByText("*********5678").first().waitFor();

    expect(await page.getByRole("button", { name: "Add number" }).count()).toBe(0);
    expect(await page.getByRole("group", { name: /^Change/ }).count()).toBe(0);
    expect(await page.getByLabel("What the upstream does").isVisible()).toBe(false);
    expect(await page.content()).not.toContain("4915112345678");
    expect(await page.locator(".row").first().textContent()).toContain("CONNECTED");
    expect(faults).toEqual([]);
  });
});
