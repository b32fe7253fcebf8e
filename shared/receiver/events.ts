// Made by shared/contract from the schemas of the events. Change those, not this file.

// Of these more values may come: editors complete those known, and any text is one.

export type Field = "status" | "qualityRating" | "codeVerificationStatus" | "nameStatus" | "newNameStatus" | "messagingLimitTier" | "verifiedName" | "isOfficial" | (string & {});
export type BlockedBy = "phoneNumber" | "status" | "codeVerificationStatus" | "nameStatus" | (string & {});
export type FailureCode = "ERR_UPSTREAM_REJECTED" | "ERR_UPSTREAM_ACCOUNT" | "ERR_UPSTREAM_THROTTLED" | "ERR_UPSTREAM_TIMEOUT" | "ERR_UPSTREAM_UNAVAILABLE" | "ERR_UPSTREAM_CONTRACT" | "ERR_CREDENTIALS" | "ERR_STORE_ROW" | "ERR_CUSTOMER_TOO_LARGE" | (string & {});
export type Status = "CONNECTED" | "FLAGGED" | "RATE_LIMITED" | "RESTRICTED" | "PAUSED" | "PENDING" | "UNVERIFIED" | "DISCONNECTED" | "OFFLINE" | "MIGRATED" | "BANNED" | "DELETED" | "UNKNOWN" | (string & {});
export type QualityRating = "GREEN" | "YELLOW" | "RED" | "UNKNOWN" | "NA" | (string & {});
export type CodeVerificationStatus = "VERIFIED" | "MORE_INFORMATION_REQUESTED" | "NOT_VERIFIED" | "UNVERIFIED" | "EXPIRED" | "REVOKED" | "REJECTED" | (string & {});
export type NameStatus = "APPROVED" | "Approval" | "AVAILABLE_WITHOUT_REVIEW" | "PENDING_REVIEW" | "Pending_Review" | "DECLINED" | "Rejected" | "EXPIRED" | "NONE" | "NON_EXISTS" | (string & {});
export type NewNameStatus = "APPROVED" | "Approval" | "AVAILABLE_WITHOUT_REVIEW" | "PENDING_REVIEW" | "Pending_Review" | "DECLINED" | "Rejected" | "EXPIRED" | "NONE" | "NON_EXISTS" | (string & {});
export type MessagingLimitTier = "TIER_UNLIMITED" | "UNLIMITED" | "TIER_100K" | "TIER_10K" | "TIER_2K" | "TIER_1K" | "TIER_250" | "TIER_50" | "TIER_NOT_SET" | "TIER_10" | "TIER_1000" | (string & {});
export type IsOfficial = "Y" | "N" | (string & {});
export type CurrentValues = {
  status?: Status;
  qualityRating?: QualityRating;
  codeVerificationStatus?: CodeVerificationStatus;
  nameStatus?: NameStatus;
  newNameStatus?: NewNameStatus;
  messagingLimitTier?: MessagingLimitTier;
  verifiedName?: string;
  isOfficial?: IsOfficial;
  [field: string]: string | undefined;
};

