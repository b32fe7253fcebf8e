type Entry<T> = { readonly answer: Promise<T>; answeredAt: number | undefined };

/**
 * Makes one call of equal ones: those that come while it runs, and those up to `ms` after its
 * answer. An error is not remembered.
 *
 * @param now the wall clock, because another clock may stand still while an instance is frozen
 */
export function createRemembered<T>(ms: number, now: () => number) {
  const entries = new Map<string, Entry<T>>();

  function forgetOld(): void {
    for (const [key, { answeredAt }] of entries) {
      const age = answeredAt === undefined ? 0 : now() - answeredAt;
      if (age < 0 || age >= ms) entries.delete(key);
    }
  }

  return function callOnce(key: string, call: () => Promise<T>): Promise<T> {
    forgetOld();
    const known = entries.get(key);
    if (known) return known.answer;
    const entry: Entry<T> = { answer: call(), answeredAt: undefined };
    entries.set(key, entry);
    entry.answer.then(
      () => {
        entry.answeredAt = now();
      },
      () => entries.delete(key),
    );
    return entry.answer;
  };
}
