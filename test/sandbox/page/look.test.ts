import { once } from "node:events";
import { createServer } from "node:http";
import axe, { type AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { SANDBOX_CREDENTIALS } from "../environment.ts";
import type { Stack } from "../stack.ts";
import { startUpstream } from "../upstream.ts";
import { findChromium, launchChromium } from "./chromium.ts";
import { lowContrasts } from "./contrast.ts";
import { DESKTOP, openPage, PHONE, startTestStack } from "./page-rig.ts";

const chromiumPath = findChromium() ?? "";
if (!chromiumPath)
  console.warn("The page's look is not tested: no Chromium found, CHROMIUM_PATH is not set");

const CUSTOMER = "cust-space-1";
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function open(over: Readonly<Record<string, string>> = {}, port = 0): Promise<Stack> {
  const stack = await startTestStack(over, port);
  closers.push(stack.close);
  return stack;
}

/** Numbers of every colour, with events for some of it. */
async function fill({ upstream, timer, functions }: Stack): Promise<void> {
  const control = upstream?.control;
  const looks = [
    { PhoneNumber: "4915100000001", Status: "CONNECTED", QualityRating: "GREEN" },
    { PhoneNumber: "4915100000002", Status: "CONNECTED", QualityRating: "GREEN" },
    { PhoneNumber: "4915100000003", Status: "FLAGGED", QualityRating: "YELLOW" },
    { PhoneNumber: "4915100000004", NameStatus: "DECLINED" },
  ];
  control?.addCustomer(CUSTOMER, looks);
  await functions.poll(`{"command":"watch","custSpaceIds":["${CUSTOMER}"]}`);
  await timer.runNow();
  control?.setNumber(CUSTOMER, "4915100000001", { QualityRating: "RED", NameStatus: "APPROVED" });
  control?.setNumber(CUSTOMER, "4915100000002", { QualityRating: "YELLOW" });
  await timer.runNow();
  control?.setNumber(CUSTOMER, "4915100000002", { Status: "BANNED" });
  control?.fault({ kind: "throttle", action: "QueryChatappPhoneNumbers" });
}

const eventCount = (page: Page) =>
  page.getByRole("list", { name: "Events" }).locator("> li").count();

describe.runIf(chromiumPath)("the page's look", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium(chromiumPath);
  });
  afterAll(() => browser?.close());

  it.each(["light", "dark"] as const)("has AA contrast everywhere, %s", async (colorScheme) => {
    const stack = await open();
    await fill(stack);
    const { page } = await openPage(browser, stack.url, { viewport: DESKTOP, colorScheme });
    await page.getByRole("button", { name: "Add number" }).click();
    await page.getByRole("textbox", { name: "Number", exact: true }).fill("12");
    await page.getByRole("button", { name: "Add number" }).click();
    await page
      .getByText("must be 4 to 14 digits without the country code", { exact: true })
      .waitFor();
    await page.getByText("Request").first().click();

    const { checked, low } = await lowContrasts(page);

    expect(low).toEqual([]);
    expect(checked).toBeGreaterThan(100);
    const ground = await page.evaluate("getComputedStyle(document.body).backgroundColor");
    expect(ground).toBe(colorScheme === "light" ? "rgb(244, 245, 247)" : "rgb(16, 19, 23)");
  });

  it.each([
    ["light", DESKTOP],
    ["dark", PHONE],
  ] as const)("breaks no rule of axe-core, %s", async (colorScheme, viewport) => {
    const stack = await open();
    await fill(stack);
    const { page } = await openPage(browser, stack.url, { viewport, colorScheme });
    await page.getByText("Request").first().click();
    await page.evaluate(axe.source);

    const { violations, passes } = (await page.evaluate("axe.run()")) as AxeResults;

    const told = violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]);
    expect(told).toEqual([]);
    expect(passes.length).toBeGreaterThan(30);
  });

  it("has targets of 40 px and no sideways scrolling on a phone", async () => {
    const stack = await open();
    await fill(stack);
    const { page } = await openPage(browser, stack.url, { viewport: PHONE });
    const controls = page.locator(
      "button, input:not([type=radio]), select, summary, .choice label",
    );

    const boxes = await controls.evaluateAll((elements) =>
      elements
        .map((element) => ({
          text: element.textContent,
          ...element.getBoundingClientRect().toJSON(),
        }))
        .filter(({ width }) => width > 0),
    );

    expect(boxes.length).toBeGreaterThan(40);
    expect(boxes.filter(({ height }) => height < 40)).toEqual([]);
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(360);
  });

  it("cuts nothing off at any width", async () => {
    const stack = await open();
    await fill(stack);
    const { page } = await openPage(browser, stack.url, { viewport: DESKTOP });
    await page.locator(".event").first().waitFor();
    const boxes = page.locator("article, section, table, tbody tr, td, li");
    for (const width of [360, 620, 621, 900, 901, 1269, 1270, 1600]) {
      await page.setViewportSize({ width, height: 800 });

      const cut = await boxes.evaluateAll(
        (elements) =>
          elements.filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1).length,
      );

      const scrollWidth = await page.evaluate("document.documentElement.scrollWidth");
      expect({ width, scrollWidth, cut }).toEqual({ width, scrollWidth: width, cut: 0 });
    }
  });

  it("keeps everything where it is while events arrive", async () => {
    const stack = await open();
    await fill(stack);
    const { page } = await openPage(browser, stack.url, { viewport: DESKTOP });
    const places = () =>
      page.locator("main > *, tr, #event-list").evaluateAll((elements) =>
        elements.map((element) => {
          const { x, y, width } = element.getBoundingClientRect();
          return `${element.tagName} ${x} ${y} ${width}`;
        }),
      );
    await page.getByText("poll: CONNECTED").waitFor();
    const [before, count] = [await places(), await eventCount(page)];

    await stack.timer.runNow();
    await page.getByText("poll: CONNECTED").waitFor({ state: "hidden" });

    expect(await eventCount(page)).toBe(count + 1);
    expect(await places()).toEqual(before);
  });

  it("remembers the theme, and rests when motion is not wanted", async () => {
    const stack = await open();
    await fill(stack);
    const { page } = await openPage(browser, stack.url, {
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

  it("shows forty of a thousand customers and finds the others", async () => {
    const stack = await open();
    for (let index = 2; index <= 1000; index += 1) {
      const id = `cust-space-${String(index).padStart(4, "0")}`;
      stack.upstream?.control.addCustomer(id, [{ PhoneNumber: String(4915200000000 + index) }]);
    }
    const { page, faults } = await openPage(browser, stack.url, { viewport: DESKTOP });
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

  it("says when npm start is gone, and goes on with the next one", async () => {
    const first = await startTestStack();
    const { page } = await openPage(browser, first.url, { viewport: DESKTOP });
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
    const second = await open({}, port);
    second.upstream?.control.addCustomer("cust-space-after");

    await page.getByText("cust-space-after").waitFor();
    expect(await page.locator("#link").textContent()).toBe("Live");
    expect(await page.locator("#banner").isVisible()).toBe(false);
  });

  it("says near a field what is wrong with it, and goes there", async () => {
    const stack = await open();
    const { page } = await openPage(browser, stack.url, { viewport: DESKTOP });
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
    closers.push(real.close);
    real.control.addCustomer("their-space", [{ PhoneNumber: "4915112345678" }]);
    const stack = await open({
      ALIBABA_CLOUD_ACCESS_KEY_ID: SANDBOX_CREDENTIALS.accessKeyId,
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: SANDBOX_CREDENTIALS.accessKeySecret,
      CAMS_ENDPOINT: real.url,
      WATCH_CUST_SPACES: "their-space",
    });
    await stack.timer.runNow();
    real.control.connect("their-space", "4915112345678");
    await stack.timer.runNow();
    const { page, faults } = await openPage(browser, stack.url, { viewport: DESKTOP });

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
