import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { afterEach } from "vitest";
import { noteDelivery } from "../../contract/document-guard.ts";
import { type Stack, startStack } from "../stack.ts";

export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };

const receivers: { readonly receiver: NonNullable<Stack["receiver"]>; noted: number }[] = [];

// After each test, as one stack may serve a whole file; the guard's own hook runs after this one.
afterEach(() => {
  for (const one of receivers) {
    const fresh = one.receiver.received().slice(one.noted);
    one.noted += fresh.length;
    for (const { headers, body } of fresh) noteDelivery(headers, body);
  }
});

/** The stack of `npm start` on a free port, its timer not running: "run now" is all that polls. */
export async function startTestStack(
  over: Readonly<Record<string, string>> = {},
  port = 0,
): Promise<Stack> {
  const stack = await startStack({
    folder: tmpdir(),
    port,
    intervalSeconds: 1,
    // Unnamed, it would be one for all stacks of the process.
    given: { STORE_URL: `memory:${randomUUID()}`, WATCH_HEALTH: "off", ...over },
    writeLog: (line) => console.warn(line),
  });
  if (stack.receiver) receivers.push({ receiver: stack.receiver, noted: 0 });
  return stack;
}

export type OpenPage = {
  readonly page: Page;
  /** Errors of the console and requests to other origins: none is expected. */
  readonly faults: readonly string[];
};

/** The page, opened in a context of its own, once it is live. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions,
): Promise<OpenPage> {
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const faults: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== url) faults.push(`request to ${request.url()}`);
  });
  await page.goto(`${url}/`);
  await page.locator("#link[data-state=live]").waitFor({ state: "attached" });
  return { page, faults };
}

/** How a test presses things: by pointer or by keyboard alone. */
export type Hand = {
  press(target: Locator): Promise<void>;
  type(target: Locator, text: string): Promise<void>;
  /** A row of the list of numbers. */
  choose(row: Locator): Promise<void>;
};

export const pointer: Hand = {
  press: (target) => target.click(),
  type: (target, text) => target.fill(text),
  choose: (row) => row.click(),
};

const MOST_TABS = 200;

/** Tabs to the target, which fails where no Tab leads, and presses it there. */
export function keyboard(page: Page): Hand {
  const isFocused = (target: Locator) =>
    target.evaluate((element) => element === element.ownerDocument.activeElement);
  const reach = async (target: Locator) => {
    for (let tabs = 0; tabs < MOST_TABS; tabs += 1) {
      if (await isFocused(target)) return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`no Tab leads to ${target}`);
  };
  return {
    async choose(row) {
      await reach(page.locator(".row[tabindex='0']"));
      await page.keyboard.press("Home");
      for (let rows = 0; !(await isFocused(row)); rows += 1) {
        if (rows > MOST_TABS) throw new Error(`no arrow leads to ${row}`);
        await page.keyboard.press("ArrowDown");
      }
      await page.keyboard.press("Enter");
    },
    async press(target) {
      await reach(target);
      const isButton = await target.evaluate((element) => element.tagName === "BUTTON");
      await page.keyboard.press(isButton ? "Enter" : "Space");
    },
    async type(target, text) {
      await reach(target);
      await page.keyboard.press("ControlOrMeta+A");
      await page.keyboard.type(text);
    },
  };
}

/** The row of a number, as the page writes it, or of a customer without one. */
export function rowOf(page: Page, text: string): Locator {
  return page.locator(".row").filter({ hasText: text });
}

/** Chooses a number; on a narrow page from the list, where it is shown. */
export async function chooseNumber(page: Page, hand: Hand, text: string): Promise<void> {
  await showTab(page, hand, "Numbers");
  const back = page.getByRole("button", { name: "All numbers" });
  if (await back.isVisible()) await hand.press(back);
  await hand.choose(rowOf(page, text));
  await page.getByRole("heading", { name: text }).first().waitFor();
}

/** On a wide page both lists are there. */
export async function showTab(page: Page, hand: Hand, name: "Numbers" | "Events"): Promise<void> {
  const tab = page.getByRole("tab", { name });
  if (await tab.isVisible()) await hand.press(tab);
}

/** Presses "run now" and waits until that run has ended. */
export async function runPoll(page: Page, hand: Hand): Promise<void> {
  const run = page.getByRole("button", { name: "Run now" });
  await hand.press(run);
  await page.locator("#run[aria-busy=false]").waitFor();
}

/** The value beside a label of the four parties. */
export function fact(page: Page, party: string, label: string): Locator {
  const terms = page.getByRole("article", { name: party }).locator("dl > div");
  return terms.filter({ has: page.locator("dt", { hasText: label }) }).locator("dd");
}
