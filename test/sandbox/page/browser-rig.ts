import type { Browser, BrowserContextOptions } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe } from "vitest";
import type { Stack } from "../stack.ts";
import { findChromium, launchChromium } from "./chromium.ts";
import { type OpenPage, openPage, startTestStack } from "./page-rig.ts";

type Settings = Readonly<Record<string, string>>;

export type BrowserRig = {
  /** A stack that is closed after the test. */
  openStack(over?: Settings, port?: number): Promise<Stack>;
  openPage(stack: Stack, options: BrowserContextOptions): Promise<OpenPage>;
  /** Called after the test, the last one first. */
  closeLater(close: () => Promise<unknown>): void;
};

/** Tests with a browser of their own; without Chromium they are skipped and the reason is printed. */
export function describeInBrowser(name: string, tests: (rig: BrowserRig) => void): void {
  const { path, missing } = findChromium(process.env.CHROMIUM_PATH);
  if (missing) console.warn(`Not tested: ${name}: ${missing}`);

  describe.runIf(path)(name, () => {
    let browser: Browser | undefined;
    beforeAll(async () => {
      browser = path ? await launchChromium(path) : undefined;
    });
    afterAll(() => browser?.close());
    const closers: (() => Promise<unknown>)[] = [];
    afterEach(async () => {
      for (const close of closers.splice(0).reverse()) await close();
    });

    tests({
      async openStack(over, port) {
        const stack = await startTestStack(over, port);
        closers.push(stack.close);
        return stack;
      },
      openPage(stack, options) {
        if (!browser) throw new Error("pages are opened in tests alone");
        return openPage(browser, stack.url, options);
      },
      closeLater: (close) => void closers.push(close),
    });
  });
}

export const CUSTOMER = "cust-space-1";

/** Numbers of every colour, with events for some of it, and a customer that has none. */
export async function fill({ upstream, timer, functions }: Stack): Promise<void> {
  const control = upstream?.control;
  const looks = [
    { PhoneNumber: "4915100000001", Status: "CONNECTED", QualityRating: "GREEN" },
    { PhoneNumber: "4915100000002", Status: "CONNECTED", QualityRating: "GREEN" },
    { PhoneNumber: "4915100000003", Status: "FLAGGED", QualityRating: "YELLOW" },
    { PhoneNumber: "4915100000004", NameStatus: "DECLINED" },
  ];
  control?.addCustomer(CUSTOMER, looks);
  control?.addCustomer("cust-space-empty");
  await functions.poll(`{"command":"watch","custSpaceIds":["${CUSTOMER}"]}`);
  await timer.runNow();
  control?.setNumber(CUSTOMER, "4915100000001", { QualityRating: "RED", NameStatus: "APPROVED" });
  control?.setNumber(CUSTOMER, "4915100000002", { QualityRating: "YELLOW" });
  await timer.runNow();
  control?.setNumber(CUSTOMER, "4915100000002", { Status: "BANNED" });
  control?.fault({ kind: "throttle", action: "QueryChatappPhoneNumbers" });
}
