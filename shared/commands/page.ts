/** The end of an answer. With `more`, the same command continues from `after`. */
export type Page =
  | { readonly more: false; readonly stopped?: Stop }
  | { readonly more: true; readonly after: string; readonly stopped?: Stop };

/** Why a command sends nothing, or nothing more. */
export type Stop = {
  readonly reason: string;
  readonly status?: number;
  readonly transportCode?: string;
};

/**
 * Takes items in turn until `isFull`, or until a step returns a page with `more`, which then holds.
 *
 * @param after the cursor that leads to the first item
 * @param step receives the cursor that leads to its item, so that it can end the page before it
 */
export async function takePage<T extends { readonly cursor: string }>(
  items: AsyncIterable<T> | Iterable<T>,
  after: string | undefined,
  isFull: () => boolean,
  step: (item: T, after: string) => Promise<Page | undefined> | Page | undefined,
): Promise<Page> {
  let last = after ?? "";
  for await (const item of items) {
    if (isFull()) return { more: true, after: last };
    const page = await step(item, last);
    if (page?.more) return page;
    last = item.cursor;
  }
  return { more: false };
}
