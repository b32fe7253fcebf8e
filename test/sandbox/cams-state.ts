import { type ReceiptSender, receiptsOf } from "./receipts.ts";

/** One number by the upstream's names of its fields. `PhoneNumber` may differ from its key. */
export type NumberFields = Readonly<Record<string, unknown>>;

/** The account itself: the customer of a request without CustSpaceId. */
export const SELF = "self";

/**
 * What GetWhatsappHealthStatus shows of a number. The entity that has the errors is part of the
 * control, as the sample of the operation's page has them at WABA.
 */
export type HealthFields = {
  /** AVAILABLE, LIMITED or BLOCKED (Meta's page health-status), or any other word. */
  readonly canSend: string;
  readonly entity?: string;
  readonly errors?: readonly Readonly<Record<string, unknown>>[];
};

export type CamsState = {
  /** Makes the customer unless it exists, then sets these numbers. Other numbers stay. */
  addCustomer(custSpaceId: string, numbers?: readonly NumberFields[]): void;
  /** Makes or changes a number. A field that is given as undefined leaves the replies. */
  setNumber(custSpaceId: string, phoneNumber: string, fields: NumberFields): void;
  removeNumber(custSpaceId: string, phoneNumber: string): void;
  /** Copies, in the order in which the numbers were created. */
  numbers(custSpaceId: string): readonly NumberFields[];
  /**
   * While on, Query replies from a copy, taken at the last Sync or when this was switched on.
   * `numbers` always has the truth. That Query has such a copy is a guess: the vendor's guide
   * register-and-synchronize-phone-numbers has a Sync before the Query, and no page says why.
   */
  lag(custSpaceId: string, on: boolean): void;
  /** The numbers that Query lists. */
  listed(custSpaceId: string): readonly NumberFields[];
  /** What Sync shows, which becomes the copy. */
  sync(custSpaceId: string): readonly NumberFields[];
  /** All but the account itself, in the order in which they were created. */
  customers(): readonly string[];
  /**
   * As after a person has entered the verification code: the number can send. Status and
   * CodeVerificationStatus are the values of page manage-phone-numbers. A new number's limit is 250
   * (Meta's page messaging-limits). That its quality is GREEN at once is a guess.
   */
  connect(custSpaceId: string, phoneNumber: string): void;
  reviewName(custSpaceId: string, phoneNumber: string, nameStatus: string): void;
  /** Makes a number's health. Numbers have AVAILABLE until then. */
  setHealth(custSpaceId: string, phoneNumber: string, health: HealthFields): void;
  health(custSpaceId: string, phoneNumber: string): HealthFields;
  /** Where the customer's receipts go; undefined for nowhere. No operation reads it back. */
  setWebhook(custSpaceId: string, url: string | undefined): void;
  /** Refuses every call for this customer with this error code. Undefined ends that. */
  refuse(custSpaceId: string, code: string | undefined): void;
  refusal(custSpaceId: string): string | undefined;
  has(custSpaceId: string): boolean;
  hasNumber(custSpaceId: string, phoneNumber: string): boolean;
};

type Customer = {
  refusal: string | undefined;
  webhook: string | undefined;
  numbers: Map<string, Record<string, unknown>>;
  health: Map<string, HealthFields>;
  /** Undefined if no copy lags. */
  copy: readonly NumberFields[] | undefined;
};

/**
 * A number that was just added, in the order of the documented reply: the 12 fields of SDK 1.4.2 and
 * IsOfficial, which the SDK has since 2025-04. It is PENDING and not verified (the vendor's guide
 * register-and-synchronize-phone-numbers). NOT_VERIFIED and Pending_Review are spelt as on page
 * manage-phone-numbers, NONE and TIER_NOT_SET as on Meta's pages. That the upstream uses these
 * spellings is a guess. The callback values are easy to recognise, should they leak into an event.
 */
function freshNumber(phoneNumber: string): Record<string, unknown> {
  return {
    PhoneNumber: phoneNumber,
    VerifiedName: "Sandbox",
    Status: "PENDING",
    QualityRating: "UNKNOWN",
    CodeVerificationStatus: "NOT_VERIFIED",
    NameStatus: "Pending_Review",
    NewNameStatus: "NONE",
    MessagingLimitTier: "TIER_NOT_SET",
    StatusCallbackUrl: "https://callback.example/status",
    UpCallbackUrl: "https://callback.example/up",
    StatusQueue: "sandbox-status-queue",
    UpQueue: "sandbox-up-queue",
    IsOfficial: "N",
  };
}

const digits = (phoneNumber: string) => phoneNumber.replaceAll(/\D/g, "");

