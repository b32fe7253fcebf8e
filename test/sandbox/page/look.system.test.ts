import { once } from "node:events";
import { createServer } from "node:http";
import axe, { type AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { SANDBOX_CREDENTIALS } from "../environment.ts";
import { startUpstream } from "../upstream.ts";
import { describeInBrowser, fill } from "./browser-rig.ts";
import { DESKTOP, PHONE, startTestStack } from "./page-rig.ts";

const eventCount = (page: Page) =>
  page.getByRole("list", { name: "Events" }).locator("> li").count();

describeInBrowser("the page's look", ({ openStack, openPage, closeLater }) => {
  it.each([
    ["light", DESKTOP, "rgb(244, 245, 247)"],
    ["dark", PHONE, "rgb(16, 19, 23)"],
  ] as const)(
    "breaks no rule of axe-core, contrast included, %s",
    async (scheme, viewport, ground) => {
      const stack = await openStack();
      await fill(stack);
      const { page } = await openPage(stack, { viewport, colorScheme: scheme });
      await page.getByRole("button", { name: "Add number" }).click();
      await page.getByText(/^Added \d+: accepted\.$/).waitFor();
      await page.getByRole("textbox", { name: "Number", exact: true }).fill("12");
      await page.getByRole("button", { name: "Add number" }).click();
      await page
        .getByText("must be 4 to 14 digits without the country code", { exact: true })
        .waitFor();
      await page.getByText("Request").first().click();
      await page.evaluate(axe.source);

      const { violations, passes } = (await page.evaluate("axe.run()")) as AxeResults;

      const told = violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]);
      expect(told).toEqual([]);
      expect(passes.length).toBeGreaterThan(30);
      const contrast = passes.find(({ id }) => id === "color-contrast");
      expect(contrast?.nodes.length).toBeGreaterThan(50);
      expect(await page.evaluate("getComputedStyle(document.body).backgroundColor")).toBe(ground);
    },
  );

  it("keeps everything where it is while events arrive", async () => {
    const stack = await openStack();
    await fill(stack);
    const { page } = await openPage(stack, { viewport: DESKTOP });
    const places = () =>
      page.locator("main > *, tr, #event-list").evaluateAll((elements) =>
        elements.map((element) => {
          const { x, y, width } = element.getBoundingClientRect();
          return `${element.tagName} ${x} ${y} ${width}`;
        }),
      );
    await page.getByText("poll: CONNECTED").waitFor();
    const count = stack.receiver?.received().length ?? 0;
    await expect.poll(() => eventCount(page)).toBe(count);
    const before = await places();

    await stack.timer.runNow();
    await page.getByText("poll: CONNECTED").waitFor({ state: "hidden" });

    await expect.poll(() => eventCount(page)).toBe(count + 1);
    expect(await places()).toEqual(before);
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
    expect(await ground()).toBe("rgb(16, 19, 23)");

    await page.reload();

    await page.getByRole("button", { name: "Theme: dark" }).waitFor();
    expect(await ground()).toBe("rgb(16, 19, 23)");
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
      .getByRole("alert")
      .filter({ hasText: "The connection to npm start is lost" })
      .waitFor();

    const port = Number(new URL(first.url).port);
    // After an answer that is no stream, a browser does not try again by itself.
    const between = createServer((_, response) => response.writeHead(404).end());
    between.listen(port, "127.0.0.1");
    await once(between, "request");
    between.closeAllConnections();
    await new Promise((resolve) => between.close(resolve));
    const second = await openStack({}, port);
    second.upstream?.control.addCustomer("cust-space-after");

    await page.getByText("cust-space-after").waitFor();
    expect(await page.locator("#link").textContent()).toBe("Live");
    expect(await page.locator("#banner").isVisible()).toBe(false);
  });

  it("says near a field what is wrong with it, and goes there", async () => {
    const stack = await openStack();
    const { page } = await openPage(stack, { viewport: DESKTOP });
    const number = page.getByRole("textbox", { name: "Number", exact: true });
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
    await page.getByRole("rowheader", { name: "*********5678" }).waitFor();
    await page.getByText("Request").click();

    expect(await page.getByRole("button", { name: "Add number" }).count()).toBe(0);
    expect(await page.getByRole("group", { name: /^Change/ }).count()).toBe(0);
    expect(await page.getByRole("radio").count()).toBe(0);
    expect(await page.content()).not.toContain("4915112345678");
    expect(await page.locator("tbody").textContent()).toContain("CONNECTED");
    expect(faults).toEqual([]);
  });
});
