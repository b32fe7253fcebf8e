import type { Page } from "playwright-core";

/** WCAG 2.2, success criterion 1.4.3. */
const LEAST = 4.5;

type Sample = { readonly text: string; readonly ink: string; readonly ground: string };

/** Every visible text of the page that is too faint, by computed colours; all of it is small text. */
export async function lowContrasts(page: Page) {
  // Sent as text: what runs in the browser has the browser's types, and this file has not.
  const samples = (await page.evaluate(`(() => {
    const ground = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const colour = getComputedStyle(at).backgroundColor;
        if (!/, 0\\)$|^transparent$/.test(colour)) return colour;
      }
      return "rgb(255, 255, 255)";
    };
    return [...document.body.querySelectorAll("*")].flatMap((element) => {
      const own = [...element.childNodes].filter((node) => node.nodeType === 3);
      const text = own.map((node) => node.data.trim()).join("") || element.value || "";
      if (!text || !element.checkVisibility() || element.closest(".hidden, .skip, option")) return [];
      return [{ text, ink: getComputedStyle(element).color, ground: ground(element) }];
    });
  })()`)) as Sample[];
  const low = samples.filter(({ ink, ground }) => contrast(ink, ground) < LEAST);
  return { checked: samples.length, low };
}

function contrast(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance(colour: string): number {
  const channels = /^rgb\((\d+), (\d+), (\d+)\)$/.exec(colour)?.slice(1).map(Number);
  if (!channels) throw new Error(`cannot read the colour ${colour}`);
  const [red = 0, green = 0, blue = 0] = channels.map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
