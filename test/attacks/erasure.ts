import { hintToken } from "../../shared/http/hint-token.ts";
import { newLeaseRow } from "../../shared/schemas/watch-rows.ts";
import { Secret } from "../../shared/secret.ts";
import {
  against,
  type Built,
  HINT_SECRET,
  type Line,
  listing,
  type Problem,
  pollUntil,
} from "./built.ts";

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
const NAME = "Grünwald Möbel";
const [LISTED, ADDED] = ["4915112345678", "4917298765432"] as const;
const ADD = { custSpaceId: "acme", cc: "49", phoneNumber: ADDED.slice(2), verifiedName: NAME };
const KEYED = { "idempotency-key": "k1" };
const TRACES = [LISTED.slice(2), ADDED.slice(2), "Grünwald"];
const HINT = `/acme/${hintToken(new Secret(HINT_SECRET), "acme")}`;
const erase = (...custSpaceIds: string[]) => ({ command: "erase", custSpaceIds });
const watch = (...custSpaceIds: string[]) => ({ command: "watch", custSpaceIds });
const ago = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString();
const eventOf = (seq: number) => ({ id: `evt_${seq}`, seq, type: "t", body: `${LISTED} ${NAME}` });
const deadOf = (days: number) => ({
  ...{ schema: 1, event: eventOf(1), status: 422, diedAt: ago(days) },
});

/** What of the customer is anywhere in the store or the log. */
async function left(built: Built): Promise<Problem> {
  const rows = (await built.rows()).map(({ key, value }) => `${key} ${value}`);
  const found = [...rows, ...built.lines()].find((one) =>
    TRACES.some((text) => one.includes(text)),
  );
  return found && `left: ${found.slice(0, 300)}`;
}

/** A customer with something in each place that can hold its data. */
async function live(built: Built): Promise<void> {
  built.upstream = () => listing([LISTED, NAME]);
  await built.poll(watch("acme"));
  await pollUntil(built, async () => Boolean((await built.row("c/acme"))?.baselineAt));
  await built.add(ADD, KEYED);
  built.upstream = () => listing([LISTED, NAME], [ADDED, `${NAME} 2`]);
  await pollUntil(built, async () => (await built.rows("sent/acme")).length > 0);
  built.receiver = () => 500;
  await built.poll({ command: "resync", customer: "acme" });
  await built.put("dead/acme/0000000000000001", deadOf(1));
  await built.hint(HINT);
  const prefixes = ["c/acme", "sent/acme", "due/acme", "dead/acme", "idem/", "hot/acme", "hint/"];
  for (const prefix of prefixes) {
    if ((await built.rows(prefix)).length === 0) throw new Error(`nothing is below ${prefix}`);
  }
}

type EraseNow = () => Promise<void>;

/** Erases in the middle of something: nothing of the customer stays after the next sweep. */
function during(
  folder: string,
  name: string,
  work: (built: Built, eraseNow: EraseNow) => Promise<unknown>,
  given = {},
): Line {
  const attack = async (built: Built) => {
    await live(built);
    let isErased = false;
    await work(built, async () => {
      // The erasure writes as well.
      if (isErased) return;
      isErased = true;
      await built.poll(erase("acme"));
    });
    if (!isErased) return "the customer was never erased";
    built.receiver = () => 204;
    built.onPut = async () => undefined;
    await built.poll();
    await built.poll();
    return left(built);
  };
  return against(folder, `erase ${name}`, attack, given);
}

/** Nothing brings an erased customer back, and nobody asks the upstream about it. */
const after = (
  folder: string,
  name: string,
  work: (built: Built) => Promise<unknown>,
  given = {},
): Line => {
  const attack = async (built: Built) => {
    await live(built);
    await built.poll(erase("acme"));
    built.calls.length = 0;
    built.receiver = () => 204;
    await work(built);
    await built.poll();
    await built.poll();
    const asked = built.calls.some(({ Action, CustSpaceId }) => {
      return Action === "QueryChatappPhoneNumbers" && CustSpaceId === "acme";
    });
    if (asked) return "it is read again";
    return (await built.row("c/acme"))?.removedAt ? left(built) : "it is watched again";
  };
  return against(folder, `after an erasure: ${name}`, attack, given);
};

const onAction = (built: Built, action: string, first: EraseNow, reply: object) => {
  built.upstream = async ({ Action }) => {
    if (Action === action) await first();
    return reply;
  };
};

const LISTS = {
  ...{ Code: "OK", RequestId: "r", TotalCount: 1 },
  Data: [{ CustSpaceId: "acme", ChannelType: "whatsapp" }],
};

