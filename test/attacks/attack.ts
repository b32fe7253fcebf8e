import type { ServerResponse } from "node:http";
import type { HttpEventOptions } from "../support/fc-events.ts";

/** Of the customer acme. */
export const KEY = "attack-attack-attack-attack";

export type Answer = { statusCode: number; headers: Record<string, string>; body: string };
export type Attack = {
  readonly name: string;
  /** Default: add. */
  readonly target?: "add" | "query" | "hint" | "poll";
  /** How the upstream answers the one call that the attack makes. */
  readonly upstream?: (response: ServerResponse) => unknown;
  readonly environment?: Readonly<Record<string, string>>;
  readonly request?: Partial<HttpEventOptions>;
  readonly gateway?: boolean;
  /** What is wrong with the answer, or undefined. */
  readonly problem: (answer: Answer, lines: readonly string[]) => string | undefined;
};

export const is =
  (status: number, more = /./) =>
  (answer: Answer) =>
    answer.statusCode === status && more.test(JSON.stringify(answer)) ? undefined : answer.body;
