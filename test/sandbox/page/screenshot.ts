import "../../support/replaced-packages.ts";
import { randomUUID } from "node:crypto";
import { stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { startStack } from "../stack.ts";
import { findChromium, launchChromium } from "./chromium.ts";
import { PAGE_STATES, type PageStateName } from "./page-states.ts";

const WIDE = { width: 1280, height: 860 };
const NARROW = { width: 390, height: 844 };
const SCHEMES = ["light", "dark"] as const;
/** Of a picture in the README. */
const MAX_BYTES = 250_000;

type Picture = {
  readonly state: PageStateName;
  readonly size: typeof WIDE;
  readonly colorScheme: (typeof SCHEMES)[number];
  readonly file: string;
};

/** The pictures of one state, from one stack. */
async function shoot(browser: Browser, pictures: readonly Picture[]): Promise<void> {
  const state = pictures[0]?.state ?? "trouble";
  const stack = await startStack({
    folder: tmpdir(),
    port: 0,
    intervalSeconds: 1,
    given: { STORE_URL: `memory:${randomUUID()}` },
    writeLog: console.log,
  });
  try {
    await PAGE_STATES[state](stack);
    const pages = await Promise.all(
      pictures.map(async ({ size: viewport, colorScheme }) => {
        const page = await browser.newPage({ viewport, colorScheme, reducedMotion: "reduce" });
        await page.goto(`${stack.url}/`);
        await page.locator("#link[data-state=live]").waitFor({ state: "attached" });
        return page;
      }),
    );
    if (state === "lost") await stack.close();
    const link = state === "lost" ? "lost" : "live";
    for (const [index, page] of pages.entries()) {
      await page.locator(`body[data-link=${link}]`).waitFor();
      const { file = "" } = pictures[index] ?? {};
      await page.screenshot({ path: file });
      const { size } = await stat(file);
      console.log(`${file}  ${size} bytes`);
      await page.close();
    }
  } finally {
    if (state !== "lost") await stack.close();
  }
}

const own = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const readme = SCHEMES.map((colorScheme): Picture => {
  const file = own(`screenshot-${colorScheme}.png`);
  return { state: "trouble", size: WIDE, colorScheme, file };
});
/** With a folder, every state at both widths. Without one, the README's two pictures. */
const folder = process.argv[2];
const states = Object.keys(PAGE_STATES) as PageStateName[];
const all = (into: string) =>
  states.map((state) =>
    [WIDE, NARROW].flatMap((size) =>
      SCHEMES.map((colorScheme): Picture => {
        const file = path.join(into, `${state}-${size.width}-${colorScheme}.png`);
        return { state, size, colorScheme, file };
      }),
    ),
  );

const { path: executablePath, missing } = findChromium(process.env.CHROMIUM_PATH);
if (!executablePath) throw new Error(missing);
const browser = await launchChromium(executablePath);
try {
  for (const pictures of folder ? all(folder) : [readme]) await shoot(browser, pictures);
  if (folder) process.exit(0);
  for (const { file } of readme) {
    if ((await stat(file)).size > MAX_BYTES) throw new Error(`${file} is over ${MAX_BYTES} bytes`);
  }
} finally {
  await browser.close();
}
