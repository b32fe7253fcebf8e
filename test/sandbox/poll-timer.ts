export type PollReport = Readonly<Record<string, unknown>>;

/** How one run went. */
export type PollRun =
  | { readonly startedAt: number; readonly endedAt: number; readonly report: PollReport }
  | { readonly startedAt: number; readonly endedAt: number; readonly error: unknown };

export type PollTimer = {
  /** Runs poll now and then at each interval, until `stop`. */
  start(): void;
  /**
   * One run, as soon as customers may be read again. While a run is under way, or waited for,
   * everyone gets that one.
   */
  runNow(): Promise<PollRun>;
  state(): {
    readonly runningSince: number | undefined;
    readonly last: PollRun | undefined;
    /** When the timer fires next; undefined while it is not started. */
    readonly nextAt: number | undefined;
  };
  /** Resolves when the run that is under way has ended. */
  stop(): Promise<void>;
};

export type PollTimerOptions = {
  readonly poll: () => Promise<PollReport>;
  /** Between the beginnings of two runs. */
  readonly intervalMs: number;
  /** No customer is read twice within it, so a run that is asked for waits for its end. */
  readonly readIntervalMs: number;
  readonly now: () => number;
  /** Resolves early when the signal aborts; never rejects. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** A run has begun or ended. */
  readonly onChange: () => void;
};

/** The timer trigger of this machine: never two runs at once, and one that fails is not the last. */
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

  /** Joins the run that is under way or waited for. */
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
      // When in the last run a customer was read is not known, so its end counts.
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
