import os from "node:os";

/** The middle value, or the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? Number.NaN;
  const lower = sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

type Machine = {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly platform: string;
  /** Over the last minute: above the number of cores, times are not to be trusted. */
  readonly load: number;
};

/** What a figure was measured on. Nothing in it names the machine. */
export function describeMachine(): Machine {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? "unknown",
    cores: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    node: process.version,
    platform: `${os.platform()} ${os.arch()}`,
    load: Math.round((os.loadavg()[0] ?? 0) * 100) / 100,
  };
}

/** One line, to stand under a table. */
export function machineLine(machine: Machine): string {
  const { cpu, cores, memoryGiB, node, platform, load } = machine;
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, ${platform}, load ${load}`;
}

/**
 * A table of plain text: the first column to the left, the others to the right, as wide as their
 * longest cell.
 */
export function formatTable(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const lines = [headers, ...rows];
  const widths = headers.map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? "").length)),
  );
  const format = (line: readonly string[]) =>
    widths
      .map((width, column) => {
        const cell = line[column] ?? "";
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [format(headers), rule, ...rows.map(format)].join("\n");
}

/** Delays as a row of a table has them, in seconds. */
export function summarize(name: string, delaysMs: readonly number[]) {
  const sorted = delaysMs.map((ms) => ms / 1_000).sort((a, b) => a - b);
  return {
    name,
    changes: sorted.length,
    mean: sorted.reduce((sum, seconds) => sum + seconds, 0) / sorted.length,
    median: median(sorted),
    p95: sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN,
    worst: sorted.at(-1) ?? Number.NaN,
  };
}
