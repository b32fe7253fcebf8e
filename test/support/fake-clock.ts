const DEADLOCK_TURNS = 20_000;

type Sleeper = { readonly at: number; readonly order: number; readonly wake: () => void };

export type FakeClock = {
  /** Wall clock, ms. */
  now(): number;
  /** Starts at 0, ms. */
  monotonic(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Moves time and wakes each sleeper at its own time. */
  advance(ms: number): Promise<void>;
  /** Moves time without waking anyone, as for an instance that was frozen. */
  jump(ms: number): void;
  /** Moves the wall clock only. */
  shiftWall(ms: number): void;
  /** Runs everything that can run without time passing. */
  settle(): Promise<void>;
  /** Runs work to its end. Jumps to the next sleeper if nothing else can run. */
  run<T>(work: Promise<T>): Promise<T>;
  /** Stops time until the returned function is called, for real input or output. */
  hold(): () => void;
};

/** Time that passes only if nothing else can happen. A run of 50 s takes milliseconds. */
export function createFakeClock(startMs: number): FakeClock {
  let elapsed = 0;
  let shift = 0;
  let order = 0;
  let holds = 0;
  const sleepers = new Set<Sleeper>();

  const nextSleeper = () =>
    [...sleepers].reduce<Sleeper | undefined>((first, one) => {
      if (!first || one.at < first.at) return one;
      return one.at === first.at && one.order < first.order ? one : first;
    }, undefined);

  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

  async function settle(): Promise<void> {
    await turn();
    await turn();
    while (holds > 0) await turn();
  }

  function wake(sleeper: Sleeper): void {
    elapsed = Math.max(elapsed, sleeper.at);
    sleepers.delete(sleeper);
    sleeper.wake();
  }

  return {
    now: () => startMs + shift + elapsed,
    monotonic: () => elapsed,
    settle,

    sleep(ms, signal) {
      if (signal?.aborted || ms <= 0) return Promise.resolve();
      return new Promise((resolve) => {
        order += 1;
        const sleeper = { at: elapsed + ms, order, wake: () => end() };
        const end = () => {
          sleepers.delete(sleeper);
          signal?.removeEventListener("abort", end);
          resolve();
        };
        sleepers.add(sleeper);
        signal?.addEventListener("abort", end);
      });
    },

    async advance(ms) {
      const until = elapsed + ms;
      await settle();
      for (let next = nextSleeper(); next && next.at <= until; next = nextSleeper()) {
        wake(next);
        await settle();
      }
      elapsed = until;
    },

    jump(ms) {
      elapsed += ms;
    },

    shiftWall(ms) {
      shift += ms;
    },

    async run(work) {
      let isDone = false;
      const done = () => {
        isDone = true;
      };
      work.then(done, done);
      let idleTurns = 0;
      while (!isDone) {
        await settle();
        const next = isDone ? undefined : nextSleeper();
        idleTurns = next ? 0 : idleTurns + 1;
        if (next) wake(next);
        else if (idleTurns > DEADLOCK_TURNS) throw new Error("nothing is left that could run");
      }
      return work;
    },

    hold() {
      holds += 1;
      let isHeld = true;
      return () => {
        if (isHeld) holds -= 1;
        isHeld = false;
      };
    },
  };
}
