/** One request as the stand-in got it. */
export type CloudRequest = {
  readonly method: string;
  /** The host that the caller meant. */
  readonly host: string;
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
  readonly rawQuery: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

export type CloudAnswer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
};

/** A call that was understood: its name in the record, and what it does. */
export type CloudCall = {
  /** Such as `fc CreateFunction waba-numbers-dev-add`. */
  readonly name: string;
  readonly run: () => CloudAnswer | Promise<CloudAnswer>;
};

/** An API refuses: each API words it in its own way. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  /** `message` is the API's own sentence. It holds a secret by default, as real ones may. */
  constructor(status: number, code: string, message = `secret-looking words of ${code}`) {
    super(message);
    this.status = status;
    this.code = code;
  }
}