export type NumberEvent = {
  /** CloudEvents 1.0. */
  specversion: "1.0";
  /** The same on every delivery of the event, and equal to webhook-id. Ignore an id that you know. */
  id: string;
  /** urn:waba-numbers:<account>:<stage> */
  source: string;
  /** When poll saw it. RFC 3339, UTC, milliseconds. */
  time: string;
  /** The type of data. */
  datacontenttype: "application/json";
  /** More types may come. Acknowledge and ignore those that you do not know. */
  type: "whatsapp.phone_number.changed" | "whatsapp.phone_number.discovered" | "whatsapp.phone_number.missing" | "whatsapp.phone_number.returned" | "whatsapp.phone_number.health_changed" | "whatsapp.phone_number.state" | "whatsapp.onboarding.completed" | "whatsapp.onboarding.stuck";
  /** The number. For an event about the watch, the customer, unless its scope is number. */
  subject: string;
  /** Zero-padded digits, so text order is number order. Grows within a source and partitionkey, across restarts and restored stores. Ignore an event that is not above the last one, unless webhook-redelivery is true. */
  sequence: string;
  /** The customer. Events of one customer arrive in order. ~watch. and the customer while its stored row cannot be used: such events have an order of their own. */
  partitionkey: string;
  data: {
    /** The customer. self is the account itself, ~account is all of its customers. */
    custSpaceId: string;
    /** Country code and digits, without +: as the number was first reported, whatever its spelling today. */
    phoneNumber: string;
    /** Country code and digits as they were added, where the number was added here. */
    addedAs?: string;
    /** Today's spelling in the upstream's list, where it differs from phoneNumber. */
    listedAs?: string;
    /** Every watched field that changed between the two reads. Empty if none did. */
    changes: {
      /** A watched field: status, qualityRating, codeVerificationStatus, nameStatus, newNameStatus, messagingLimitTier, verifiedName, isOfficial. */
      field: Field;
      /** The old value, as the upstream writes it. */
      from: string | null;
      /** The new value, as the upstream writes it. Values that no list names are passed on. */
      to: string;
      /** Whether it is good news. unknown for values without an order. */
      direction: "better" | "worse" | "lateral" | "unknown";
      /** How soon somebody should look. */
      severity: "info" | "warning" | "critical";
    }[];
    /** Whether it is good news. unknown for values without an order. */
    direction: "better" | "worse" | "lateral" | "unknown";
    /** How soon somebody should look. */
    severity: "info" | "warning" | "critical";
    /** Every watched field that is known: status, qualityRating, codeVerificationStatus, nameStatus, newNameStatus, messagingLimitTier, verifiedName, isOfficial. */
    current: CurrentValues;
    /** The old values of the fields that changed. */
    previous: { [Name in keyof CurrentValues]: CurrentValues[Name] | null };
    /** The read that showed it. RFC 3339, UTC, milliseconds. */
    observedAt: string;
    /** The last read known to have shown the old values. The change happened after it. RFC 3339, UTC, milliseconds. */
    previousObservedAt?: string;
    /** The upstream's id of the read, for its support. */
    upstreamRequestId?: string;
    /** The same on events of one cause, such as a tier that changed on several numbers at once. */
    groupId?: string;
    /** Fields whose values are cut in this event. */
    truncated?: string[];
    /** The first read that did not list the number. RFC 3339, UTC, milliseconds. */
    missingSince?: string;
    /** The reason, from the number's last status. */
    missingReason?: "absent" | "deleted" | "migrated";
    /** When the number was added. RFC 3339, UTC, milliseconds. */
    addedAt?: string;
    /** What the number can do, as last known. Only with WATCH_HEALTH. */
    health?: {
      /** available, limited, blocked, or another word of the upstream in lower case. */
      canSend: string;
      /** Why it cannot. Empty if it can, or if the upstream gives no reason. */
      reasons: {
        /** What is in trouble, as the upstream writes it: PHONE_NUMBER, WABA, BUSINESS, APP … */
        entity: string;
        /** Of the watch: this service's code of the last failure. Of a reason: the upstream's code. */
        code: string;
        /** The upstream's own words, cut at 1,024 characters. */
        description?: string;
        /** What the upstream advises, cut at 1,024 characters. */
        solution?: string;
      }[];
    };
    /** What the number could do before. null at first sight. */
    previousHealth?: {
      /** available, limited, blocked, or another word of the upstream in lower case. */
      canSend: string;
      /** Why it cannot. Empty if it can, or if the upstream gives no reason. */
      reasons: {
        /** What is in trouble, as the upstream writes it: PHONE_NUMBER, WABA, BUSINESS, APP … */
        entity: string;
        /** Of the watch: this service's code of the last failure. Of a reason: the upstream's code. */
        code: string;
        /** The upstream's own words, cut at 1,024 characters. */
        description?: string;
        /** What the upstream advises, cut at 1,024 characters. */
        solution?: string;
      }[];
    } | null;
    /** The field that keeps the number out of service. phoneNumber while it is not listed. */
    blockedBy?: BlockedBy;
    /** What to do to bring the number into service. */
    nextStep?: {
      /** For people. */
      sentence: string;
      /** The upstream's operation to call first, where one exists. */
      operation?: string;
    };
  };
};

