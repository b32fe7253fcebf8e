import { StoreUnavailableError } from "../../shared/errors.ts";
import { runPoll } from "../../shared/polling/run-poll.ts";
import { newWarmState } from "../../shared/polling/warm-state.ts";
import type { NumberEvent } from "../../shared/schemas/event.ts";
import { HINT_PREFIX, hintKey } from "../../shared/schemas/hint.ts";
import type { Store } from "../../shared/store/store.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { createTestStore } from "../support/memory-store.ts";
import { createRunDeps, RUN_SETTINGS } from "../support/run-deps.ts";
import { item, T0 } from "../support/watch-builders.ts";
import { createRandom, type Random } from "./scheduler.ts";

const CUSTOMERS = ["a", "b", "c"];
const TICK_MS = 20_000;
const RUN_MS = 12_000;
const TICKS = 14;
/** Reads alone see every value, as each lasts for more than two ticks. */
const LEAST_MS = 2.5 * TICK_MS;
const VALUES = ["GREEN", "YELLOW", "RED", "UNKNOWN"];
const MOST_HINTS = 24;

type Change = { readonly at: number; readonly value: string };
type Hint = { readonly at: number; readonly customer: string; readonly value: string };

/**
 * One schedule, run without hints and with random ones: forged, doubled, late, garbled, of strangers,
 * marked by wrong clocks, on a store that fails for some. Each customer's events must be the same.
 */
export async function runHintSchedule(seed: number) {
  const random = createRandom(seed);
  const changes = new Map(CUSTOMERS.map((customer) => [customer, planChanges(random)]));
  const hints = planHints(random);
  const alone = await simulate(seed, changes, undefined);
  const hinted = await simulate(seed, changes, hints);
  const problems = [...alone.problems, ...hinted.problems];
  for (const customer of CUSTOMERS) {
    const [right = [], found = []] = [alone.events.get(customer), hinted.events.get(customer)];
    const expected = (changes.get(customer) ?? []).length - 1;
    if (right.length !== expected)
      problems.push(`${customer}: ${right.length} of ${expected} changes`);
    if (found.join() !== right.join()) {
      problems.push(`${customer}: ${found.join(", ")} instead of ${right.join(", ")}`);
    }
  }
  const events = [...hinted.events.values()].flat().length;
  return { problems, events, reads: hinted.reads - alone.reads };
}

/** The values of one number, the first from the start. */
function planChanges(random: Random): Change[] {
  const changes = [{ at: 0, value: "GREEN" }];
  const end = (TICKS - 3) * TICK_MS;
  for (let at = LEAST_MS; at < end; at += LEAST_MS + random() * 2 * TICK_MS) {
    const others = VALUES.filter((value) => value !== changes.at(-1)?.value);
    changes.push({ at, value: others[Math.floor(random() * others.length)] ?? "RED" });
  }
  return changes;
}

function planHints(random: Random): Hint[] {
  const hints = Array.from({ length: Math.floor(random() * MOST_HINTS) }, () => {
    const at = random() * TICKS * TICK_MS;
    const customer = [...CUSTOMERS, "stranger"][Math.floor(random() * 4)] ?? "a";
    const skewMs = random() < 0.2 ? (random() - 0.5) * 86_400_000 : 0;
    const mark = JSON.stringify({ schema: 1, at: T0 + at + skewMs });
    return { at, customer, value: random() < 0.1 ? "garbage" : mark };
  });
  return hints.sort((one, other) => one.at - other.at);
}

async function simulate(
  seed: number,
  changes: ReadonlyMap<string, readonly Change[]>,
  hints: readonly Hint[] | undefined,
) {
  const random = createRandom(seed + 1);
  const clock = createFakeClock(T0);
  const kept = createTestStore();
  const events = new Map<string, string[]>();
  const problems: string[] = [];
  let reads = 0;
  const coming = [...(hints ?? [])];
  const store: Store = hints ? withHints(kept, coming, clock.monotonic, random) : kept;
  const upstream = createFakeUpstream({
    async query({ customer }) {
      reads += 1;
      await clock.sleep(random() * 100);
      const at = clock.monotonic();
      await clock.sleep(random() * 100);
      const value = changes.get(customer)?.findLast((change) => change.at <= at)?.value;
      return [item(undefined, { QualityRating: value })];
    },
  });
  const deps = createRunDeps({
    ...clock,
    store,
    upstream,
    random,
    async send({ body }) {
      const { type, partitionkey, data } = JSON.parse(body) as NumberEvent;
      const gist = data.changes.map(({ from, to }) => `${from}>${to}`).join("+");
      const earlier = events.get(partitionkey) ?? [];
      events.set(partitionkey, [...earlier, type.endsWith(".changed") ? gist : type]);
      return { kind: "delivered", status: 204 };
    },
  });
  const settings = {
    ...RUN_SETTINGS,
    ...{ runMs: RUN_MS, pollIntervalMs: TICK_MS, watch: CUSTOMERS, hints: hints !== undefined },
  };
  let warm = newWarmState();
  for (let tick = 0; tick < TICKS; tick += 1) {
    await clock.advance(Math.max(0, tick * TICK_MS - clock.monotonic()));
    if (random() < 0.3) warm = newWarmState();
    const report = await clock.run(runPoll(deps, settings, warm));
    if (report.failed > 0 || report.stopped) problems.push(`run ${tick} failed`);
  }
  return { events, problems, reads };
}

/** Marks appear before the look that finds them. A tenth of the calls for marks fail. */
function withHints(store: Store, coming: Hint[], at: () => number, random: Random): Store {
  const mayFail = (key: string) => {
    if (key.startsWith(HINT_PREFIX) && random() < 0.1) throw new StoreUnavailableError("get");
  };
  return {
    ...store,
    async scan(prefix, after, limit) {
      mayFail(prefix);
      while (prefix === HINT_PREFIX && coming[0] && coming[0].at <= at()) {
        const { customer, value } = coming.shift() as Hint;
        await store.put(hintKey(customer), value, "absent");
      }
      return store.scan(prefix, after, limit);
    },
    async delete(key, expected) {
      mayFail(key);
      return store.delete(key, expected);
    },
  };
}
