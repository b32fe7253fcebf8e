import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, launchChromium } from "./chromium.ts";
import {
  chooseNumber,
  DESKTOP,
  fact,
  type Hand,
  keyboard,
  openPage,
  PHONE,
  pointer,
  rowOf,
  runPoll,
  showTab,
  startTestStack,
} from "./page-rig.ts";

const { path: chromiumPath = "", missing } = findChromium(process.env.CHROMIUM_PATH);
if (missing) console.warn(`The page's story is skipped: ${missing}`);

const FIRST = "+49151 1234 5678";
const SECOND = "+49151 1234 6789";

const eventsOf = (page: Page) => page.getByRole("list", { name: "Events" }).locator("> li");
const button = (page: Page, name: string) =>
  page.getByRole("group", { name: /^Change \d/ }).getByRole("button", { name, exact: true });

/** Waits for this many events and gives the text of the newest. */
async function newest(page: Page, hand: Hand, count: number): Promise<string> {
  await showTab(page, hand, "Events");
  await eventsOf(page)
    .nth(count - 1)
    .waitFor();
  const texts = await eventsOf(page).allInnerTexts();
  return (texts[0] ?? "").replaceAll(/\s+/g, " ");
}

async function addNumbers(page: Page, hand: Hand): Promise<void> {
  const verdict = page.locator("#verdict-text");
  await verdict.filter({ hasText: "Nothing is watched yet. Add a number to begin." }).waitFor();
  await hand.press(page.getByRole("button", { name: "Add one" }));
  await rowOf(page, FIRST).waitFor();
  await hand.press(page.locator("#adder > summary"));
  await hand.type(page.getByLabel("Display name"), "Second Shop");
  await hand.press(page.getByRole("button", { name: "Add number" }));
  await page.getByText("Added 4915112346789: accepted.").waitFor();
  await rowOf(page, "Second Shop").waitFor();
  await hand.press(page.locator("#adder > summary"));
  await runPoll(page, hand);
  await page.getByText(/^All read \d+ s ago, everything delivered\.$/).waitFor();
  expect(await eventsOf(page).count()).toBe(0);
}

async function connectAndDrop(page: Page, hand: Hand): Promise<void> {
  await chooseNumber(page, hand, FIRST);
  await hand.press(button(page, "Connect"));
  await button(page, "Disconnect").waitFor();
  await runPoll(page, hand);
  expect(await newest(page, hand, 1)).toContain("status PENDING → to CONNECTED ↑ better, info");

  await chooseNumber(page, hand, FIRST);
  await hand.press(button(page, "Quality: Red"));
  await rowOf(page, "poll: GREEN").waitFor({ state: "attached" });
  await runPoll(page, hand);
  const dropped = await newest(page, hand, 2);
  expect(dropped).toMatch(/^✖ critical: \+49151 1234 5678 \d\d:\d\d:\d\d /);
  expect(dropped).toContain("quality rating GREEN → to RED ↓ worse, critical");
  expect(dropped).toMatch(/ phone_number\.changed cust-space-1 delivered after \d+(\.\d)? s$/);
  await rowOf(page, "poll: GREEN").waitFor({ state: "detached" });
}

/** Two changes while the receiver is down, then up again: the backlog comes, oldest first. */
async function outage(page: Page, hand: Hand): Promise<void> {
  const receiver = page.getByRole("switch", { name: "Receiver on" });
  await hand.press(receiver);
  await page.getByRole("article", { name: "Receiver" }).getByText("off", { exact: true }).waitFor();
  await chooseNumber(page, hand, SECOND);
  await hand.press(button(page, "Connect"));
  await button(page, "Disconnect").waitFor();
  await chooseNumber(page, hand, FIRST);
  await hand.press(button(page, "Ban"));
  await button(page, "Lift ban").waitFor();
  await hand.press(page.getByRole("button", { name: "Run now" }));
  await page.getByText("2 events waiting for the receiver").waitFor();
  await fact(page, "Store", "waiting").getByText("2", { exact: true }).waitFor();
  expect(await newest(page, hand, 4)).toMatch(/waiting(, \d attempts?: 503)?$/);

  await hand.press(receiver);
  await page.getByText(/everything delivered\. Numbers: 1 critical\.$/).waitFor();
  const bodies = await eventsOf(page).locator("> details > summary").allInnerTexts();
  expect(bodies).toHaveLength(4);
  expect(bodies.slice(0, 2).join()).toMatch(/CONNECTED →\s+to\s+BANNED ↓/);
  expect(bodies.join()).toMatch(/delivered after \d+(\.\d)? s, \d attempts/);
}

/** What a receiver's author does with an event. */
async function useEvent(page: Page, hand: Hand): Promise<void> {
  await hand.press(eventsOf(page).first().locator("summary"));
  const attempts = page.getByRole("table", { name: "Attempts" });
  await attempts.getByText("204").waitFor();
  await hand.press(page.getByRole("button", { name: "Resend" }));
  await attempts.getByText(/, resent$/).waitFor();
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
      await useEvent(page, hand);
      const said = page.getByRole("status").filter({ hasText: /\d events?\. / });
      await said.waitFor({ state: "attached" });
      expect(faults).toEqual([]);
      expect(stack.receiver?.problems()).toEqual([]);
    } finally {
      await stack.close();
    }
  });
});
