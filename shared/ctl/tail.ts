import { type Answer, listOf } from "./answer.ts";
import type { Plan } from "./arguments.ts";
import type { Connection, CtlIo } from "./io.ts";
import { printable } from "./printable.ts";
import { runPlan } from "./run.ts";

const LOOK_MS = 2_000;

/** Prints events as the receiver accepts them, until the process ends. */
export async function tailEvents(
  plan: Plan,
  connection: Connection,
  io: CtlIo,
  asJson: boolean,
): Promise<never> {
  let since = plan.payload.since ?? new Date(io.now()).toISOString();
  let shown = new Set<unknown>();
  for (;;) {
    const { events } = await runPlan(
      { ...plan, payload: { ...plan.payload, since } },
      connection,
      io,
    );
    const found = [...listOf(events)].sort((a, b) => timeOf(a).localeCompare(timeOf(b)));
    for (const event of found) {
      if (!shown.has(keyOf(event)))
        io.out(asJson ? JSON.stringify(event) : printable(lineOf(event)));
    }
    const last = found.at(-1);
    if (last) since = timeOf(last);
    // Those of the last moment come again.
    shown = new Set(found.map(keyOf));
    await io.sleep(LOOK_MS);
  }
}

const timeOf = ({ deliveredAt }: Answer) => String(deliveredAt);
const keyOf = ({ id, deliveredAt }: Answer) => `${id} ${deliveredAt}`;

function lineOf({ deliveredAt, severity, type, custSpaceId, phoneNumber }: Answer): string {
  return [deliveredAt, severity, type, custSpaceId, phoneNumber].filter(Boolean).join("  ");
}