export const erasures = (folder: string): readonly Line[] => [
  during(folder, "a customer at rest", (_built, eraseNow) => eraseNow()),
  during(folder, "twice at once", async (built, eraseNow) => {
    await Promise.all([eraseNow(), built.poll(erase("acme")), built.poll(erase("acme", "acme"))]);
  }),
  during(folder, "while its add waits for the upstream", async (built, eraseNow) => {
    onAction(built, "AddChatappPhoneNumber", eraseNow, { Code: "OK", RequestId: "r" });
    await built.add(ADD, { "idempotency-key": "k2" });
  }),
  during(folder, "while its add is refused with its number", async (built, eraseNow) => {
    const refusal = { Code: "X.Taken", RequestId: "r", Message: `${ADDED} of ${NAME} is taken` };
    onAction(built, "AddChatappPhoneNumber", eraseNow, refusal);
    await built.add(ADD, { "idempotency-key": "k2" });
  }),
  ...["exp/", "idem/", "c/", "hot/"].map((prefix) =>
    during(folder, `before its add writes ${prefix}`, async (built, eraseNow) => {
      built.upstream = () => ({ Code: "OK", RequestId: "r" });
      built.onPut = async (key) => {
        if (key.startsWith(prefix)) await eraseNow();
      };
      await built.add(ADD, { "idempotency-key": "k2" });
    }),
  ),
  during(folder, "while it is read", async (built, eraseNow) => {
    onAction(built, "QueryChatappPhoneNumbers", eraseNow, listing([LISTED, `${NAME} new`]));
    await built.poll();
  }),
  ...[204, 422, 410, 500].map((status) =>
    during(folder, `while the receiver answers ${status} to its event`, async (built, eraseNow) => {
      await built.poll({ command: "webhook-enable" });
      built.receiver = async () => {
        await eraseNow();
        return status;
      };
      await built.poll({ command: "webhook-enable" });
      await built.poll();
      await eraseNow();
    }),
  ),
  ...["sent/", "due/"].map((prefix) =>
    during(folder, `while poll writes ${prefix}`, async (built, eraseNow) => {
      built.receiver = () => 204;
      built.upstream = () => listing([LISTED, `${NAME} newer`]);
      await built.poll({ command: "webhook-enable" });
      built.onPut = async (key) => {
        if (key.startsWith(prefix)) await eraseNow();
      };
      await built.poll();
      await built.poll({ command: "resync", customer: "acme" });
      await eraseNow();
    }),
  ),
  after(folder, "WATCH_CUST_SPACES lists it", async () => {}, { WATCH_CUST_SPACES: " acme ," }),
  after(
    folder,
    "WATCH_DISCOVER finds it",
    async (built) => {
      built.upstream = ({ Action }) =>
        Action === "ListInstance" ? LISTS : listing([LISTED, NAME]);
    },
    { WATCH_DISCOVER: "true" },
  ),
  after(folder, "a hint comes", (built) => built.hint(HINT)),
  after(folder, "it is erased again", (built) => built.poll(erase("acme"))),
  against(folder, "a repeat of an erased add does not add again", async (built) => {
    await live(built);
    await built.poll(erase("acme"));
    built.calls.length = 0;
    await built.add(ADD, KEYED);
    return built.calls.some(({ Action }) => Action?.startsWith("Add")) ? "added" : left(built);
  }),
  against(folder, "erase of the only customer, whose refusals name it", async (built) => {
    const code = "Product.Unsubscript";
    const refusal = { Code: code, RequestId: "r", Message: `${LISTED} of ${NAME} is suspended` };
    built.upstream = () => refusal;
    await built.poll(watch("acme"));
    await pollUntil(built, async () => Boolean((await built.row("c/acme"))?.failure));
    await built.poll(erase("acme"));
    const rows = (await built.rows()).filter(({ value }) => value.includes("Grünwald"));
    return rows.length === 0 ? undefined : String(rows.map(({ key }) => key));
  }),
  against(folder, "erase of ids that are near, or words of rows", async (built) => {
    await live(built);
    const before = (await built.rows()).length;
    const ids = ["acm", "acme2", "ACME", "started", "schema", "answer", "__proto__", "toString"];
    const { erased } = await built.poll(erase(...ids));
    const gone = before + ids.length - (await built.rows()).length;
    return String(erased) === "" && gone === 0 ? undefined : `${erased}: ${gone} rows`;
  }),
  against(folder, "erase of what is no id", async (built) => {
    await live(built);
    const before = (await built.rows()).length;
    for (const id of ["*", "", "~account", "../acme", "acme/", "acme\n", "аcme", "a".repeat(129)]) {
      const { error } = await built.poll(erase(id));
      if (Object(error).code !== "ERR_INVALID_REQUEST") return `taken: ${JSON.stringify(id)}`;
    }
    return (await built.rows()).length === before ? undefined : "rows have gone";
  }),
  against(folder, "erase of an id that is a phone number", async (built) => {
    await built.poll(watch(LISTED));
    await built.poll(erase(LISTED));
    await built.poll();
    return built.lines().some((line) => line.includes(LISTED)) ? "whole in the log" : undefined;
  }),
];

