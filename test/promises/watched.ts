import { onTestFinished } from "vitest";
import type { ReceivedEvent } from "../sandbox/receiver-verify.ts";
import { type PollStage, startPollStage } from "../support/poll-stage.ts";

export type Watched = PollStage & {
  /** A minute passes, then the timer fires. */
  nextRun(): ReturnType<PollStage["run"]>;
  /** `acme changed status CONNECTED>BANNED`: each event that the receiver accepted, in order. */
  accepted(): string[];
};

/**
 * The real poll against the simulated upstream and receiver, after its first run: it has seen each
 * customer's numbers once, all of them connected and well.
 */
export async function watched(...given: Parameters<typeof startPollStage>): Promise<Watched> {
  const stage = await startPollStage(...given);
  onTestFinished(stage.close);
  await stage.run();
  return {
    ...stage,
    async nextRun() {
      await stage.clock.advance(60_000);
      return stage.run();
    },
    accepted: () => stage.receiver.received().map(({ event }) => inShort(event)),
  };
}

function inShort({ type, partitionkey, data }: ReceivedEvent): string {
  const changes = (data?.changes ?? []) as { field: string; from: string; to: string }[];
  const values = changes.map(({ field, from, to }) => ` ${field} ${from}>${to}`);
  return [partitionkey, type.split(".").at(-1)].join(" ") + values.join("");
}
