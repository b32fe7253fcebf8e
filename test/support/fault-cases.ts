import type { Fault } from "../sandbox/cams-faults.ts";

type Row = readonly [name: string, fault: Fault, seen: Readonly<Record<string, unknown>>];

/** The rows of a table by name, so that a test's name can hold the outcome. */
export function toCases(rows: readonly Row[]) {
  return rows.map(([name, fault, seen]) => ({ name, fault, seen }));
}
