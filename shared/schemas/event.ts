import * as z from "zod/mini";

/** Every type of event that is ever sent. */
export const EVENT_TYPES = {
  changed: "whatsapp.phone_number.changed",
  discovered: "whatsapp.phone_number.discovered",
  missing: "whatsapp.phone_number.missing",
  returned: "whatsapp.phone_number.returned",
  /** With WATCH_HEALTH: what the number can do, or why not, is another than before. */
  healthChanged: "whatsapp.phone_number.health_changed",
  /** All that is known of a number, because an operator asked for it. Nothing has changed. */
  state: "whatsapp.phone_number.state",
  onboardingCompleted: "whatsapp.onboarding.completed",
  onboardingStuck: "whatsapp.onboarding.stuck",
  watchStale: "whatsapp.watch.stale",
  watchRecovered: "whatsapp.watch.recovered",
  test: "webhook.test",
} as const;

const directionSchema = z.enum(["better", "worse", "lateral", "unknown"]);
const severitySchema = z.enum(["info", "warning", "critical"]);

const changeSchema = z.object({
  field: z.string(),
  /** Null for the first value of a field that the number lacked. */
  from: z.nullable(z.string()),
  to: z.string(),
  direction: directionSchema,
  severity: severitySchema,
});

/** Whether a number can send, and why not. The upstream's own texts, cut. */
const healthSchema = z.object({
  /** `available`, `limited`, `blocked`, or another word of the upstream in lower case. */
  canSend: z.string(),
  /** Empty if it can, or if the upstream gives none. */
  reasons: z.array(
    z.object({
      entity: z.string(),
      code: z.string(),
      description: z.optional(z.string()),
      solution: z.optional(z.string()),
    }),
  ),
});

const fieldValues = z.record(z.string(), z.string());

/** Values are the upstream's own. Direction and severity are this project's. */
const numberEventDataSchema = z.object({
  custSpaceId: z.string(),
  phoneNumber: z.string(),
  /** The number as it was added, where it was added here. */
  addedAs: z.optional(z.string()),
  /** Today's spelling in the upstream's list, where it is another one. */
  listedAs: z.optional(z.string()),
  changes: z.array(changeSchema),
  direction: directionSchema,
  severity: severitySchema,
  /** Every watched field that is known. */
  current: fieldValues,
  /** The old values of the fields that changed. */
  previous: z.record(z.string(), z.nullable(z.string())),
  observedAt: z.string(),
  /** The last read known to have shown the old values: the change happened after it. */
  previousObservedAt: z.optional(z.string()),
  upstreamRequestId: z.optional(z.string()),
  /** The same on events of one cause, such as a tier that moved on several numbers at once. */
  groupId: z.optional(z.string()),
  /** Fields whose values are cut. */
  truncated: z.optional(z.array(z.string())),
  /** The number has not been listed since. */
  missingSince: z.optional(z.string()),
  /** With a missing number: the reason, by its last status. */
  missingReason: z.optional(z.enum(["absent", "deleted", "migrated"])),
  /** With a number that was added here: when the number was added. */
  addedAt: z.optional(z.string()),
  /** The last known health. */
  health: z.optional(healthSchema),
  /** With `health_changed`: null at first sight. */
  previousHealth: z.optional(z.nullable(healthSchema)),
  /** With `onboarding.stuck`: the field that keeps the number out of service. */
  blockedBy: z.optional(z.string()),
  /** With `onboarding.stuck`: what to do about it. */
  nextStep: z.optional(z.object({ sentence: z.string(), operation: z.optional(z.string()) })),
});

/** The watch of one customer or of one number of it, or of the account with all of them. */
const watchEventDataSchema = z.object({
  /** `~account` for the whole watch. */
  custSpaceId: z.string(),
  scope: z.enum(["number", "customer", "account"]),
  /** With the scope `number`. */
  phoneNumber: z.optional(z.string()),
  severity: severitySchema,
  /** The first of the failed reads. */
  failingSince: z.string(),
  failedReads: z.number(),
  /** Absent when there was no good read. */
  lastGoodReadAt: z.optional(z.string()),
  observedAt: z.string(),
  /** This project's code of the last failure. */
  code: z.string(),
  upstreamCode: z.optional(z.string()),
  upstreamRequestId: z.optional(z.string()),
  /** The upstream's own words of a refusal. */
  upstreamMessage: z.optional(z.string()),
  accessDeniedDetail: z.optional(z.string()),
  /** Why there was no answer, as Node names it: ENOTFOUND, CERT_HAS_EXPIRED and the like. */
  transportCode: z.optional(z.string()),
});

/** The attributes that every event has (CloudEvents 1.0, JSON format). */
const envelope = {
  specversion: z.literal("1.0"),
  id: z.string(),
  source: z.string(),
  time: z.string(),
  datacontenttype: z.literal("application/json"),
};

/** An event about one number: CloudEvents 1.0 in JSON, `subject` is the number in digits. */
export const numberEventSchema = z.object({
  ...envelope,
  type: z.enum([
    EVENT_TYPES.changed,
    EVENT_TYPES.discovered,
    EVENT_TYPES.missing,
    EVENT_TYPES.returned,
    EVENT_TYPES.healthChanged,
    EVENT_TYPES.state,
    EVENT_TYPES.onboardingCompleted,
    EVENT_TYPES.onboardingStuck,
  ]),
  subject: z.string(),
  sequence: z.string(),
  partitionkey: z.string(),
  data: numberEventDataSchema,
});

/** An event about the watching itself: `subject` is the number, the customer, or the account for all of them. */
export const watchEventSchema = z.object({
  ...envelope,
  type: z.enum([EVENT_TYPES.watchStale, EVENT_TYPES.watchRecovered]),
  subject: z.string(),
  sequence: z.string(),
  partitionkey: z.string(),
  data: watchEventDataSchema,
});

/** What `webhook test` and the probes of a receiver in trouble send; it belongs to no customer. */
export const testEventSchema = z.object({
  ...envelope,
  type: z.literal(EVENT_TYPES.test),
  data: z.object({ message: z.string(), redelivery: z.optional(z.literal("true")) }),
});

/** Where a change leads; `unknown` when a value has no known place. */
export type Direction = z.infer<typeof directionSchema>;
/** How urgent a change is for those who run the number. */
export type Severity = z.infer<typeof severitySchema>;
export type Health = z.infer<typeof healthSchema>;
export type NumberEvent = z.infer<typeof numberEventSchema>;
export type NumberEventType = NumberEvent["type"];
export type WatchEvent = z.infer<typeof watchEventSchema>;
export type TestEvent = z.infer<typeof testEventSchema>;
