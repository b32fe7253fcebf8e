/** The element with this id, which index.html promises. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no #${id}`);
  return found as T;
}

/** The first element that fits, which index.html or the caller's own code promises. */
export function find<T extends HTMLElement = HTMLElement>(root: ParentNode, selector: string): T {
  const found = root.querySelector<T>(selector);
  if (!found) throw new Error(`there is no ${selector}`);
  return found;
}

type Attributes = Readonly<Record<string, string | undefined>>;

/** A new element; attributes given as undefined are left out, text becomes text nodes. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Touches the document only when the text differs: what is selected or read out stays. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string | undefined): void {
  if (value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/**
 * Makes `parent` hold these children in this order, moving only what stands elsewhere. The focus
 * stays where it is, also on what was moved.
 */
export function arrange(parent: Element, children: readonly Element[]): void {
  const wanted = new Set(children);
  const focused = document.activeElement as HTMLElement | null;
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  for (const [index, child] of children.entries()) {
    const there = parent.children[index];
    if (there !== child) parent.insertBefore(child, there ?? null);
  }
  const hasLost = focused !== document.activeElement && focused?.isConnected;
  if (hasLost) focused.focus({ preventScroll: true });
}
