// A store adapter is a bundle of its own with its own copy of these classes, so `instanceof` would
// not know its errors: they are told by this brand.
export const BRAND = Symbol.for("waba-numbers.error");

/**
 * Every error that this project throws on purpose. Rules: the message is a fixed sentence that
 * tells the reader what to do and holds no input; facts are fields; a foreign error is never kept
 * whole, because pop-core's and the drivers' errors carry requests, addresses and credentials.
 */
export abstract class AppError extends Error {
  abstract readonly code: `ERR_${string}`;
  /** The code: class names do not survive minifying. */
  override get name(): string {
    return this.code;
  }
  readonly [BRAND] = true;
}
