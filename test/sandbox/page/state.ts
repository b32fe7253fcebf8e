/*
 * What the page shows, as it travels from the server to the browser. The first message of a stream
 * is a whole `PageState`, each later one a `PageChange`.
 */

/** `good` is a value that a number in service has; the others are the product's own severities. */
export type Level = "good" | "info" | "warning" | "critical";

export type FieldView = {
  readonly name: string;
  /** Upstream at this moment; null when it is not told, or the upstream is the real one. */
  readonly now: string | null;
  /** What poll has seen last; null before the first read. */
  readonly known: string | null;
  /** Of the value that is shown. */
  readonly level: Level;
};

export type NumberAction = {
  /** The button's place: what stands there changes with the number's state. */
  readonly slot: string;
  readonly name: string;
  readonly label: string;
  /** `current`: the number is so already. */
  readonly state: "available" | "current" | "unavailable";
};

export type NumberView = {
  /** Unique within the customer. */
  readonly key: string;
  /** Masked with the real upstream. */
  readonly phoneNumber: string;
  /** Whether the upstream lists it; null with the real one. */
  readonly listed: boolean | null;
  /** Whether poll has seen it at all. */
  readonly isKnown: boolean;
  readonly missingSince: string | null;
  readonly verifiedName: FieldView;
  readonly fields: readonly FieldView[];
  readonly actions: readonly NumberAction[];
};

export type CustomerView = {
  readonly id: string;
  readonly isWatched: boolean;
  readonly pending: number;
  /** The code of the last read, when it failed. */
  readonly failing: string | null;
  readonly numbers: readonly NumberView[];
};

export type AttemptView = { readonly at: number; readonly answer: string };

export type ChangeView = {
  readonly field: string;
  readonly from: string;
  readonly to: string;
  readonly direction: string;
  readonly severity: Level;
  /** Of the old and the new value by themselves. */
  readonly fromLevel: Level;
  readonly toLevel: Level;
};

/** One event that the receiver has verified and taken in. */
export type EventView = {
  /** Counts the receipts; the newest has the highest. */
  readonly receipt: number;
  readonly id: string;
  readonly at: number;
  readonly type: string;
  readonly customer: string | null;
  readonly phoneNumber: string | null;
  readonly severity: Level;
  readonly direction: string | null;
  readonly changes: readonly ChangeView[];
  readonly sequence: string | null;
  /** From the change upstream, where it is known, to the receipt. */
  readonly delayMs: number | null;
  /** Every try of this event, the receipt itself included. */
  readonly attempts: readonly AttemptView[];
  readonly isDuplicate: boolean;
  readonly isRedelivery: boolean;
  readonly body: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
};

export type UpstreamFault = "none" | "throttling" | "outage";

export type Overview = {
  readonly upstream: {
    readonly isSimulated: boolean;
    readonly fault: UpstreamFault;
    readonly calls: number;
    readonly throttled: number;
    readonly failed: number;
    /** Over the last ten seconds. */
    readonly perSecond: number;
    readonly limit: number;
  };
  readonly poll: {
    readonly runningSince: number | null;
    readonly nextAt: number | null;
    readonly intervalSeconds: number;
    readonly last: {
      readonly endedAt: number;
      readonly read: number;
      readonly changed: number;
      readonly failed: number;
      readonly delivered: number;
      /** Why the run ended early or failed; null when it did not. */
      readonly trouble: string | null;
    } | null;
  };
  /** Null until the store has been read. */
  readonly store: {
    readonly pending: number;
    readonly dead: number;
    readonly customers: number;
    readonly numbers: number;
    readonly failing: number;
    readonly stale: number;
    /** Some counts are lower bounds. */
    readonly isPartial: boolean;
  } | null;
  /** When the oldest read that still counts began; null before the first whole pass. */
  readonly freshSince: { readonly lane: number | null; readonly sweep: number | null };
  readonly breaker: {
    readonly state: string;
    readonly nextProbeAt: number | null;
    readonly reason: string | null;
  } | null;
  /** Null when events go to a receiver of somebody's own. */
  readonly receiver: {
    readonly isUp: boolean;
    readonly received: number;
    readonly problemCount: number;
    /** The last three, the newest last. */
    readonly lastProblems: readonly string[];
  } | null;
  /** What became of the last request to that one; null before it, and for the sandbox's. */
  readonly lastAttempt: { readonly isDelivered: boolean; readonly text: string } | null;
};

export type PageState = {
  /** Changes with the page's own files. */
  readonly version: string;
  /** Changes with each start of the sandbox. */
  readonly run: string;
  /** The server's clock, ms. */
  readonly now: number;
  /** For the form, which calls the function `add` itself; null with the real upstream. */
  readonly apiKey: string | null;
  readonly overview: Overview;
  readonly customers: readonly CustomerView[];
  /** Customers beyond those that are sent. */
  readonly unsentCustomers: number;
  /** The oldest first. */
  readonly events: readonly EventView[];
};

/** What differs from what was sent before; what is left out is as it was. */
export type PageChange = {
  readonly now: number;
  readonly overview?: Overview;
  /** New or changed. */
  readonly customers?: readonly CustomerView[];
  readonly removedCustomers?: readonly string[];
  readonly unsentCustomers?: number;
  /** New ones. */
  readonly events?: readonly EventView[];
};
