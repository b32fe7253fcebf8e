import { createBudget } from "../shared/commands/command-deps.ts";
import { type Command, parseCommand, runCommand } from "../shared/commands/run-command.ts";
import { type PollDeps, pollHandler } from "../shared/deps.ts";
import { InvalidRequestError, isAppError } from "../shared/errors.ts";
import { POLL } from "../shared/functions.js";
import { askUpstream, type CheckAnswer, isCheck, runCheck } from "../shared/http/check.ts";
import { expireIdempotency } from "../shared/http/idempotency.ts";
import {
  type PlatformEvent,
  parsePlatformEvent,
  platformRequestId,
} from "../shared/http/platform-event.ts";
import { describeError } from "../shared/log.ts";
import { receiverId } from "../shared/outbox/receiver-state.ts";
import { expireEvents } from "../shared/outbox/retention.ts";
import { runPoll } from "../shared/polling/run-poll.ts";
import type { ExpiryPlace } from "../shared/polling/settings.ts";
import { newWarmState, type WarmState } from "../shared/polling/warm-state.ts";
import type { Store } from "../shared/store/store.ts";
import { createTestEvent } from "../shared/webhook/test-event.ts";

/** For the list of instances in a check. The function's timeout is 75 s. */
const CHECK_MS = 10_000;
/** For what expires in one run: keyed adds, then old events. */
const EXPIRY_MS = 2_000;

/**
 * The timer's function. One invocation is one run, or one command if the payload holds one. A run
 * that could not work at all throws, so that the platform counts it as failed.
 */
export function createPoll(common: PollDeps) {
  const warm = newWarmState();

  return async function poll(event: unknown, context: unknown): Promise<unknown> {
    const log = common.log.with({ requestId: platformRequestId(context) });
    const deps = { ...common, log };
    const startedAt = deps.monotonic();
    const parsed = parsePlatformEvent(event);
    if (isCheck(parsed)) return check(deps, context);
    try {
      const command = findCommand(parsed);
      return await (command
        ? runOperatorCommand(command, deps, warm, context)
        : runTimer(deps, warm, context));
    } catch (error) {
      const durationMs = Math.round(deps.monotonic() - startedAt);
      deps.log.error("poll failed", { ...describeError(error), durationMs });
      if (isAppError(error) && error.code === "ERR_INVALID_REQUEST") {
        return { error: { code: error.code, message: error.message, issues: error.issues } };
      }
      throw error;
    }
  };
}

/** Asks for everything that a run needs, and makes the store's table if it is absent. */
function check(deps: PollDeps, context: unknown): Promise<CheckAnswer> {
  const upstream = deps.upstreamFor(context);
  return runCheck({
    store: async () => {
      const { storeUrl, table } = await deps.prepareStore(context);
      // A PostgreSQL URL holds a password.
      return { table, storeUrl: table && storeUrl };
    },
    upstream: async () => {
      if (deps.config.discover) {
        const page = { pageIndex: 1, pageSize: 1 };
        await upstream.listInstances(page, { deadlineAt: deps.monotonic() + CHECK_MS });
      }
      return askUpstream(upstream, deps.monotonic());
    },
  });
}

/** The command in a payload, or undefined for a run. A timer's payload may be any other text. */
function findCommand(event: PlatformEvent): Command | undefined {
  switch (event.kind) {
    case "timer":
      return event.payload.trimStart().startsWith("{")
        ? readCommand(parseJson(event.payload))
        : undefined;
    case "payload":
      return event.payload === undefined ? undefined : readCommand(event.payload);
    case "http":
    case "unreadable":
      throw new InvalidRequestError([
        { path: "", message: "poll answers the timer and JSON commands only" },
      ]);
  }
}

/** An empty object asks for a run as well. */
function readCommand(payload: unknown): Command | undefined {
  const isObject = typeof payload === "object" && payload !== null;
  return isObject && Object.keys(payload).length === 0 ? undefined : parseCommand(payload);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidRequestError([{ path: "payload", message: "is not valid JSON" }]);
  }
}

async function runOperatorCommand(
  command: Command,
  deps: PollDeps,
  warm: WarmState,
  context: unknown,
): Promise<unknown> {
  const budget = createBudget(deps.monotonic);
  const { watch: listed, discover: isDiscovering, hintSecrets, retentionMs } = deps.config;
  const { lastReads } = warm;
  const invocation = await invocationOf(deps, context);
  const settings = { listed, isDiscovering, hintSecrets, retentionMs };
  return runCommand(command, { ...invocation, ...settings, lastReads, budget });
}

async function runTimer(deps: PollDeps, warm: WarmState, context: unknown): Promise<unknown> {
  const { store, source, receiverId, ...invocation } = await invocationOf(deps, context);
  const upstream = deps.upstreamFor(context);
  const expire = (place: ExpiryPlace) => expireOld(store, place, deps);
  const hints = deps.config.hintSecrets.length > 0;
  const settings = { ...deps.config, hints, source, receiverId };
  const report = await runPoll({ ...invocation, store, upstream, expire }, settings, warm);
  deps.log.info("poll run", { ...report });
  return report;
}

/** Deletes keyed adds after a day, and delivered events and dead letters after RETENTION_DAYS. */
async function expireOld(store: Store, place: ExpiryPlace, deps: PollDeps): Promise<ExpiryPlace> {
  const { now, monotonic, log, config } = deps;
  const stopAt = monotonic() + EXPIRY_MS;
  const hasTime = () => monotonic() < stopAt;
  const expiryCursor = await expireIdempotency(store, place.expiryCursor, now(), hasTime);
  const retention = { keptMs: config.retentionMs, now: now(), hasTime };
  const { place: next, soon, ...gone } = await expireEvents(store, place.retention, retention);
  if (soon > 0) log.warn("dead letters will be deleted within a week", { deadLetters: soon });
  if (gone.deadLetters + gone.deliveredEvents > 0) log.info("old events were deleted", gone);
  return { expiryCursor, retention: next };
}

/** What runs and commands take alike. */
async function invocationOf(deps: PollDeps, context: unknown) {
  const { webhook } = deps.config;
  const source = deps.sourceFor(context);
  return {
    ...deps,
    store: await deps.openStore(context),
    source,
    /** Names the receiver's row. */
    receiverId: webhook ? receiverId(webhook.url) : "none",
    testEvent: (options?: { redelivery: boolean }) => createTestEvent(source, deps, options),
  };
}

/** What Function Compute calls as `poll.handler`: by the timer, or with a command as its payload. */
export const handler = pollHandler(process.env, POLL, createPoll);
