import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const USUAL_PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Where it is, or why there is none. */
type FoundChromium =
  | { readonly path: string; readonly missing?: never }
  | { readonly path?: never; readonly missing: string };

/** The Chromium of this machine: the given one (CHROMIUM_PATH), else where packages put it. */
export function findChromium(
  given: string | undefined,
  exists: (path: string) => boolean = existsSync,
): FoundChromium {
  if (given) {
    return exists(given) ? { path: given } : { missing: `CHROMIUM_PATH names no file: ${given}` };
  }
  const path = USUAL_PATHS.find(exists);
  return path ? { path } : { missing: "no Chromium found, CHROMIUM_PATH is not set" };
}

/** Headless, and talking to nobody but the pages that it opens. */
export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
