/*
 * Message receipts, as the reference hints-and-health (sections 1 and 2) has them from the pages
 * ChatAppAudit and ChatAppStatus. A rule that is a guess says so. Where it can, a guess is strict: it
 * sends less than the real upstream may.
 */
import { createHash } from "node:crypto";
import type { NumberFields } from "./cams-state.ts";

/** Page ChatAppStatus-1: the answer must come within 3 s. */
const ANSWER_MS = 3_000;
/** What `receipts()` keeps. */
const KEPT = 100;

/** One report in the array that a request carries. All values are texts, as in the page's sample. */
type Receipt = Readonly<Record<string, string>>;

/** What happens to the next request with receipts: "duplicates and losses" are on the page. */
export type ReceiptFault =
  | { readonly kind: "lost" | "doubled" }
  | { readonly kind: "late"; readonly delayMs: number };

export type SentReceipts = {
  readonly custSpaceId: string;
  readonly body: string;
  /** `done`, or why not: a status, `no code` or `no answer`. Undefined until then, and if lost. */
  outcome: string | undefined;
};

/**
 * What version V2 reports of a change, for those kinds whose Status the page shows. Nothing readable on
 * it carries a number's Status or its code's, so these are reported by nobody. Of the other kinds the
 * values are cut off in every copy: none is sent. That a review's status is sent as Query shows it is
 * a guess.
 */
export function receiptsOf(
  custSpaceId: string,
  before: NumberFields | undefined,
  after: NumberFields,
): readonly Receipt[] {
  // No page says that a number which is new is reported.
  if (!before) return [];
  const report = (Type: string, field: string, more: Receipt = {}): Receipt[] => {
    const [from, to] = [before[field], after[field]];
    if (from === to || typeof to !== "string") return [];
    const PhoneNumber = String(after.PhoneNumber);
    return [{ WabaId: wabaOf(custSpaceId), Type, PhoneNumber, Status: to, ...more }];
  };
  const { MessagingLimitTier: tier } = after;
  const limit: Receipt = typeof tier === "string" ? { CurrentLimit: tier } : {};
  return [
    ...report("phoneQualityUpdate", "QualityRating", limit),
    ...report("phoneNameUpdate", "NameStatus"),
  ];
}

/** A WABA's id is not the CustSpaceId, so nobody finds the customer by it. */
function wabaOf(custSpaceId: string): string {
  const digest = createHash("sha256").update(custSpaceId).digest();
  return String(digest.readUIntBE(0, 6)).padStart(15, "1");
}

export type ReceiptSender = {
  /** Sends one request with an array of receipts, unless a fault says otherwise. */
  send(custSpaceId: string, url: string, receipts: readonly Receipt[]): void;
  fault(fault: ReceiptFault): void;
  /** The last requests, the oldest first. */
  sent(): readonly SentReceipts[];
  /** Resolves once no request is under way. */
  settled(): Promise<void>;
  close(): void;
};

export function createReceiptSender(): ReceiptSender {
  const closing = new AbortController();
  const faults: ReceiptFault[] = [];
  const underWay = new Set<Promise<void>>();
  let sent: SentReceipts[] = [];

  /**
   * The push is done by a 200 with a `code` that is a number, of any value (sister products' pages).
   * Whether a failed one is repeated is unknown, so none is.
   */
  async function post(url: string, body: string): Promise<string> {
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(ANSWER_MS)]);
    const headers = { "content-type": "application/json;charset=UTF-8" };
    try {
      const response = await fetch(url, { method: "POST", headers, body, signal });
      const answer: unknown = await response.json().catch(() => undefined);
      if (response.status !== 200) return `status ${response.status}`;
      const code = (answer as { readonly code?: unknown } | null | undefined)?.code;
      return typeof code === "number" ? "done" : "no code";
    } catch {
      return "no answer";
    }
  }

  async function carry(url: string, one: SentReceipts, fault: ReceiptFault | undefined) {
    if (fault?.kind === "lost") return;
    if (fault?.kind === "late") await pause(fault.delayMs, closing.signal);
    const times = fault?.kind === "doubled" ? 2 : 1;
    const outcomes = await Promise.all(Array.from({ length: times }, () => post(url, one.body)));
    one.outcome = outcomes.at(-1);
  }

  return {
    send(custSpaceId, url, receipts) {
      const one: SentReceipts = { custSpaceId, body: JSON.stringify(receipts), outcome: undefined };
      sent = [...sent, one].slice(-KEPT);
      const carrying = carry(url, one, faults.shift()).finally(() => underWay.delete(carrying));
      underWay.add(carrying);
    },
    fault: (fault) => void faults.push(fault),
    sent: () => sent.map((one) => ({ ...one })),
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
    close: () => closing.abort(),
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms).unref();
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
