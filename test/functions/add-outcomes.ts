import { takeOverDeadlines } from "../support/deadlines.ts";
import { addOf, type FunctionRig, GOOD_ADD } from "../support/function-deps.ts";

export const ADD = "AddChatappPhoneNumber";

/** Adds `NUMBER` once, with an Idempotency-Key, and returns all that can be seen afterwards. */
export async function addOnce(rig: FunctionRig) {
  const event = addOf(GOOD_ADD, { headers: { "idempotency-key": "k1" } });
  const { status, body } = await rig.add(event);
  const rows = await rig.rows();
  const idempotency = Object.keys(rows).find((key) => key.startsWith("idem/any/"));
  return {
    status,
    says: body.outcome ?? body.code,
    upstreamCode: body.upstreamCode,
    ...rig.calls(),
    watched: "c/acme" in rows,
    added: Object.keys((rows["c/acme"]?.onboarding ?? {}) as object),
    inLane: "hot/acme" in rows,
    key: idempotency && rows[idempotency]?.state,
    upstream: rig.upstream.control.numbers("acme").map((number) => number.PhoneNumber),
  };
}

/** The number of `GOOD_ADD` as it is listed. */
export const NUMBER = "4915112345678";
/** Whether the watch list and the priority lane keep what the add meant to put there. */
const KEPT = { watched: true, added: [NUMBER], inLane: true };
export const GONE = { watched: false, added: [], inLane: false };

/** From here on: what `addOnce` returns, by how the add ended. */
export const ACCEPTED = {
  status: 201,
  says: "accepted",
  upstreamCode: undefined,
  adds: 1,
  queries: 0,
  ...KEPT,
  key: "done",
  upstream: [NUMBER],
};
export const CONFIRMED = { ...ACCEPTED, says: "confirmed", queries: 1 };
export const UNKNOWN = {
  status: 504,
  says: "unknown",
  upstreamCode: undefined,
  adds: 1,
  queries: 1,
  ...KEPT,
  key: "unknown",
  upstream: [],
};
export const REFUSED = {
  status: 422,
  says: "ERR_UPSTREAM_REJECTED",
  adds: 1,
  queries: 0,
  ...GONE,
  key: "done",
  upstream: [],
};

export const NEVER_SENT = {
  status: 502,
  says: "ERR_UPSTREAM_UNAVAILABLE",
  upstreamCode: undefined,
  adds: 0,
  queries: 0,
  ...GONE,
  key: undefined,
  upstream: [],
};

/** Deadlines pass on the test's clock alone, as soon as the call that they end is there. */
export function passDeadlines(
  rig: FunctionRig,
  expires: (nth: number) => boolean,
): readonly number[] {
  const reached = () => rig.upstream.control.calls().length;
  return takeOverDeadlines({ expires, reached, advance: rig.clock.advance });
}
