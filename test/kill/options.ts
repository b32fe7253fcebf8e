import { parseArgs } from "node:util";

export const STORES = ["pglite", "postgres", "tablestore"] as const;
export type StoreName = (typeof STORES)[number];

export type KillOptions = {
  readonly kills: number;
  readonly stores: readonly StoreName[];
  readonly seed: number;
  readonly json: boolean;
  readonly help: boolean;
};

/** @returns what was asked for, or what is wrong with the command line */
export function readKillOptions(argv: readonly string[]): KillOptions | string {
  const values = parse(argv);
  if (typeof values === "string") return values;
  const stores = values.stores.split(",");
  const unknown = stores.some((name) => !(STORES as readonly string[]).includes(name));
  if (unknown || new Set(stores).size < stores.length) {
    return `--stores must be one or more of ${STORES.join(",")}, each once`;
  }
  const kills = wholeNumber(values.kills);
  if (kills === undefined || kills < stores.length) {
    return "--kills must be a whole number, at least one for each store";
  }
  const seed = wholeNumber(values.seed);
  if (seed === undefined) return "--seed must be a whole number";
  const { json, help } = values;
  return { kills, stores: stores as StoreName[], seed, json, help };
}

function parse(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        kills: { type: "string", default: "210" },
        stores: { type: "string", default: STORES.join(",") },
        seed: { type: "string", default: "1" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    return values;
  } catch (error) {
    return error instanceof Error ? error.message : "the options cannot be read";
  }
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** Shares that add up to the whole, as even as possible, the larger ones first. */
export function shareKills(kills: number, stores: number): number[] {
  const least = Math.floor(kills / stores);
  return Array.from({ length: stores }, (_, index) => least + (index < kills % stores ? 1 : 0));
}
