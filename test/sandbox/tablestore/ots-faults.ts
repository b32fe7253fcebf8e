/**
 * One queued fault, for the next `count` (1) requests of that operation, or of any.
 * - `drop`: the connection is reset instead of a response.
 * - `hang`: there is never a response.
 * - `cut`: half of the response's body, then the end of the connection. The request is carried out.
 * - `code`: an error of the service.
 * - `html`: an error page of a proxy, with that status.
 *
 * `executes` says whether the request is carried out all the same. By default only `cut` is.
 */
export type Fault = {
  readonly operation?: string;
  readonly count?: number;
  readonly executes?: boolean;
} & (
  | { readonly kind: "drop" | "hang" | "cut" }
  | { readonly kind: "html"; readonly status: number }
  | { readonly kind: "code"; readonly status: number; readonly code: string }
);

export const isFault = (value: unknown): value is Fault => {
  const { kind, status, code } = (value ?? {}) as {
    kind?: string;
    status?: unknown;
    code?: unknown;
  };
  if (kind === "html") return typeof status === "number";
  if (kind === "code") return typeof status === "number" && typeof code === "string";
  return kind === "drop" || kind === "hang" || kind === "cut";
};

export const executes = (fault: Fault | undefined): boolean =>
  fault === undefined || (fault.executes ?? fault.kind === "cut");

/** Faults in the order they were added. */
export function createFaults() {
  let queue: { readonly fault: Fault; left: number }[] = [];
  return {
    add(fault: Fault): void {
      queue.push({ fault, left: fault.count ?? 1 });
    },
    clear(): void {
      queue = [];
    },
    /** Removes the oldest fault that fits, or one of its count. */
    take(operation: string): Fault | undefined {
      const found = queue.find(({ fault }) => (fault.operation ?? operation) === operation);
      if (!found) return undefined;
      found.left--;
      if (found.left === 0) queue = queue.filter((entry) => entry !== found);
      return found.fault;
    },
  };
}
