import * as z from "zod/mini";
import { customerIdSchema, SELF } from "../../../shared/schemas/customer-row.ts";
import type { PollReport, PollRun } from "../poll-timer.ts";
import type { SandboxReceiver } from "../receiver.ts";
import type { UpstreamControl } from "../upstream-control.ts";
import type { NumberActions } from "./number-actions.ts";
import type { AttemptView, SignedRequest, UpstreamFault } from "./state.ts";

/** What the page's buttons reach. */
export type ControlTargets = {
  readonly upstream:
    | {
        readonly control: Pick<UpstreamControl, "addCustomer" | "fault" | "clearFaults">;
        readonly actions: NumberActions;
      }
    | undefined;
  readonly receiver: Pick<SandboxReceiver, "behave"> | undefined;
  readonly runNow: () => Promise<PollRun>;
  /** The webhook, whoever's it is. */
  readonly webhook: {
    /** Undefined when the event is known no longer. */
    resend(id: string): Promise<AttemptView | undefined> | undefined;
    sign(id: string): SignedRequest | undefined;
  };
  /** A command for poll, as JSON. */
  readonly command: (payload: string) => Promise<PollReport>;
};

export type Controls = {
  /** What the page switched; a fault that a program queued by `/~control` is not among it. */
  state(): { readonly fault: UpstreamFault; readonly isReceiverUp: boolean };
  /** Does what a path asks for; the value is the answer's JSON. Undefined: there is no such path. */
  run(path: string, body: unknown): Promise<unknown> | undefined;
};

/** What the page gets when a button cannot do its work; the message is for the reader. */
export class ControlError extends Error {}

const FORGOTTEN = "The page keeps the last hundred events, and this is none of them.";

const customerBody = z.object({
  custSpaceId: customerIdSchema.check(z.refine((id) => id !== SELF, "must not be self")),
});
const numberBody = z.object({
  custSpaceId: z.string(),
  phoneNumber: z.string(),
  action: z.string(),
});
const faultBody = z.object({ fault: z.enum(["none", "throttling", "outage"]) });
const eventBody = z.object({ id: z.string() });
const receiverBody = z.object({ isUp: z.boolean() });

function read<T extends z.ZodMiniType>(schema: T, body: unknown): z.output<T> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new ControlError(`${issue?.path.join(".") || "The body"} ${issue?.message ?? "is wrong"}.`);
}

function present<T>(target: T | undefined, message: string): T {
  if (target === undefined) throw new ControlError(message);
  return target;
}

export function createControls({ upstream, receiver, webhook, ...poll }: ControlTargets): Controls {
  let fault: UpstreamFault = "none";
  let isReceiverUp = true;
  const simulated = () => present(upstream, "The real upstream cannot be changed from here.");

  async function runPoll() {
    const run = await poll.runNow();
    if ("error" in run) throw new ControlError("This run of poll failed; npm start printed why.");
    return run.report;
  }

  const paths: Readonly<Record<string, (body: unknown) => Promise<unknown>>> = {
    async number(body) {
      const { custSpaceId, phoneNumber, action } = read(numberBody, body);
      const { actions } = simulated();
      try {
        actions.run(custSpaceId, phoneNumber, action);
      } catch (error) {
        throw new ControlError(error instanceof Error ? error.message : String(error));
      }
      return {};
    },
    async customer(body) {
      const { custSpaceId } = read(customerBody, body);
      // With the real upstream it has to be there already.
      upstream?.control.addCustomer(custSpaceId);
      return poll.command(JSON.stringify({ command: "watch", custSpaceIds: [custSpaceId] }));
    },
    async upstream(body) {
      const wanted = read(faultBody, body).fault;
      const { control } = simulated();
      control.clearFaults();
      const count = Number.POSITIVE_INFINITY;
      if (wanted === "throttling") control.fault({ kind: "throttle", retryAfterMs: 1_000, count });
      if (wanted === "outage") control.fault({ kind: "html-502", count });
      fault = wanted;
      return {};
    },
    async receiver(body) {
      const { isUp } = read(receiverBody, body);
      const target = present(receiver, "The events go to a receiver of your own.");
      target.behave(isUp ? "ok" : { status: 503 });
      isReceiverUp = isUp;
      return {};
    },
    async resend(body) {
      const sent = await present(webhook.resend(read(eventBody, body).id), FORGOTTEN);
      const { isAccepted, status, answer } = present(sent, FORGOTTEN);
      if (!isAccepted) throw new ControlError(`Not accepted: ${status} ${answer}`.trim());
      return {};
    },
    sign: async (body) => present(webhook.sign(read(eventBody, body).id), FORGOTTEN),
    poll: runPoll,
    /** What an operator does after an outage, instead of waiting for the next probe. */
    async resume() {
      const answer = await poll.command(JSON.stringify({ command: "webhook-enable" }));
      if (answer.accepted !== true) throw new ControlError("The receiver did not accept the test.");
      return runPoll();
    },
  };

  return {
    state: () => ({ fault, isReceiverUp }),
    run: (path, body) => (Object.hasOwn(paths, path) ? paths[path]?.(body) : undefined),
  };
}
