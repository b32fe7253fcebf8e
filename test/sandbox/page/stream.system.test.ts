import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { PageState } from "./state.ts";
import { createStateStream } from "./stream.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const state = (now: number, unsentCustomers = 0): PageState => ({
  ...{ version: "v", run: "r", now, apiKey: null, unsentCustomers },
  overview: {} as PageState["overview"],
  customers: [],
  events: [],
});

/** The stream behind a real server, and what one client of it has got so far. */
async function open(read: () => Promise<PageState>) {
  const errors: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error);
  const stream = createStateStream({ read, headers: { "x-page": "yes" }, onError });
  const server = createServer((_, response) => stream.open(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    stream.close();
    server.closeAllConnections();
    server.close();
  });
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const chunks = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const until = async (part: string) => {
    while (!text.includes(part)) {
      const next = await chunks?.read();
      if (!next || next.done) throw new Error(`ended without ${part}: ${text}`);
      text += next.value;
    }
    return text;
  };
  return { stream, response, until, errors };
}

describe("the stream of the state", () => {
  it("sends the headers, one snapshot, and then only what differs", async () => {
    const states = [state(1), state(2), state(3, 7)];
    let reads = 0;
    const { stream, response, until } = await open(async () => {
      reads += 1;
      return states[reads - 1] ?? state(9, 7);
    });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(response.headers.get("x-page")).toBe("yes");
    await until("event: snapshot\n");
    stream.touch();
    const text = await until("event: change\n");
    expect(text).toMatch(/^retry: 1000\n\nevent: snapshot\ndata: \{"version":"v".*\}\n\n/);
    expect(await until('unsentCustomers":7}\n\n')).toMatch(
      /event: change\ndata: \{"now":3,"unsentCustomers":7\}\n\n$/,
    );
  });

  it("gathers what happens at once into one read", async () => {
    let reads = 0;
    const { stream, until } = await open(async () => {
      reads += 1;
      return state(reads, reads);
    });
    await until("event: snapshot\n");
    const before = reads;
    for (let count = 0; count < 50; count += 1) stream.touch();
    await until("event: change\n");
    expect(reads).toBe(before + 1);
  });

  it("tells the page of trouble each time, its operator once, and goes on", async () => {
    let isBroken = true;
    const { until, errors } = await open(async () => {
      if (isBroken) throw new Error("no store");
      return state(1);
    });
    await until("event: trouble\ndata: {}\n\nevent: trouble\ndata: {}\n\n");
    isBroken = false;
    await until("event: snapshot\n");
    expect(errors).toEqual([new Error("no store")]);
  });

  it("reads nothing while nobody looks", () => {
    vi.useFakeTimers();
    closers.push(() => vi.useRealTimers());
    let reads = 0;
    const stream = createStateStream({
      read: async () => {
        reads += 1;
        return state(1);
      },
      headers: {},
      onError: () => {},
    });
    closers.push(stream.close);
    stream.touch();
    vi.advanceTimersByTime(60_000);
    expect(reads).toBe(0);
  });
});
