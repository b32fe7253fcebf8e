import { byId } from "./dom.ts";

/** Below this width the two lists are tabs; narrow.css has the same. */
const NARROW = "(max-width: 1099px)";
const NAMES = ["numbers", "events"] as const;

/** On a narrow page one list at a time. `onChange` is called when another one is to be seen. */
export function createTabs(onChange: () => void): void {
  const narrow = matchMedia(NARROW);
  const tabs = NAMES.map((name) => byId<HTMLButtonElement>(`tab-${name}`));

  function choose(name: string): void {
    document.body.dataset.tab = name;
    for (const tab of tabs) {
      const isChosen = tab.dataset.tab === name;
      tab.ariaSelected = String(isChosen);
      tab.tabIndex = isChosen ? 0 : -1;
    }
    onChange();
  }

  function setRoles(): void {
    for (const name of NAMES) {
      if (narrow.matches) byId(name).setAttribute("role", "tabpanel");
      else byId(name).removeAttribute("role");
    }
    onChange();
  }

  for (const [index, tab] of tabs.entries()) {
    tab.addEventListener("click", () => choose(tab.dataset.tab ?? ""));
    tab.addEventListener("keydown", ({ key }) => {
      if (key !== "ArrowLeft" && key !== "ArrowRight") return;
      const other = tabs[1 - index];
      choose(other?.dataset.tab ?? "");
      other?.focus();
    });
  }
  for (const link of document.querySelectorAll(".skip")) {
    const wanted = link.getAttribute("href") === "#events" ? "events" : "numbers";
    link.addEventListener("click", () => choose(wanted));
  }
  narrow.addEventListener("change", setRoles);
  choose(location.hash.startsWith("#evt_") ? "events" : "numbers");
  setRoles();
}