/**
 * Runs poll with a customer and these rows. A pass has announced yesterday what it kept for 90 days.
 * Resolves to what is left of the rows.
 */
async function aged(built: Built, rows: Readonly<Record<string, object>>): Promise<string[]> {
  built.receiver = () => 500;
  await built.poll(watch("acme"));
  const retention = { cursor: "", endedAt: Date.parse(ago(1.01)), keptMs: 90 * DAY_MS };
  await built.put("lease/poll", { ...newLeaseRow(), retention });
  for (const [key, row] of Object.entries(rows)) await built.put(key, row);
  await pollUntil(built, () => built.calls.length > 0);
  const found = await Promise.all(Object.keys(rows).map((key) => built.row(key)));
  return Object.keys(rows).filter((_key, index) => found[index]);
}

const wrongClock = (folder: string, name: string, date: () => number) =>
  against(folder, `retention by a clock that is ${name}`, async (built) => {
    built.date = date;
    const sent = { schema: 1, number: 0, events: [{ ...eventOf(1), deliveredAt: ago(100) }] };
    const rows = { "dead/acme/0000000000000001": deadOf(100), "sent/acme/00": sent };
    const kept = await aged(built, rows);
    return kept.length === 2 ? undefined : `only ${kept}`;
  });

export const retentions = (folder: string): readonly Line[] => [
  wrongClock(folder, "a year ahead", () => Date.now() - YEAR_MS),
  wrongClock(folder, "a year behind", () => Date.now() + YEAR_MS),
  wrongClock(folder, "six minutes off", () => Date.now() - 360_000),
  wrongClock(folder, "confirmed by nobody", () => Number.NaN),
  against(
    folder,
    "retention of dead letters and history, also of the first edition",
    async (built) => {
      const delivered = [{ ...eventOf(2), deliveredAt: ago(91) }];
      const young = { ...eventOf(3), deliveredAt: ago(89) };
      const row = { schema: 1, seq: 9, numbers: {}, pending: [], baselineAt: ago(400) };
      const kept = await aged(built, {
        "c/inside": { ...row, delivered },
        "dead/acme/0000000000000001": deadOf(91),
        "dead/acme/0000000000000002": deadOf(89),
        "sent/acme/00": { schema: 1, number: 0, events: delivered },
        "sent/acme/01": { schema: 1, number: 1, events: [young] },
      });
      const inside = await built.row("c/inside");
      if (inside?.delivered) return "the first edition's history stays";
      const wanted = ["c/inside", "dead/acme/0000000000000002", "sent/acme/01"];
      return String(kept) === String(wanted) ? undefined : String(kept);
    },
  ),
  against(folder, "retention of a pending event of last year", async (built) => {
    const pending = [{ ...eventOf(9), body: JSON.stringify({ time: ago(400) }) }];
    const delivered = [{ ...eventOf(8), deliveredAt: ago(400) }];
    const row = { schema: 1, seq: 9, numbers: {}, pending, delivered, baselineAt: ago(400) };
    await aged(built, { "c/old": row, "due/old/0000000000000009": { schema: 1 } });
    const left = (await built.row("c/old")) ?? {};
    if (left.delivered) return "nothing was deleted";
    return Array.isArray(left.pending) && left.pending.length > 0 ? undefined : "it is gone";
  }),
  against(
    folder,
    "dead letters are announced before they go",
    async (built) => {
      const overdue = { "dead/acme/0000000000000002": deadOf(40) };
      const kept = await aged(built, { "dead/acme/0000000000000001": deadOf(25), ...overdue });
      const said = built.lines().some((line) => /within a week.*"deadLetters":2/.test(line));
      return said && kept.length === 2 ? undefined : `said: ${said}, kept: ${kept}`;
    },
    { RETENTION_DAYS: "30", LOG_LEVEL: "warn" },
  ),
];
