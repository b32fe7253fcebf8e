import { afterFailedRead, afterGoodRead } from "../../shared/changes/failure.ts";
import { decideHealth } from "../../shared/changes/health.ts";
import { ALL_EVENT_TYPES, type EventType } from "../../shared/contract/event-schemas.ts";
import type { EventExamples } from "../../shared/contract/webhooks.ts";
import { UpstreamRejectedError } from "../../shared/errors.ts";
import type { CustomerRow } from "../../shared/schemas/customer-row.ts";
import type { PhoneNumberItem } from "../../shared/schemas/upstream.ts";
import { parseWebhookSecrets, signatureHeaders } from "../../shared/webhook/signature.ts";
import { aCustomer, createCommandRig } from "../shared/commands/command-rig.ts";
import {
  decideOn,
  FIELDS,
  iso,
  item,
  MINUTE,
  NUMBER,
  OTHER,
  rowAfter,
  rowOf,
  SOURCE,
  stateOf,
  T0,
} from "../support/watch-builders.ts";

/** The secret of the examples in Standard Webhooks. It protects nothing. */
export const EXAMPLE_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/** 2026-01-01T00:01:05Z, in seconds. */
const SENT_AT = 1_767_225_665;

const DAY = 24 * 60;
const ADDED = { [NUMBER]: { cc: "49", addedAt: iso(0) } };
const PENDING = { status: "PENDING", codeVerificationStatus: "NOT_VERIFIED" };
const PENDING_ITEM = { Status: "PENDING", CodeVerificationStatus: "NOT_VERIFIED" };

/** The events of reads at these minutes, each of which lists `items`. */
function observe(
  start: CustomerRow,
  minutes: readonly number[],
  items: readonly PhoneNumberItem[],
  onboarding = {},
): { readonly row: CustomerRow; readonly bodies: readonly string[] } {
  let row = start;
  const bodies: string[] = [];
  for (const minute of minutes) {
    const decision = decideOn(items, { row, readAt: T0 + minute * MINUTE, onboarding });
    bodies.push(...decision.events.map(({ body }) => body));
    row = rowAfter(decision, row);
  }
  return { row, bodies };
}

function failAndRecover(): readonly string[] {
  const error = new UpstreamRejectedError(
    { action: "Query", upstreamCode: "Product.Unsubscript", upstreamRequestId: "REQ-1" },
    "customer",
  );
  let row = rowOf({ [NUMBER]: stateOf() });
  const input = (minutes: number) => ({
    customer: "acme",
    source: SOURCE,
    row,
    now: T0 + minutes * MINUTE,
  });
  const bodies: string[] = [];
  for (const minutes of [1, 2, 31]) {
    const step = afterFailedRead(input(minutes), error, 0);
    row = step?.row ?? row;
    bodies.push(...(step?.events ?? []).map(({ body }) => body));
  }
  const recovered = afterGoodRead(input(40))?.events ?? [];
  return [...bodies, ...recovered.map(({ body }) => body)];
}

async function byCommand(): Promise<readonly string[]> {
  const [account = "", stage = ""] = SOURCE.split(":").slice(2);
  const rig = createCommandRig({ ALIBABA_CLOUD_ACCOUNT_ID: account, STAGE: stage });
  await rig.put("c/acme", aCustomer({ numbers: { [NUMBER]: stateOf() } }));
  await rig.run({ command: "resync" });
  await rig.run({ command: "webhook-enable" });
  const row = (await rig.row("c/acme")) as CustomerRow;
  return [...row.pending, ...rig.sent].map(({ body }) => body);
}

function blockHealth(row: CustomerRow): readonly string[] {
  const reply = {
    requestId: "REQ-1",
    canSend: "BLOCKED",
    reasons: [
      {
        entity: "WABA",
        code: "141006",
        description: "There is an error with your payment method.",
        solution: "Add a payment method.",
      },
    ],
  };
  const given = { customer: "acme", source: SOURCE, row, phoneNumber: NUMBER, reply };
  return decideHealth({ ...given, readAt: T0 + MINUTE }).events.map(({ body }) => body);
}

/** One event of each type, made by the code that ships, signed for a fixed moment. */
export async function eventExamples(): Promise<EventExamples> {
  const known = rowOf({ [NUMBER]: stateOf() });
  const missing = observe(known, [1, 6, 11], []);
  const added = rowOf({ [NUMBER]: stateOf({ ...FIELDS, ...PENDING }) });
  const bodies = [
    ...observe(known, [1], [item(NUMBER, { QualityRating: "RED" })]).bodies,
    ...observe(known, [1], [item(), item(OTHER)]).bodies,
    ...missing.bodies,
    ...observe(missing.row, [20], [item()]).bodies,
    ...observe(known, [30], [item()], ADDED).bodies,
    ...observe(added, [DAY + 1], [item(NUMBER, PENDING_ITEM)], ADDED).bodies,
    ...blockHealth(known),
    ...failAndRecover(),
    ...(await byCommand()),
  ];
  const parsed = parseWebhookSecrets(EXAMPLE_SECRET);
  if ("problem" in parsed) throw new Error(parsed.problem);
  const examples = ALL_EVENT_TYPES.map((type): [EventType, EventExamples[EventType]] => {
    const found = bodies.filter((body) => JSON.parse(body).type === type);
    const [body] = found;
    if (body === undefined || found.length > 1) {
      throw new Error(`${type}: ${found.length} examples instead of one`);
    }
    const headers = signatureHeaders({ id: JSON.parse(body).id, body }, SENT_AT, parsed.secrets);
    return [type, { body, headers: headers as EventExamples[EventType]["headers"] }];
  });
  return Object.fromEntries(examples) as EventExamples;
}
