export type PollReport = Readonly<Record<string, unknown>>;

/** The outcome of one run. */
export type PollRun =
  | { readonly startedAt: number; readonly endedAt: number; readonly report: PollReport }
  | { readonly startedAt: number; readonly endedAt: number; readonly error: unknown };

export type PollTimer = {
  /** Runs poll at once and then at each interval, until `stop`. */
  start(): void;
  /**
   * One run, as soon as customers may be read again. Callers share a run that is under way or that
   * waits to begin.
   */
  runNow(): Promise<PollRun>;
  state(): {
    readonly runningSince: number | undefined;
    readonly last: PollRun | undefined;
    /** When the timer fires next. Undefined if it is not started. */
    readonly nextAt: number | undefined;
  };
  /** Resolves when the run that is under way has ended. */
  stop(): Promise<void>;
};

export type PollTimerOptions = {
  readonly poll: () => Promise<PollReport>;
  /** From the start of one run to the start of the next. */
  readonly intervalMs: number;
  /** No customer is read twice within it, so `runNow` waits for its end. */
  readonly readIntervalMs: number;
  readonly now: () => number;
  /** Resolves early if the signal aborts. Never rejects. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Called when a run begins or ends. */
  readonly onChange: () => void;
};

/** The timer trigger of this machine. Runs never overlap, and it continues after a failed run. */
export function createPollTimer(options: PollTimerOptions): PollTimer {
  const { intervalMs, now, sleep, onChange } = options;
  const ending = new AbortController();
  let current: Promise<PollRun> | undefined;
  let runningSince: number | undefined;
  let last: PollRun | undefined;
  let nextAt: number | undefined;
  let loop: Promise<void> | undefined;

  async function run(): Promise<PollRun> {
    const startedAt = now();
    runningSince = startedAt;
    onChange();
    try {
      last = { startedAt, report: await options.poll(), endedAt: now() };
    } catch (error) {
      last = { startedAt, error, endedAt: now() };
    }
    runningSince = undefined;
    onChange();
    return last;
  }

  /** Joins the run that is under way or that waits to begin. */
  function runOnce(waitMs: number): Promise<PollRun> {
    current ??= sleep(waitMs, ending.signal)
      .then(run)
      .finally(() => {
        current = undefined;
      });
    return current;
  }

  async function repeat(): Promise<void> {
    while (!ending.signal.aborted) {
      const { startedAt } = await runOnce(0);
      nextAt = Math.max(now(), startedAt + intervalMs);
      onChange();
      await sleep(nextAt - now(), ending.signal);
    }
    nextAt = undefined;
  }

  return {
    start() {
      loop ??= repeat();
    },
    runNow() {
      // A customer may have been read at the very end of the last run.
      const readableAt = (last?.endedAt ?? Number.NEGATIVE_INFINITY) + options.readIntervalMs;
      return runOnce(Math.max(0, readableAt - now()));
    },
    state: () => ({ runningSince, last, nextAt }),
    async stop() {
      ending.abort();
      await loop;
      await current;
    },
  };
}