/**
 * The simulated account. Numbers are keyed by their digits. An unknown customer throws, and so does
 * an unknown number except in `setNumber`: a typing error in a test must not look like an empty
 * reply. `onChange` gets the id of each customer that was made or changed, `onReceipts` what the
 * upstream reports of a change to a customer's webhook.
 */
export function createCamsState(
  onChange: (custSpaceId: string) => void = () => {},
  onReceipts: ReceiptSender["send"] = () => {},
): CamsState {
  const fresh = (): Customer => ({
    refusal: undefined,
    webhook: undefined,
    numbers: new Map(),
    health: new Map(),
    copy: undefined,
  });
  const customers = new Map<string, Customer>([[SELF, fresh()]]);

  const customer = (custSpaceId: string): Customer => {
    const found = customers.get(custSpaceId);
    if (!found) throw new Error(`the sandbox has no customer ${custSpaceId}`);
    return found;
  };

  const setNumber = (custSpaceId: string, phoneNumber: string, fields: NumberFields) => {
    const { numbers, webhook } = customer(custSpaceId);
    const key = digits(phoneNumber);
    if (key === "") throw new Error("a sandbox number needs digits");
    const before = numbers.get(key);
    const merged = { ...(before ?? freshNumber(key)), ...fields };
    const kept = Object.entries(merged).filter(([, value]) => value !== undefined);
    const after = Object.fromEntries(kept);
    numbers.set(key, after);
    onChange(custSpaceId);
    const receipts = webhook === undefined ? [] : receiptsOf(custSpaceId, before, after);
    if (webhook !== undefined && receipts.length > 0) onReceipts(custSpaceId, webhook, receipts);
  };

  const change = (custSpaceId: string, phoneNumber: string, fields: NumberFields) => {
    if (!customer(custSpaceId).numbers.has(digits(phoneNumber))) {
      throw new Error(`the sandbox customer ${custSpaceId} has no such number`);
    }
    setNumber(custSpaceId, phoneNumber, fields);
  };

  const numbers = (custSpaceId: string) =>
    [...customer(custSpaceId).numbers.values()].map((n) => ({ ...n }));

  return {
    setNumber,
    addCustomer(custSpaceId, given = []) {
      if (!customers.has(custSpaceId)) {
        customers.set(custSpaceId, fresh());
        onChange(custSpaceId);
      }
      for (const fields of given) setNumber(custSpaceId, String(fields.PhoneNumber), fields);
    },
    removeNumber(custSpaceId, phoneNumber) {
      change(custSpaceId, phoneNumber, {});
      customer(custSpaceId).numbers.delete(digits(phoneNumber));
      onChange(custSpaceId);
    },
    numbers,
    lag(custSpaceId, on) {
      const lagging = customer(custSpaceId);
      lagging.copy = on ? (lagging.copy ?? numbers(custSpaceId)) : undefined;
    },
    listed: (custSpaceId) => customer(custSpaceId).copy ?? numbers(custSpaceId),
    sync(custSpaceId) {
      const synced = customer(custSpaceId);
      if (synced.copy) synced.copy = numbers(custSpaceId);
      return numbers(custSpaceId);
    },
    customers: () => [...customers.keys()].filter((custSpaceId) => custSpaceId !== SELF),
    connect: (custSpaceId, phoneNumber) =>
      change(custSpaceId, phoneNumber, {
        Status: "CONNECTED",
        CodeVerificationStatus: "VERIFIED",
        QualityRating: "GREEN",
        MessagingLimitTier: "TIER_250",
      }),
    reviewName: (custSpaceId, phoneNumber, nameStatus) =>
      change(custSpaceId, phoneNumber, { NameStatus: nameStatus }),
    setHealth(custSpaceId, phoneNumber, health) {
      change(custSpaceId, phoneNumber, {});
      customer(custSpaceId).health.set(digits(phoneNumber), health);
      onChange(custSpaceId);
    },
    health: (custSpaceId, phoneNumber) =>
      customer(custSpaceId).health.get(digits(phoneNumber)) ?? { canSend: "AVAILABLE" },
    setWebhook(custSpaceId, url) {
      customer(custSpaceId).webhook = url;
    },
    refuse(custSpaceId, code) {
      customer(custSpaceId).refusal = code;
    },
    refusal: (custSpaceId) => customer(custSpaceId).refusal,
    has: (custSpaceId) => customers.has(custSpaceId),
    hasNumber: (custSpaceId, phoneNumber) => customer(custSpaceId).numbers.has(digits(phoneNumber)),
  };
}
