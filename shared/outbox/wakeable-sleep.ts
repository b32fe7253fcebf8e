/** A sleep that other code can end early. */
export type WakeableSleep = {
  sleep(ms: number): Promise<void>;
  /** Ends the sleep under way, or else the next one. */
  wakeUp(): void;
  wasWoken(): boolean;
  /** Forgets earlier calls of `wakeUp`. */
  reset(): void;
};

export function createWakeableSleep(
  sleep: (ms: number, signal: AbortSignal) => Promise<void>,
): WakeableSleep {
  let controller = new AbortController();
  return {
    sleep: (ms) => sleep(ms, controller.signal),
    wakeUp: () => controller.abort(),
    wasWoken: () => controller.signal.aborted,
    reset() {
      controller = new AbortController();
    },
  };
}
