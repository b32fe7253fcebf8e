import type { CtlIo } from "./io.ts";

const BAR_WIDTH = 30;

/** Shows how much is done: as a bar on a terminal, elsewhere as a line at each tenth. */
export function createProgress(
  total: number,
  { redraw, err }: Pick<CtlIo, "redraw" | "err">,
): (done: number) => void {
  let tenths = 0;
  return (done) => {
    if (redraw) {
      const filled = Math.round((done / total) * BAR_WIDTH);
      const bar = "#".repeat(filled).padEnd(BAR_WIDTH, "-");
      redraw(`[${bar}] ${done}/${total}${done === total ? "\n" : ""}`);
      return;
    }
    const now = Math.floor((done / total) * 10);
    if (now > tenths) err(`${done}/${total}`);
    tenths = now;
  };
}
