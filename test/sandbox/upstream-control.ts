/*
 * The control of the sandbox upstream: an object in the process, and JSON over HTTP on its own port.
 *
 * POST /~control/<path> with a JSON object as application/json. 200 {"result": ...}, 400 {"error":
 * text}, 403 from a page of another site (guard.ts), 404 unknown path, 405 another method.
 *
 * | path            | body                                   | result                                |
 * |-----------------|----------------------------------------|---------------------------------------|
 * | add-customer    | custSpaceId, numbers?                  | null                                  |
 * | set-number      | custSpaceId, phoneNumber, fields       | null (a null field leaves the replies) |
 * | remove-number   | custSpaceId, phoneNumber               | null                                  |
 * | numbers         | custSpaceId                            | the numbers, by upstream field names  |
 * | connect         | custSpaceId, phoneNumber               | null                                  |
 * | review-name     | custSpaceId, phoneNumber, nameStatus   | null                                  |
 * | set-health      | custSpaceId, phoneNumber, health       | null (canSend, entity?, errors?)      |
 * | set-webhook     | custSpaceId, url (null: none)          | null (as UpdateAccountWebhook does)   |
 * | receipt-fault   | kind (lost, doubled, late), delayMs?   | null, for the next receipts           |
 * | receipts        |                                        | the receipts sent last                |
 * | lag             | custSpaceId, on                        | null (Query lags behind until a Sync) |
 * | refuse          | custSpaceId, code (null: no longer)    | null                                  |
 * | fault           | kind, action?, custSpaceId?, count?, … | null                                  |
 * | clear-faults    |                                        | null                                  |
 * | calls           |                                        | the recorded calls                    |
 * | clear-calls     |                                        | null                                  |
 * | throttled-count |                                        | a number                              |
 *
 * The account itself is the customer `self`.
 */
import type { IncomingHttpHeaders } from "node:http";
import { type Fault, type FaultQueue, isFaultKind } from "./cams-faults.ts";
import type { CamsState, HealthFields, NumberFields } from "./cams-state.ts";
import type { ReceiptFault, ReceiptSender, SentReceipts } from "./receipts.ts";

/** One request that reached the upstream, recorded before its reply. */
export type UpstreamCall = {
  readonly action: string;
  /** As sent. Absent if the request was about the account itself. */
  readonly custSpaceId?: string | undefined;
  /** Country code and digits, for Add. */
  readonly phoneNumber?: string | undefined;
  readonly at: number;
  /** The Code of the reply, or undefined if it had none or was never sent. */
  readonly code: string | undefined;
  readonly executed: boolean;
  readonly fault?: Fault["kind"] | undefined;
  readonly method: string;
  readonly rawQuery: string;
  readonly rawBody: string;
  readonly headers: IncomingHttpHeaders;
};

export type UpstreamControl = Pick<
  CamsState,
  | "addCustomer"
  | "setNumber"
  | "removeNumber"
  | "numbers"
  | "customers"
  | "connect"
  | "reviewName"
  | "setHealth"
  | "health"
  | "setWebhook"
  | "refuse"
  | "lag"
> & {
  fault(fault: Fault): void;
  clearFaults(): void;
  /** All calls, or the last ones if `keptCalls` is set. */
  calls(): readonly UpstreamCall[];
  /** Clears the calls and the count of throttled ones. */
  clearCalls(): void;
  /** What happens to the next receipts. */
  receiptFault(fault: ReceiptFault): void;
  receipts(): readonly SentReceipts[];
  /** Resolves once no receipt is under way. */
  receiptsSettled(): Promise<void>;
  /** Calls that the rate limit itself refused, without those of a `throttle` fault. */
  throttledCount(): number;
};

export type CallLog = {
  record(call: UpstreamCall): void;
  throttled(): void;
};

export type CallLogOptions = {
  /** How many of the last calls are kept. Default: all. */
  readonly keptCalls?: number;
  readonly onCall?: (call: UpstreamCall) => void;
};

