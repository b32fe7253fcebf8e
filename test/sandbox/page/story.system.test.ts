import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, launchChromium } from "./chromium.ts";
import {
  DESKTOP,
  fact,
  type Hand,
  keyboard,
  openPage,
  PHONE,
  pointer,
  runPoll,
  startTestStack,
} from "./page-rig.ts";

const { path: chromiumPath = "", missing } = findChromium(process.env.CHROMIUM_PATH);
if (missing) console.warn(`The page's story is skipped: ${missing}`);

const FIRST = "4915112345678";
const SECOND = "4915112346789";

const eventsOf = (page: Page) => page.getByRole("list", { name: "Events" }).locator("> li");
const buttonsOf = (page: Page, number: string) =>
  page.getByRole("group", { name: `Change ${number}` });
const button = (page: Page, number: string, name: string) =>
  buttonsOf(page, number).getByRole("button", { name, exact: true });

/** Waits for this many events and gives the text of the newest. */
async function newest(page: Page, count: number): Promise<string> {
  await eventsOf(page)
    .nth(count - 1)
    .waitFor();
  const texts = await eventsOf(page).allInnerTexts();
  return (texts[0] ?? "").replaceAll(/\s+/g, " ");
}

async function addNumbers(page: Page, hand: Hand): Promise<void> {
  await hand.press(page.getByRole("button", { name: "Add one" }));
  await page.getByText(`Added ${FIRST}: accepted.`).waitFor();
  await hand.type(page.getByLabel("Display name"), "Second Shop");
  await hand.press(page.getByRole("button", { name: "Add number" }));
  await page.getByText(`Added ${SECOND}: accepted.`).waitFor();
  await page.getByRole("rowheader", { name: "Second Shop" }).waitFor();
  await runPoll(page, hand);
  await fact(page, "Store", "pending").getByText("0", { exact: true }).waitFor();
  expect(await eventsOf(page).count()).toBe(0);
}

async function connectAndDrop(page: Page, hand: Hand): Promise<void> {
  await hand.press(button(page, FIRST, "Connect"));
  await button(page, FIRST, "Disconnect").waitFor();
  await runPoll(page, hand);
  expect(await newest(page, 1)).toContain("status: PENDING → to CONNECTED ↑ better, info");

  await hand.press(button(page, FIRST, "Red"));
  await page.getByText("poll: GREEN").waitFor();
  await runPoll(page, hand);
  const dropped = await newest(page, 2);
  expect(dropped).toMatch(/^✖ phone_number\.changed critical \d\d:\d\d:\d\d /);
  expect(dropped).toContain("qualityRating: GREEN → to RED ↓ worse, critical");
  expect(dropped).toMatch(/✓ verified \d+(\.\d)? s after the change 1 attempt Request seq \d{16}$/);
  await page.getByText("poll: GREEN").waitFor({ state: "hidden" });
}

/** Two changes while the receiver is down, then up again: the backlog comes, oldest first. */
async function outage(page: Page, hand: Hand): Promise<void> {
  const receiver = page.getByRole("switch", { name: "Receiver on" });
  await hand.press(receiver);
  await page.getByText("down: answers 503").waitFor();
  await hand.press(button(page, SECOND, "Connect"));
  await button(page, SECOND, "Disconnect").waitFor();
  await hand.press(button(page, FIRST, "Ban"));
  await button(page, FIRST, "Lift ban").waitFor();
  await hand.press(page.getByRole("button", { name: "Run now" }));
  await fact(page, "Store", "pending").getByText("2", { exact: true }).waitFor();
  await page.getByText("2 events pending").waitFor();
  expect(await eventsOf(page).count()).toBe(2);

  await hand.press(receiver);
  await newest(page, 4);
  await fact(page, "Store", "pending").getByText("0", { exact: true }).waitFor();
  const texts = await eventsOf(page).allInnerTexts();
  const sequences = texts.map((text) => /seq (\d{16})/.exec(text)?.[1] ?? "");
  expect(sequences).toHaveLength(4);
  expect(sequences).toEqual([...sequences].sort().reverse());
  expect(texts[1]).toContain("2 attempts");
  expect(texts.slice(0, 2).join()).toMatch(/CONNECTED →\s+to\s+BANNED ↓ worse, critical/);
  expect(await fact(page, "Receiver", "problems").textContent()).toBe("0");
}

describe.runIf(chromiumPath).concurrent("the page", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium(chromiumPath);
  });
  afterAll(() => browser?.close());

  it.for([
    ["at phone width", PHONE, () => pointer],
    ["at desktop width", DESKTOP, () => pointer],
    ["by keyboard alone", DESKTOP, keyboard],
  ] as const)("tells the whole story %s", { timeout: 40_000 }, async ([, viewport, handOf]) => {
    const stack = await startTestStack();
    try {
      const { page, faults } = await openPage(browser, stack.url, { viewport });
      const hand = handOf(page);
      await addNumbers(page, hand);
      await connectAndDrop(page, hand);
      await outage(page, hand);
      const said = page.getByRole("status").filter({ hasText: /events? received\. / });
      await said.waitFor({ state: "attached" });
      expect(faults).toEqual([]);
      expect(stack.receiver?.problems()).toEqual([]);
    } finally {
      await stack.close();
    }
  });
});
