import "../../support/replaced-packages.ts";
import { randomUUID } from "node:crypto";
import { stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import type { Stack } from "../stack.ts";
import { startStack } from "../stack.ts";
import { findChromium, launchChromium } from "./chromium.ts";

const SIZE = { width: 1280, height: 800 };
const MAX_BYTES = 200_000;

/** Several customers in different trouble, with the events that tell of it. */
async function play({ upstream, functions, timer, receiver }: Stack): Promise<void> {
  const control = upstream?.control;
  if (!control) throw new Error("the picture is of the simulated upstream");
  const inService = {
    Status: "CONNECTED",
    CodeVerificationStatus: "VERIFIED",
    NameStatus: "APPROVED",
    QualityRating: "GREEN",
    MessagingLimitTier: "TIER_1K",
  };
  control.addCustomer("cust-space-1", [
    { PhoneNumber: "4915112345678", VerifiedName: "Bäckerei Adler", ...inService },
    { PhoneNumber: "4915112346789", VerifiedName: "Corner Café", ...inService },
    { PhoneNumber: "4915112347900", VerifiedName: "Delta Travel" },
  ]);
  control.addCustomer("cust-space-2", [
    { PhoneNumber: "6591234567", VerifiedName: "Harbour Dental", ...inService },
    { PhoneNumber: "6591238901", VerifiedName: "Lion Tuition", ...inService },
  ]);
  await functions.poll('{"command":"watch","custSpaceIds":["cust-space-1","cust-space-2"]}');
  await timer.runNow();
  control.connect("cust-space-1", "4915112347900");
  await timer.runNow();
  control.setNumber("cust-space-2", "6591234567", { MessagingLimitTier: "TIER_10K" });
  control.setNumber("cust-space-2", "6591238901", { QualityRating: "YELLOW" });
  receiver?.behave({ status: 503, times: 2 });
  await timer.runNow();
  control.setNumber("cust-space-1", "4915112345678", { QualityRating: "RED" });
  await timer.runNow();
  control.setNumber("cust-space-1", "4915112346789", { Status: "BANNED" });
}

const { path: executablePath, missing } = findChromium(process.env.CHROMIUM_PATH);
if (!executablePath) throw new Error(missing);
const stack = await startStack({
  folder: tmpdir(),
  port: 0,
  intervalSeconds: 1,
  given: { STORE_URL: `memory:${randomUUID()}` },
  writeLog: console.log,
});
const browser = await launchChromium(executablePath);
try {
  await play(stack);
  for (const colorScheme of ["light", "dark"] as const) {
    const page = await browser.newPage({ viewport: SIZE, colorScheme, reducedMotion: "reduce" });
    await page.goto(`${stack.url}/`);
    await page.getByText("poll: CONNECTED").waitFor();
    const path = fileURLToPath(new URL(`screenshot-${colorScheme}.png`, import.meta.url));
    await page.screenshot({ path });
    const { size } = await stat(path);
    console.log(`${path}  ${size} bytes`);
    if (size > MAX_BYTES) throw new Error(`the picture is larger than ${MAX_BYTES} bytes`);
    await page.close();
  }
} finally {
  await browser.close();
  await stack.close();
}
