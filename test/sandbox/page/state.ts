/*
 * What the page shows, as it travels from the server to the browser. The first message of a stream
 * is a whole `PageState`, each later one a `PageChange`.
 */

/** `good` is a value that a number in service has; the others are the product's own severities. */
export type Level = "good" | "info" | "warning" | "critical";

export type FieldView = {
  readonly name: string;
  /** Upstream at this moment; null when it is not known, or the upstream is the real one. */
  readonly now: string | null;
  /** What poll has seen last; null before the first read. */
  readonly known: string | null;
  /** Of the value that is shown. */
  readonly level: Level;
};

/** Why a number cannot send, or not freely, as poll has read it. */
export type HealthReasonView = {
  readonly entity: string;
  readonly code: string;
  readonly description: string | null;
  readonly solution: string | null;
};

export type NumberAction = {
  /** Buttons of one group stand together under its name. */
  readonly group: string;
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
  /** The worst of its fields; `info` while it is on its way into service. */
  readonly level: Level;
  readonly verifiedName: FieldView;
  readonly fields: readonly FieldView[];
  readonly reasons: readonly HealthReasonView[];
  readonly actions: readonly NumberAction[];
};

export type CustomerView = {
  readonly id: string;
  readonly isWatched: boolean;
  /** Events that wait for the receiver. */
  readonly waiting: number;
  /** Null while the last read was good. */
  readonly failing: {
    readonly code: string;
    readonly since: string;
    /** It was reported as an event. */
    readonly isStale: boolean;
  } | null;
  readonly numbers: readonly NumberView[];
};

export type AttemptView = {
  readonly at: number;
  /** The status, or why there is none. */
  readonly status: string;
  /** How the body of the response began. */
  readonly answer: string;
  readonly isAccepted: boolean;
  readonly isResend: boolean;
};

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

/** `unsent`: it waits no longer, and the receiver never accepted it. */
export type DeliveryState = "waiting" | "delivered" | "unsent";

/** One event, from when it waits for the receiver. */
export type EventView = {
  /** Counts the events; the newest has the highest. */
  readonly key: number;
  /** Rises with each change of this event, over all events. */
  readonly revision: number;
  readonly id: string;
  /** When it was observed. */
  readonly at: number;
  readonly type: string;
  readonly customer: string | null;
  readonly phoneNumber: string | null;
  readonly severity: Level;
  readonly direction: string | null;
  readonly changes: readonly ChangeView[];
  readonly sequence: string | null;
  /** What to do about it, or the code behind it. */
  readonly note: string | null;
  readonly state: DeliveryState;
  /** From the change upstream, where it is known, to the first acceptance. */
  readonly delayMs: number | null;
  readonly attempts: readonly AttemptView[];
  readonly body: string;
};

/** What a verifier needs to be tried: the bytes of an event, signed now. */
export type SignedRequest = {
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
};

export type UpstreamFault = "none" | "throttling" | "outage";

export type Overview = {
  /** As `ctl status` begins; null until the store has been read. */
  readonly verdict: {
    readonly status: "OK" | "WARN" | "CRIT" | "UNKNOWN";
    readonly reasons: readonly string[];
  } | null;
  readonly upstream: {
    readonly isSimulated: boolean;
    readonly fault: UpstreamFault;
    /** Over the last minute. */
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
      /** Why the run ended early or failed; null when it did not. */
      readonly trouble: string | null;
    } | null;
  };
  /** Null until the store has been read. */
  readonly store: {
    /** Events for the receiver. */
    readonly waiting: number;
    readonly dead: number;
    readonly customers: number;
    readonly numbers: number;
    readonly failing: number;
    readonly stale: number;
    /** Some counts are lower bounds. */
    readonly isPartial: boolean;
  } | null;
  /** When the customer was read whose last read is the oldest; null before the first pass. */
  readonly freshSince: number | null;
  readonly breaker: {
    readonly state: string;
    readonly nextProbeAt: number | null;
    readonly reason: string | null;
  } | null;
  readonly receiver: {
    /** The sandbox's own; null when events go to one of somebody's own. */
    readonly sandbox: {
      readonly isUp: boolean;
      readonly problemCount: number;
      /** The last three, the newest last. */
      readonly lastProblems: readonly string[];
    } | null;
    /** Events that were accepted, since the start. */
    readonly delivered: number;
    readonly lastAttempt: Pick<AttemptView, "at" | "status" | "answer" | "isAccepted"> | null;
  };
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
  /** The last hundred, the oldest first. */
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
  /** New or changed. */
  readonly events?: readonly EventView[];
};
