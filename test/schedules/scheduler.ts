/** A seeded source of numbers in [0, 1) (mulberry32): the same seed gives the same run. */
export type Random = () => number;

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type Process = { readonly name: string; dead: boolean };

type Waiting = {
  readonly owner: Process;
  readonly resolve: () => void;
  readonly at: number;
  /** Lets go of what would wake it. */
  readonly forget?: () => void;
};

/**
 * Runs asynchronous processes one step at a time in an order that a seed decides. Each effect of a
 * process waits here before and after it happens. At every such place any other process may run,
 * or the process itself die. The clock moves only when the schedule says so.
 */
export function createScheduler(random: Random, startMs: number) {
  const ready: Waiting[] = [];
  const timers: Waiting[] = [];
  let clock = startMs;

  function takeRandom(from: Waiting[]): Waiting | undefined {
    const index = Math.floor(random() * from.length);
    const last = from.pop();
    if (last === undefined || index === from.length) return last;
    const chosen = from[index];
    from[index] = last;
    return chosen;
  }

  function wakeDue(): void {
    for (let index = timers.length - 1; index >= 0; index -= 1) {
      const timer = timers[index];
      if (!timer || timer.at > clock) continue;
      timers.splice(index, 1);
      ready.push(timer);
    }
  }

  return {
    now: () => clock,

    /** A place where anything may happen. The promise of a dead process never settles. */
    step(owner: Process): Promise<void> {
      return new Promise((resolve) => ready.push({ owner, resolve, at: clock }));
    },

    sleep(owner: Process, ms: number, signal?: AbortSignal): Promise<void> {
      if (signal?.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const cut = () => {
          const index = timers.indexOf(timer);
          if (index < 0) return;
          timers.splice(index, 1);
          end();
        };
        // A signal of several keeps what listens to it alive, so that memory would grow with the seeds.
        const forget = () => signal?.removeEventListener("abort", cut);
        const end = () => {
          forget();
          resolve();
        };
        const timer: Waiting = { owner, resolve: end, forget, at: clock + Math.max(0, ms) };
        timers.push(timer);
        signal?.addEventListener("abort", cut);
      });
    },

    advance(ms: number): void {
      clock += ms;
      wakeDue();
    },

    /** Lets one waiting process continue. Resolves to false when none waits. */
    async run(): Promise<boolean> {
      if (ready.length === 0) await settle();
      if (ready.length === 0 && timers.length > 0) {
        clock = Math.max(clock, Math.min(...timers.map((timer) => timer.at)));
        wakeDue();
      }
      const next = takeRandom(ready);
      if (!next) return false;
      if (!next.owner.dead) next.resolve();
      await settle();
      return true;
    },

    kill(owner: Process): void {
      owner.dead = true;
      for (const list of [ready, timers]) {
        for (let index = list.length - 1; index >= 0; index -= 1) {
          if (list[index]?.owner === owner) list.splice(index, 1)[0]?.forget?.();
        }
      }
    },
  };
}

export type Scheduler = ReturnType<typeof createScheduler>;

/**
 * Resolves when everything has happened that follows from the last step without waiting: Node takes
 * the next tick once no microtask is left. A turn of the event loop would take longer than most steps.
 */
function settle(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
