/** What the command line touches of the world; tests bring their own. */
export type CtlIo = {
  /** One line of the result. */
  readonly out: (line: string) => void;
  /** One line about the work: errors, waits and progress. */
  readonly err: (line: string) => void;
  /** Overwrites the current line of a terminal; undefined where there is none. */
  readonly redraw: ((text: string) => void) | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Wall clock, ms. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** A file's text; `-` is the standard input. */
  readonly readText: (path: string) => Promise<string>;
  /** The program that invokes the deployed function, and its first arguments. */
  readonly serverless: readonly [string, ...string[]];
};

/** Ends the command: 1 for refused or failed, 2 for a command line that is wrong. */
export class CtlError extends Error {
  readonly exitCode: 1 | 2;
  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

export type Answer = Readonly<Record<string, unknown>>;

/** A way to poll. `busy`: refused because too many run at once; nothing was done. */
export type Connection = {
  ask(payload: object): Promise<Answer | "busy">;
  close(): Promise<void>;
};