export type WatchEvent = {
  /** CloudEvents 1.0. */
  specversion: "1.0";
  /** The same on every delivery of the event, and equal to webhook-id. Ignore an id that you know. */
  id: string;
  /** urn:waba-numbers:<account>:<stage> */
  source: string;
  /** When poll saw it. RFC 3339, UTC, milliseconds. */
  time: string;
  /** The type of data. */
  datacontenttype: "application/json";
  /** More types may come. Acknowledge and ignore those that you do not know. */
  type: "whatsapp.watch.stale" | "whatsapp.watch.recovered";
  /** The number. For an event about the watch, the customer, unless its scope is number. */
  subject: string;
  /** Zero-padded digits, so text order is number order. Grows within a source and partitionkey, across restarts and restored stores. Ignore an event that is not above the last one, unless webhook-redelivery is true. */
  sequence: string;
  /** The customer. Events of one customer arrive in order. ~watch. and the customer while its stored row cannot be used: such events have an order of their own. */
  partitionkey: string;
  data: {
    /** The customer. self is the account itself, ~account is all of its customers. */
    custSpaceId: string;
    /** Whether poll cannot read one number of a customer, one customer, or the account with all of them. */
    scope: "number" | "customer" | "account";
    /** Country code and digits, without +: as the number was first reported, whatever its spelling today. */
    phoneNumber?: string;
    /** How soon somebody should look. */
    severity: "info" | "warning" | "critical";
    /** The first of the failed reads. RFC 3339, UTC, milliseconds. */
    failingSince: string;
    /** Failed reads in a row, as far as they were counted. */
    failedReads: number;
    /** The last good read. Absent if there was none. RFC 3339, UTC, milliseconds. */
    lastGoodReadAt?: string;
    /** The read that showed it. RFC 3339, UTC, milliseconds. */
    observedAt: string;
    /** Of the watch: this service's code of the last failure. Of a reason: the upstream's code. */
    code: FailureCode;
    /** The upstream's code of the last failure. */
    upstreamCode?: string;
    /** The upstream's id of the read, for its support. */
    upstreamRequestId?: string;
    /** The upstream's own words of the last failure, on one line. */
    upstreamMessage?: string;
    /** Which permission the upstream missed, in its own words. */
    accessDeniedDetail?: string;
    /** Why there was no answer, as Node names it: ENOTFOUND, ECONNREFUSED, CERT_HAS_EXPIRED … */
    transportCode?: string;
  };
};

export type TestEvent = {
  /** CloudEvents 1.0. */
  specversion: "1.0";
  /** The same on every delivery of the event, and equal to webhook-id. Ignore an id that you know. */
  id: string;
  /** urn:waba-numbers:<account>:<stage> */
  source: string;
  /** When poll saw it. RFC 3339, UTC, milliseconds. */
  time: string;
  /** The type of data. */
  datacontenttype: "application/json";
  /** More types may come. Acknowledge and ignore those that you do not know. */
  type: "webhook.test";
  data: {
    /** For people. */
    message: string;
    /** The request carries webhook-redelivery: true. If yours does not, a proxy drops that header. */
    redelivery?: "true";
  };
};

/** The events of one type, with what they always hold beyond the others. */
type EventOf<
  Base extends { type: string; data: object },
  Type extends Base["type"],
  Always extends keyof Base["data"] = never,
> = Omit<Base, "type" | "data"> & {
  type: Type;
  data: Base["data"] & Required<Pick<Base["data"], Always>>;
};

export type PhoneNumberChangedEvent = EventOf<NumberEvent, "whatsapp.phone_number.changed", "previousObservedAt">;
export type PhoneNumberDiscoveredEvent = EventOf<NumberEvent, "whatsapp.phone_number.discovered">;
export type PhoneNumberMissingEvent = EventOf<NumberEvent, "whatsapp.phone_number.missing", "missingReason" | "missingSince" | "previousObservedAt">;
export type PhoneNumberReturnedEvent = EventOf<NumberEvent, "whatsapp.phone_number.returned", "previousObservedAt">;
export type PhoneNumberHealthChangedEvent = EventOf<NumberEvent, "whatsapp.phone_number.health_changed", "health" | "previousHealth">;
export type PhoneNumberStateEvent = EventOf<NumberEvent, "whatsapp.phone_number.state">;
export type OnboardingCompletedEvent = EventOf<NumberEvent, "whatsapp.onboarding.completed", "addedAt">;
export type OnboardingStuckEvent = EventOf<NumberEvent, "whatsapp.onboarding.stuck", "addedAt" | "blockedBy" | "nextStep">;
export type WatchStaleEvent = EventOf<WatchEvent, "whatsapp.watch.stale">;
export type WatchRecoveredEvent = EventOf<WatchEvent, "whatsapp.watch.recovered">;
export type WebhookTestEvent = EventOf<TestEvent, "webhook.test">;

/** The events that this version knows. A `switch` on `type` narrows them. */
export type KnownEvent = PhoneNumberChangedEvent | PhoneNumberDiscoveredEvent | PhoneNumberMissingEvent | PhoneNumberReturnedEvent | PhoneNumberHealthChangedEvent | PhoneNumberStateEvent | OnboardingCompletedEvent | OnboardingStuckEvent | WatchStaleEvent | WatchRecoveredEvent | WebhookTestEvent;

