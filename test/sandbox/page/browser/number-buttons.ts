import type { NumberAction, NumberView } from "../state.ts";
import { arrange, make, setAttribute, setText } from "./dom.ts";
import { press } from "./requests.ts";

/** What can be done to a number upstream, in the groups that the server names. */
export function createNumberButtons(customer: string, { key, phoneNumber }: NumberView) {
  const trouble = make("p", { class: "trouble", role: "alert" });
  const list = make("div", { class: "groups" });
  const element = make(
    "div",
    { class: "buttons", role: "group", "aria-label": `Change ${phoneNumber}` },
    make("h3", {}, "Change it upstream"),
    list,
    trouble,
  );
  const groups = new Map<string, { readonly element: HTMLElement; readonly place: HTMLElement }>();
  const buttons = new Map<string, HTMLButtonElement>();

  function groupOf(name: string) {
    const known = groups.get(name);
    if (known) return known;
    const place = make("span", { class: "group" });
    const caption = make("span", { class: "caption", "aria-hidden": "true" }, name);
    const group = { element: make("div", {}, caption, place), place };
    groups.set(name, group);
    return group;
  }

  function buttonOf(slot: string): HTMLButtonElement {
    const known = buttons.get(slot);
    if (known) return known;
    const button = make("button", { type: "button", "data-slot": slot });
    buttons.set(slot, button);
    button.addEventListener("click", () => {
      if (button.ariaDisabled === "true") return;
      const { action } = button.dataset;
      void press(button, trouble, "number", { custSpaceId: customer, phoneNumber: key, action });
    });
    return button;
  }

  return {
    element,
    update(actions: readonly NumberAction[]) {
      element.hidden = actions.length === 0;
      const names = [...new Set(actions.map(({ group }) => group))];
      for (const name of names) {
        const own = actions.filter(({ group }) => group === name);
        arrange(
          groupOf(name).place,
          own.map((action) => showAction(buttonOf(action.slot), action)),
        );
      }
      arrange(
        list,
        names.map((name) => groupOf(name).element),
      );
    },
  };
}

function showAction(button: HTMLButtonElement, action: NumberAction): HTMLButtonElement {
  const { group, name, label, state } = action;
  button.dataset.action = name;
  setText(button, label);
  setAttribute(button, "aria-label", group === "Number" ? undefined : `${group}: ${label}`);
  setAttribute(button, "aria-disabled", state === "available" ? undefined : "true");
  const isChoice = /^(quality|name|health):/.test(name);
  setAttribute(button, "aria-pressed", isChoice ? String(state === "current") : undefined);
  return button;
}
