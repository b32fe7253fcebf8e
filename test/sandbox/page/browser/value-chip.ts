import type { Level } from "../state.ts";
import { make, setAttribute, setText } from "./dom.ts";
import { LEVEL_SIGNS } from "./format.ts";

export type ValueChip = {
  readonly element: HTMLElement;
  update(text: string | null, level: Level): void;
};

/** A value with its level as a sign, a colour and, for those who hear it, a word. */
export function createValueChip(): ValueChip {
  const sign = make("span", { class: "sign", "aria-hidden": "true" });
  const value = make("span", { class: "text" });
  const word = make("span", { class: "hidden" });
  const element = make("span", { class: "value" }, sign, value, word);
  return {
    element,
    update(text, level) {
      showValue(value, text ?? "–");
      setText(sign, text === null ? "" : LEVEL_SIGNS[level]);
      setText(word, text === null || level === "info" ? "" : `, ${level}`);
      setAttribute(element, "data-level", text === null ? "none" : level);
    },
  };
}

/** A long value breaks after an underscore, and nowhere else if that is enough. */
function showValue(element: Element, text: string): void {
  if (element.textContent === text) return;
  const parts = text.split(/(?<=_)/);
  element.replaceChildren(
    ...parts.flatMap((part, at) => (at === 0 ? [part] : [make("wbr"), part])),
  );
}