/** What a value must be. A field named with `?` may be absent, and further fields are allowed. */
export type Shape =
  | "string"
  | "number"
  | "null"
  | { readonly anyOf: readonly Shape[] }
  | { readonly oneOf: readonly string[] }
  | { readonly list: Shape }
  | { readonly values: Shape }
  | { readonly fields: Readonly<Record<string, Shape>> };

const NUMBER_EVENT: Shape =
  {fields: {specversion: {oneOf: ["1.0"]}, id: "string", source: "string", time: "string",
  datacontenttype: {oneOf: ["application/json"]}, type: {oneOf: ["whatsapp.phone_number.changed",
  "whatsapp.phone_number.discovered", "whatsapp.phone_number.missing",
  "whatsapp.phone_number.returned", "whatsapp.phone_number.health_changed",
  "whatsapp.phone_number.state", "whatsapp.onboarding.completed", "whatsapp.onboarding.stuck"]},
  subject: "string", sequence: "string", partitionkey: "string",
  data: {fields: {custSpaceId: "string", phoneNumber: "string", "addedAs?": "string",
  "listedAs?": "string", changes: {list: {fields: {field: "string", from: {anyOf: ["string",
  "null"]}, to: "string", direction: {oneOf: ["better", "worse", "lateral", "unknown"]},
  severity: {oneOf: ["info", "warning", "critical"]}}}}, direction: {oneOf: ["better", "worse",
  "lateral", "unknown"]}, severity: {oneOf: ["info", "warning", "critical"]},
  current: {values: "string"}, previous: {values: {anyOf: ["string", "null"]}},
  observedAt: "string", "previousObservedAt?": "string", "upstreamRequestId?": "string",
  "groupId?": "string", "truncated?": {list: "string"}, "missingSince?": "string",
  "missingReason?": {oneOf: ["absent", "deleted", "migrated"]}, "addedAt?": "string",
  "health?": {fields: {canSend: "string", reasons: {list: {fields: {entity: "string",
  code: "string", "description?": "string", "solution?": "string"}}}}},
  "previousHealth?": {anyOf: [{fields: {canSend: "string",
  reasons: {list: {fields: {entity: "string", code: "string", "description?": "string",
  "solution?": "string"}}}}}, "null"]}, "blockedBy?": "string",
  "nextStep?": {fields: {sentence: "string", "operation?": "string"}}}}}};

const WATCH_EVENT: Shape =
  {fields: {specversion: {oneOf: ["1.0"]}, id: "string", source: "string", time: "string",
  datacontenttype: {oneOf: ["application/json"]}, type: {oneOf: ["whatsapp.watch.stale",
  "whatsapp.watch.recovered"]}, subject: "string", sequence: "string", partitionkey: "string",
  data: {fields: {custSpaceId: "string", scope: {oneOf: ["number", "customer", "account"]},
  "phoneNumber?": "string", severity: {oneOf: ["info", "warning", "critical"]},
  failingSince: "string", failedReads: "number", "lastGoodReadAt?": "string", observedAt: "string",
  code: "string", "upstreamCode?": "string", "upstreamRequestId?": "string",
  "upstreamMessage?": "string", "accessDeniedDetail?": "string", "transportCode?": "string"}}}};

const TEST_EVENT: Shape =
  {fields: {specversion: {oneOf: ["1.0"]}, id: "string", source: "string", time: "string",
  datacontenttype: {oneOf: ["application/json"]}, type: {oneOf: ["webhook.test"]},
  data: {fields: {message: "string", "redelivery?": {oneOf: ["true"]}}}}};

/** The shape of each type of event. */
export const EVENT_SHAPES: Readonly<Record<KnownEvent["type"], Shape>> = {
  "whatsapp.phone_number.changed": NUMBER_EVENT,
  "whatsapp.phone_number.discovered": NUMBER_EVENT,
  "whatsapp.phone_number.missing": NUMBER_EVENT,
  "whatsapp.phone_number.returned": NUMBER_EVENT,
  "whatsapp.phone_number.health_changed": NUMBER_EVENT,
  "whatsapp.phone_number.state": NUMBER_EVENT,
  "whatsapp.onboarding.completed": NUMBER_EVENT,
  "whatsapp.onboarding.stuck": NUMBER_EVENT,
  "whatsapp.watch.stale": WATCH_EVENT,
  "whatsapp.watch.recovered": WATCH_EVENT,
  "webhook.test": TEST_EVENT,
};
