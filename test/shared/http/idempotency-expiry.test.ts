import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createIdempotency, expireIdempotency } from "../../../shared/http/idempotency.ts";
import { createMemoryStore } from "../../../shared/store/memory.ts";
import type { Store } from "../../../shared/store/store.ts";

const HOUR_MS = 3_600_000;

function setUp() {
  const store = createMemoryStore({ newVersion: randomUUID });
  let time = 1_000_000;
  const open = (idempotencyKey = "k") =>
    createIdempotency(store, "crm", idempotencyKey, "b", () => time);
  const keys = async () => (await store.scan("idem/", "", 100)).map(({ key }) => key);
  const advance = (ms: number) => {
    time += ms;
  };
  return { store, open, keys, advance };
}

const always = () => true;

describe("expireIdempotency", () => {
  it("deletes rows a day after their start, not a moment before", async () => {
    const { open, keys, advance, store } = setUp();
    await open("old").reserve();
    advance(HOUR_MS);
    await open("new").reserve();
    await expireIdempotency(store, "", 1_000_000 + 24 * HOUR_MS - 1, always);
    expect(await keys()).toHaveLength(2);
    await expireIdempotency(store, "", 1_000_000 + 24 * HOUR_MS, always);
    expect(await keys()).toHaveLength(1);
    await expireIdempotency(store, "", 1_000_000 + 25 * HOUR_MS, always);
    expect(await store.scan("", "", 10)).toEqual([]);
  });

  it("deletes in one call all of 2,500 rows that have expired", async () => {
    const { open, store } = setUp();
    for (let n = 0; n < 2_500; n += 1) await open(`k${n}`).reserve();
    await expireIdempotency(store, "~", 25 * HOUR_MS, always);
    expect(await store.scan("", "", 10)).toEqual([]);
  });

  it("ends when its time is over, and the next call continues", async () => {
    const { open, keys, store } = setUp();
    for (let n = 0; n < 250; n += 1) await open(`k${n}`).reserve();
    let pages = 1;
    await expireIdempotency(store, "~", 25 * HOUR_MS, () => pages-- > 0);
    expect((await store.scan("idem/", "", 1_000)).length).toBe(150);
    await expireIdempotency(store, "~", 25 * HOUR_MS, always);
    expect(await keys()).toEqual([]);
  });

  // trust-and-privacy.md 2: a clean-up needs the rate of its input. One key makes ten rows a second.
  it("removes rows as fast as ten a second bring them, in runs of two seconds", async () => {
    const { open, advance, store } = setUp();
    let elapsed = 0;
    const slow: Store = {
      ...store,
      // 40 ms away: the page, then its reads and its two deletions, each side by side.
      scan: (prefix, after, limit) => {
        elapsed += 4 * 40;
        return store.scan(prefix, after, limit);
      },
    };
    let now = 1_000_000;
    const runMinute = async (isDue: boolean) => {
      for (let second = 0; second < 60; second += 1) {
        for (let n = 0; n < 10; n += 1) await open(`${now}/${n}`).reserve();
        advance(1_000);
        now += 1_000;
      }
      const stopAt = elapsed + 2_000;
      await expireIdempotency(slow, "~", now, () => elapsed < stopAt);
      const left = await store.scan("exp/", "", 1);
      const oldest = Number(left[0]?.key.split("/")[1]);
      if (isDue) expect(oldest).toBeGreaterThan(now);
    };
    for (let minute = 0; minute < 10; minute += 1) await runMinute(false);
    const pause = 24 * HOUR_MS - 10 * 60_000;
    advance(pause);
    now += pause;
    for (let minute = 0; minute < 10; minute += 1) await runMinute(true);
    expect(await store.scan("idem/", "", 10_000)).toHaveLength(6_000);
  });

  it("looks at no live row, however many there are", async () => {
    const { open, store } = setUp();
    for (let n = 0; n < 500; n += 1) await open(`k${n}`).reserve();
    let gets = 0;
    const scans: string[] = [];
    const counting = {
      ...store,
      get: async (key: string) => {
        gets += 1;
        return store.get(key);
      },
      scan: async (prefix: string, after: string, limit: number) => {
        scans.push(prefix);
        return store.scan(prefix, after, limit);
      },
    };
    expect(await expireIdempotency(counting, "~", HOUR_MS, always)).toBe("~");
    expect([gets, scans]).toEqual([0, ["exp/"]]);
  });

  it("finds the rows of an earlier version once, and expires them as all others", async () => {
    const { open, keys, store } = setUp();
    for (let n = 0; n < 250; n += 1) await open(`k${n}`).reserve();
    for (const { key, version } of await store.scan("exp/", "", 1_000))
      await store.delete(key, version);
    expect(await expireIdempotency(store, "", 2 * HOUR_MS, always)).toBe("~");
    expect(await keys()).toHaveLength(100);
    await expireIdempotency(store, "~", 25 * HOUR_MS, always);
    expect(await keys()).toEqual([]);
  });

  it("keeps a row that was used again after it had expired", async () => {
    const { open, keys, advance, store } = setUp();
    await open().reserve();
    advance(24 * HOUR_MS);
    await open().reserve();
    await expireIdempotency(store, "~", 1_000_000 + 24 * HOUR_MS, always);
    expect(await keys()).toHaveLength(1);
    await expireIdempotency(store, "~", 1_000_000 + 48 * HOUR_MS, always);
    expect(await store.scan("", "", 10)).toEqual([]);
  });

  it("leaves rows of other kinds alone", async () => {
    const { store } = setUp();
    await store.put("c/acme", "{}", "absent");
    await store.put("idemx/a", "{}", "absent");
    await store.put("expx/a", "{}", "absent");
    await expireIdempotency(store, "", 1e15, always);
    expect(await store.scan("", "", 10)).toHaveLength(3);
  });

  it.each([
    ["of a newer version", '{"schema":2}'],
    ["that is no JSON", "?"],
  ])("skips a row %s, so that the run continues", async (_name, value) => {
    const { open, store, keys } = setUp();
    await open("k").reserve();
    await store.put("idem/crm/0", value, "absent");
    await expireIdempotency(store, "", 1e15, always);
    expect(await keys()).toEqual(["idem/crm/0"]);
  });
});
