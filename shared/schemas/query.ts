import * as z from "zod/mini";
import { customerIdSchema } from "./customer-row.ts";

export const PASSED_ON = /^[\x21-\x7e]{1,128}$/;
const passedOn = z
  .string()
  .check(
    z.refine(
      (text) => PASSED_ON.test(text),
      "must be 1 to 128 printable characters without spaces",
    ),
  );

export const MAX_AGE_SECONDS = 86_400;

/** The query string; a field that is none of these is refused. */
export const queryRequestSchema = z.strictObject({
  custSpaceId: z.optional(customerIdSchema),
  isvCode: z.optional(passedOn),
  /** The upstream does not document its values: it is passed on as it is. */
  status: z.optional(passedOn),
  source: z.optional(z.enum(["live", "stored"], "must be live or stored")),
  /** How old a stored answer may be that saves the call. */
  maxAgeSeconds: z.optional(
    z
      .string()
      .check(
        z.refine(
          (text) => /^\d{1,5}$/.test(text) && Number(text) <= MAX_AGE_SECONDS,
          "must be a whole number from 0 to 86400",
        ),
      ),
  ),
});

/** Every upstream field under its camelCase name; fields are added upstream over time. */
export const liveResponseSchema = z.object({
  source: z.literal("live"),
  phoneNumbers: z.array(z.looseObject({ phoneNumber: z.string() })),
  requestId: z.optional(z.string()),
  /** Entries of the upstream's list that are no number's object and were left out; absent for none. */
  malformedItems: z.optional(z.number()),
});

/** The answer with `source=stored`. */
export const storedResponseSchema = z.object({
  custSpaceId: z.string(),
  source: z.literal("stored"),
  /** The customer's last event sequence; grows with every event. */
  sequence: z.string(),
  phoneNumbers: z.array(
    z.looseObject({
      phoneNumber: z.string(),
      /** As it was added, where it was added here. */
      addedAs: z.optional(z.string()),
      /** Today's spelling in the upstream's list, where it is another one. */
      listedAs: z.optional(z.string()),
      /** When the stored values were first seen. */
      observedAt: z.string(),
      /** The first of the last reads, none of which listed the number; it is not yet missing. */
      absentSince: z.optional(z.string()),
      /** The read from which on the number counts as missing. */
      missingSince: z.optional(z.string()),
      /** The upstream lists the number twice since then, with different values: these are the last. */
      unclearSince: z.optional(z.string()),
      /** Whether the number can send, and why not, as last known. Only with WATCH_HEALTH. */
      health: z.optional(
        z.object({
          canSend: z.string(),
          reasons: z.array(
            z.object({
              entity: z.string(),
              code: z.string(),
              description: z.optional(z.string()),
              solution: z.optional(z.string()),
            }),
          ),
          observedAt: z.string(),
        }),
      ),
    }),
  ),
  /** When a read last changed what is stored; null before the first read. */
  observedAt: z.nullable(z.string()),
  /** Until when all stored values are known to have held; null before the first read. */
  confirmedAt: z.nullable(z.string()),
  /** Seconds since then; null before the first read. */
  staleSeconds: z.nullable(z.number()),
  /** When the last sweep over all customers ended: each was read in it, or failed; null before. */
  lastFullSweepAt: z.nullable(z.string()),
  /** The last reads failed, since then. */
  failing: z.optional(z.object({ since: z.string(), code: z.string() })),
  /** Events that the receiver has not accepted yet. */
  pendingEvents: z.number(),
});

/** More names than the upstream has; what else may come must not grow the memory of an instance. */
const MAX_KNOWN_NAMES = 500;
const knownNames = new Map<string, string>();

/**
 * PascalCase to camelCase, through nested objects and lists. Objects are filled field by field with
 * names that are made once: a hundred numbers then share one hidden class, and are renamed and
 * written as JSON several times faster than by way of their entries.
 */
export function toCamelCase(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(toCamelCase);
  const renamed: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const name = toCamelName(key);
    const field = toCamelCase((value as Record<string, unknown>)[key]);
    // Assigned, this one would become the object's prototype.
    if (name === "__proto__") define(renamed, name, field);
    else renamed[name] = field;
  }
  return renamed;
}

function define(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function toCamelName(name: string): string {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  const camel = name.charAt(0).toLowerCase() + name.slice(1);
  if (knownNames.size < MAX_KNOWN_NAMES) knownNames.set(name, camel);
  return camel;
}
