import type { Answer } from "./answer.ts";
import type { RunningStart } from "./running-file.ts";

/** What the command line needs from outside. Tests bring their own. */
export type CtlIo = {
  /** Prints one line of the result. */
  readonly out: (line: string) => void;
  /** Prints one line about the work: errors, waits and progress. */
  readonly err: (line: string) => void;
  /** Overwrites the current line of a terminal. Undefined if there is none. */
  readonly redraw: ((text: string) => void) | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Who runs it, as the system names them. */
  readonly user: string;
  /** Wall clock, ms. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** A file's text. `-` is the standard input. */
  readonly readText: (path: string) => Promise<string>;
  /** The names in a folder. */
  readonly listFiles: (folder: string) => Promise<readonly string[]>;
  /** The `npm start` that runs in this folder. */
  readonly findStart: () => Promise<RunningStart | undefined>;
  /** The program that invokes the deployed function, and its first arguments. */
  readonly serverless: readonly [string, ...string[]];
};

/** Ends the program: with 1 if the command was refused or failed, with 2 for a wrong command line. */
export class CtlError extends Error {
  readonly exitCode: 1 | 2;
  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A way to poll. */
export type Connection = {
  /** @returns `busy` if too many invocations run at once: nothing was done */
  send(payload: object): Promise<Answer | "busy">;
  /** Where the function with this name has its path `/`, if that is known here. */
  addressOf?(name: string): Promise<string | undefined>;
  close(): Promise<void>;
};