export function createControl(
  state: CamsState,
  faults: FaultQueue,
  sender: ReceiptSender,
  { keptCalls = Number.POSITIVE_INFINITY, onCall }: CallLogOptions = {},
): { readonly control: UpstreamControl; readonly log: CallLog } {
  let calls: UpstreamCall[] = [];
  let throttledCount = 0;
  const { addCustomer, setNumber, removeNumber, numbers, customers } = state;
  const { connect, reviewName, setHealth, health, setWebhook, refuse, lag } = state;
  return {
    log: {
      record(call) {
        calls.push(call);
        if (calls.length > keptCalls) calls.shift();
        onCall?.(call);
      },
      throttled() {
        throttledCount += 1;
      },
    },
    control: {
      addCustomer,
      setNumber,
      removeNumber,
      numbers,
      customers,
      connect,
      reviewName,
      setHealth,
      health,
      setWebhook,
      refuse,
      lag,
      fault: (fault) => faults.add(fault),
      clearFaults: () => faults.clear(),
      receiptFault: sender.fault,
      receipts: sender.sent,
      receiptsSettled: sender.settled,
      calls: () => [...calls],
      clearCalls() {
        calls = [];
        throttledCount = 0;
      },
      throttledCount: () => throttledCount,
    },
  };
}

type Body = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Body =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function text(body: Body, name: string): string {
  const value = body[name];
  if (typeof value !== "string" || value === "") throw new Error(`${name} must be a text`);
  return value;
}

function flag(body: Body, name: string): boolean {
  const value = body[name];
  if (typeof value !== "boolean") throw new Error(`${name} must be true or false`);
  return value;
}

function fields(value: unknown, name: string): NumberFields {
  if (!isObject(value)) throw new Error(`${name} must be an object`);
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, field ?? undefined]));
}

function health(value: unknown): HealthFields {
  if (!isObject(value)) throw new Error("health must be an object");
  text(value, "canSend");
  return value as HealthFields;
}

function numberList(value: unknown): readonly NumberFields[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new Error("numbers must be an array");
  return value.map((entry) => fields(entry, "each of numbers"));
}

function fault(body: Body): Fault {
  if (!isFaultKind(body.kind)) throw new Error("kind must be a known kind of fault");
  if (body.kind === "slow" && typeof body.delayMs !== "number") {
    throw new Error("delayMs must be a number");
  }
  if (body.kind === "code") text(body, "code");
  return body as Fault;
}

function receiptFault({ kind, delayMs }: Body): ReceiptFault {
  if (kind === "late" && typeof delayMs === "number") return { kind, delayMs };
  if (kind === "lost" || kind === "doubled") return { kind };
  throw new Error("kind must be lost, doubled, or late with delayMs");
}

const ROUTES: Readonly<Record<string, (control: UpstreamControl, body: Body) => unknown>> = {
  "add-customer": (c, b) => c.addCustomer(text(b, "custSpaceId"), numberList(b.numbers)),
  "set-number": (c, b) =>
    c.setNumber(text(b, "custSpaceId"), text(b, "phoneNumber"), fields(b.fields, "fields")),
  "remove-number": (c, b) => c.removeNumber(text(b, "custSpaceId"), text(b, "phoneNumber")),
  numbers: (c, b) => c.numbers(text(b, "custSpaceId")),
  connect: (c, b) => c.connect(text(b, "custSpaceId"), text(b, "phoneNumber")),
  "review-name": (c, b) =>
    c.reviewName(text(b, "custSpaceId"), text(b, "phoneNumber"), text(b, "nameStatus")),
  "set-webhook": (c, b) =>
    c.setWebhook(text(b, "custSpaceId"), (b.url ?? undefined) && text(b, "url")),
  "receipt-fault": (c, b) => c.receiptFault(receiptFault(b)),
  receipts: (c) => c.receipts(),
  "set-health": (c, b) =>
    c.setHealth(text(b, "custSpaceId"), text(b, "phoneNumber"), health(b.health)),
  lag: (c, b) => c.lag(text(b, "custSpaceId"), flag(b, "on")),
  refuse: (c, b) => c.refuse(text(b, "custSpaceId"), (b.code ?? undefined) && text(b, "code")),
  fault: (c, b) => c.fault(fault(b)),
  "clear-faults": (c) => c.clearFaults(),
  calls: (c) => c.calls(),
  "clear-calls": (c) => c.clearCalls(),
  "throttled-count": (c) => c.throttledCount(),
};

/** The reply to one control request. `path` is what follows `/~control/`. */
export function runControl(
  control: UpstreamControl,
  path: string,
  rawBody: string,
): { readonly status: number; readonly body: Readonly<Record<string, unknown>> } {
  const route = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined;
  if (!route) return { status: 404, body: { error: "there is no such control" } };
  try {
    const body: unknown = rawBody === "" ? {} : JSON.parse(rawBody);
    if (!isObject(body)) throw new Error("the body must be a JSON object");
    return { status: 200, body: { result: route(control, body) ?? null } };
  } catch (error) {
    return { status: 400, body: { error: error instanceof Error ? error.message : "unusable" } };
  }
}
