/** Runs before the first paint, so that a chosen theme does not flash. */
const KEY = "waba-numbers-theme";
const THEMES = ["system", "light", "dark"];

function stored(): string {
  try {
    return localStorage.getItem(KEY) ?? "system";
  } catch {
    return "system";
  }
}

function apply(theme: string): void {
  document.documentElement.dataset.theme = theme;
  const button = document.getElementById("theme");
  const label = button?.firstElementChild;
  if (label) button.replaceChildren(label, theme);
}

function cycle(): void {
  const next = THEMES[(THEMES.indexOf(stored()) + 1) % THEMES.length] ?? "system";
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Without storage the choice lasts until the page is left.
  }
  apply(next);
}

apply(stored());
document.addEventListener("DOMContentLoaded", () => {
  apply(stored());
  document.getElementById("theme")?.addEventListener("click", cycle);
});
