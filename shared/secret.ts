import { inspect } from "node:util";

const REDACTED = "[redacted]";

/**
 * Holds a value that must never be printed. String conversion, JSON and `util.inspect` return
 * `[redacted]`. Only `reveal()` returns the value.
 */
export class Secret<T extends string | Buffer = string> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
