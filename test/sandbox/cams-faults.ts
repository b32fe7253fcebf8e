import { errorReply, type Reply } from "./cams-replies.ts";

type PlainKind =
  | "html-502"
  | "reset-before"
  | "reset-after"
  | "hang"
  | "truncated"
  | "empty-list"
  | "empty-body"
  | "http-500"
  | "array-body"
  | "null-body"
  | "no-data"
  | "malformed-row"
  | "reordered"
  | "unknown-fields";

/**
 * One queued misbehaviour for the next `count` (1) signed requests of that action and customer
 * (`self`: the account itself). The limit neither refuses nor counts them. `acts` says whether the
 * operation is carried out all the same. Without it the kind decides.
 *
 * No page says how the upstream fails. The kinds are what pop-core 1.8.0 was measured to take for
 * success, or to throw without a status: a 5xx, no JSON, `[]`, `null`, half a body, a reset, silence.
 * For lists they are what no page rules out: any order, new fields, a row of another form. `no-data`
 * is a reply without its optional Data.
 */
export type Fault = {
  readonly action?: string;
  readonly custSpaceId?: string;
  readonly count?: number;
  readonly acts?: boolean;
} & (
  | { readonly kind: PlainKind }
  | { readonly kind: "throttle"; readonly retryAfterMs?: number }
  | { readonly kind: "slow"; readonly delayMs: number }
  | {
      readonly kind: "code";
      readonly code: string;
      readonly message?: string;
      readonly status?: number;
    }
);

/** A written reply. `text` is the whole body, of which a `truncated` one sends half. */
type Answer = {
  readonly kind: "answer" | "truncated";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly delayMs: number;
  /** The Code in the body, or undefined if a reader finds none. */
  readonly code: string | undefined;
};

/** What goes over the wire. */
export type WirePlan = Answer | { readonly kind: "reset" } | { readonly kind: "hang" };

/**
 * Whether a request with this fault is carried out, unless the fault itself says. A guess for each
 * kind, as neither a timeout, a reset nor a 5xx proves anything: tests try the other case by `acts`.
 */
const ACTS: Readonly<Record<Fault["kind"], boolean>> = {
  throttle: false,
  "html-502": false,
  "reset-before": false,
  "reset-after": true,
  hang: true,
  slow: true,
  truncated: true,
  "empty-list": true,
  "empty-body": false,
  "http-500": true,
  "array-body": false,
  "null-body": false,
  "no-data": true,
  code: false,
  "malformed-row": true,
  reordered: true,
  "unknown-fields": true,
};

/** These change a list, and without an action they are meant for Query's. */
const OF_LISTS: ReadonlySet<string> = new Set(["empty-list", "malformed-row", "reordered"]);

export const isFaultKind = (kind: unknown): kind is Fault["kind"] =>
  typeof kind === "string" && Object.hasOwn(ACTS, kind);

export const actsOn = (fault: Fault | undefined): boolean =>
  fault === undefined || (fault.acts ?? ACTS[fault.kind]);

export type FaultQueue = {
  add(fault: Fault): void;
  clear(): void;
  /** Uses up one of the oldest fault that fits this request. */
  take(action: string, custSpaceId: string): Fault | undefined;
};

export function createFaultQueue(): FaultQueue {
  let queue: { readonly fault: Fault; left: number }[] = [];
  return {
    add(fault) {
      queue.push({ fault, left: fault.count ?? 1 });
    },
    clear() {
      queue = [];
    },
    take(action, custSpaceId) {
      const found = queue.find(({ fault }) => {
        const wanted =
          fault.action ?? (OF_LISTS.has(fault.kind) ? "QueryChatappPhoneNumbers" : action);
        return wanted === action && (fault.custSpaceId ?? custSpaceId) === custSpaceId;
      });
      if (!found) return undefined;
      found.left -= 1;
      if (found.left <= 0) queue = queue.filter((entry) => entry !== found);
      return found.fault;
    },
  };
}

/** A reply as it is written when nothing is wrong with the wire. */
export function plainPlan(reply: Reply, delayMs = 0): Answer {
  return {
    kind: "answer",
    status: reply.status,
    headers: { "content-type": "application/json;charset=utf-8", ...reply.headers },
    text: JSON.stringify(reply.body),
    delayMs,
    code: typeof reply.body.Code === "string" ? reply.body.Code : undefined,
  };
}

function raw(status: number, text: string, type = "application/json;charset=utf-8"): WirePlan {
  const headers = { "content-type": type };
  return { kind: "answer", status, headers, text, delayMs: 0, code: undefined };
}

function withRows(reply: Reply, change: (rows: readonly unknown[]) => readonly unknown[]): Reply {
  const list = ["PhoneNumbers", "Data"].find((name) => Array.isArray(reply.body[name]));
  if (!list) return reply;
  return { ...reply, body: { ...reply.body, [list]: change(reply.body[list] as unknown[]) } };
}

function withUnknownFields(reply: Reply): Reply {
  const grown = withRows(reply, (rows) =>
    rows.map((row) => ({
      ...(row as object),
      SandboxNewField: "unheard-of",
      SandboxNewObject: { Nested: [1, null, "text"] },
    })),
  );
  return { ...grown, body: { ...grown.body, SandboxNewField: { Since: 2030 } } };
}

/** What the fault makes of the true reply. */
export function faultPlan(fault: Fault, reply: Reply): WirePlan {
  switch (fault.kind) {
    case "throttle":
      return plainPlan(errorReply("Throttling.User", { retryAfterMs: fault.retryAfterMs }));
    case "code":
      return plainPlan(errorReply(fault.code, fault));
    case "html-502":
      return raw(502, "<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html");
    case "empty-body":
      return raw(200, "");
    case "array-body":
      return raw(200, "[]");
    case "null-body":
      return raw(200, "null");
    case "no-data":
      return plainPlan({ ...reply, body: { ...reply.body, Data: undefined } });
    case "reset-before":
    case "reset-after":
      return { kind: "reset" };
    case "hang":
      return { kind: "hang" };
    case "slow":
      return plainPlan(reply, fault.delayMs);
    case "truncated":
      return { ...plainPlan(reply), kind: "truncated" };
    case "http-500":
      return plainPlan({ ...reply, status: 500 });
    case "empty-list":
      return plainPlan(withRows(reply, () => []));
    case "malformed-row":
      return plainPlan(withRows(reply, (rows) => [42, ...rows.slice(1)]));
    case "reordered":
      return plainPlan(withRows(reply, (rows) => rows.toReversed()));
    case "unknown-fields":
      return plainPlan(withUnknownFields(reply));
  }
}
