import { randomUUID } from "node:crypto";
import { maskNumber } from "../../../shared/log.ts";
import { recordAnswers } from "../answers.ts";
import type { LocalFunctions, LocalOptions } from "../functions.ts";
import type { PlatformOptions } from "../platform.ts";
import type { PollTimer } from "../poll-timer.ts";
import type { SandboxReceiver } from "../receiver.ts";
import type { SandboxUpstream, UpstreamOptions } from "../upstream.ts";
import { loadAssets } from "./assets.ts";
import { createCallMeter } from "./call-meter.ts";
import { createChangeTimes } from "./change-times.ts";
import { createControls } from "./controls.ts";
import { viewCustomers } from "./customer-views.ts";
import { createEventFeed } from "./event-feed.ts";
import { createNumberActions } from "./number-actions.ts";
import { statusOf, toOverview } from "./overview.ts";
import { createRoutes, PAGE_HEADERS } from "./routes.ts";
import type { PageState } from "./state.ts";
import { createStateStream } from "./stream.ts";
import { createWebhook } from "./webhook.ts";

/** More are not sent to the browser. */
const MAX_CUSTOMERS = 2_000;
const SHOWN_PROBLEMS = 3;

/** What the page has to see as it happens: given to the upstream and the functions at their start. */
export type PageWatch = {
  readonly upstream: Required<Pick<UpstreamOptions, "onCall" | "onChange">>;
  readonly delivery: NonNullable<LocalOptions["onAttempt"]>;
};

export type PageOptions = {
  readonly upstream: SandboxUpstream | undefined;
  readonly receiver: SandboxReceiver | undefined;
  readonly functions: Pick<LocalFunctions, "poll" | "status" | "storedCustomers" | "resend">;
  readonly webhook: { readonly url: string; readonly secret: string };
  readonly timer: Pick<PollTimer, "runNow" | "state">;
  readonly intervalSeconds: number;
  readonly apiKey: string;
  /** Whether poll asks what numbers can send. */
  readonly isHealthWatched: boolean;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
};

export type Page = {
  readonly handle: NonNullable<PlatformOptions["local"]>;
  touch(): void;
  close(): void;
};

/**
 * Made before everything that it looks at, as these report to it from their start on; `open` then
 * takes them and gives the page itself.
 */
export function createPage(clock: { readonly now: () => number; readonly isReal: boolean }) {
  // Real customers' numbers belong on no screen that may be shared.
  const show = clock.isReal ? maskNumber : (phoneNumber: string) => phoneNumber;
  const changeTimes = createChangeTimes();
  const meter = createCallMeter();
  const feed = createEventFeed({ changeTimes, show });
  let upstream: SandboxUpstream | undefined;
  let touch = () => {};
  const answers = recordAnswers();

  const watch: PageWatch = {
    upstream: {
      onCall(call) {
        meter.note(call);
        touch();
      },
      onChange(custSpaceId) {
        changeTimes.note(
          custSpaceId,
          upstream ? withHealth(upstream, custSpaceId) : [],
          clock.now(),
        );
        touch();
      },
    },
    delivery(event, result, { redelivery: isResend }) {
      const isAccepted = result.kind === "delivered";
      const [status, answer] = [statusOf(result), answers.take(event.id)];
      feed.take(event, { at: clock.now(), status, answer, isAccepted, isResend });
      touch();
    },
  };

  async function open(options: PageOptions): Promise<Page> {
    const { functions, timer, receiver, now, onError } = options;
    upstream = options.upstream;
    const simulated = upstream && {
      control: upstream.control,
      actions: createNumberActions(upstream.control, options),
    };
    const { assets, version } = await loadAssets();
    const run = randomUUID();
    const controls = createControls({
      upstream: simulated,
      receiver,
      runNow: timer.runNow,
      command: functions.poll,
      webhook: createWebhook({ feed, resend: functions.resend, now, ...options.webhook }),
    });

    async function read(): Promise<PageState> {
      const statusAt = now();
      const status = await functions.status();
      const stored = await functions.storedCustomers(MAX_CUSTOMERS);
      feed.wait([...stored.values()].flatMap(({ pending }) => pending));
      const customers = viewCustomers({
        ...{ stored, upstream: simulated, show },
        isHealthWatched: options.isHealthWatched,
      });
      const { fault, isReceiverUp } = controls.state();
      const unstored = Math.max(0, status.watched - stored.size);
      return {
        ...{ version, run, now: now() },
        apiKey: simulated ? options.apiKey : null,
        overview: toOverview({
          upstream: {
            isSimulated: simulated !== undefined,
            fault,
            meter: meter.read(now()),
            limit: 10,
          },
          timer: timer.state(),
          intervalSeconds: options.intervalSeconds,
          ...{ status, statusAt },
          receiver: {
            delivered: feed.delivered(),
            lastAttempt: feed.lastAttempt() ?? null,
            sandbox: receiver
              ? {
                  isUp: isReceiverUp,
                  problemCount: receiver.problems().length,
                  lastProblems: receiver.problems().slice(-SHOWN_PROBLEMS),
                }
              : null,
          },
        }),
        customers: customers.slice(0, MAX_CUSTOMERS),
        unsentCustomers: Math.max(0, customers.length - MAX_CUSTOMERS) + unstored,
        events: feed.events(),
      };
    }

    const stream = createStateStream({ read, headers: PAGE_HEADERS, onError });
    touch = stream.touch;
    const handle = createRoutes({ assets, stream, controls, onError });
    const close = () => {
      stream.close();
      answers.close();
    };
    return { handle, touch, close };
  }

  return { watch, open };
}

/** A customer's numbers, with what each can send as one more of its fields. */
function withHealth({ control }: SandboxUpstream, customer: string) {
  return control.numbers(customer).map((fields) => {
    const { canSend } = control.health(customer, String(fields.PhoneNumber));
    return { ...fields, canSend: canSend.toLowerCase() };
  });
}
