import { parseArgs } from "node:util";
import { STORES } from "../../shared/store/stores.ts";

/** The stores that outlive a killed process. */
const NAMES = STORES.map(({ name }) => name).filter((name) => name !== "memory");
export type StoreName = (typeof NAMES)[number];

export type KillOptions = {
  readonly kills: number;
  readonly stores: readonly StoreName[];
  readonly seed: number;
  readonly json: boolean;
  readonly help: boolean;
};

/** @returns the options, or the problem with the command line */
export function readKillOptions(argv: readonly string[]): KillOptions | string {
  const values = parse(argv);
  if (typeof values === "string") return values;
  const stores = values.stores.split(",");
  const isUnknown = stores.some((name) => !(NAMES as readonly string[]).includes(name));
  if (isUnknown || new Set(stores).size < stores.length) {
    return `--stores must be one or more of ${NAMES.join(",")}, each once`;
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
        stores: { type: "string", default: NAMES.join(",") },
        seed: { type: "string", default: "1" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    return values;
  } catch (error) {
    return error instanceof Error ? error.message : "the options are invalid";
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
