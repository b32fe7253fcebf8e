import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createMemoryStore, openMemoryStore } from "../../../shared/store/memory.ts";
import { describeStore } from "./contract.ts";

describeStore("memory", async () => {
  const store = createMemoryStore({ newVersion: randomUUID });
  return { store, close: () => store.close() };
});

describe("memory stores by name", () => {
  it("are one store for the same name, another for another name", async () => {
    const names = [randomUUID(), randomUUID()];
    const open = (index: number) =>
      openMemoryStore({ name: names[index] ?? "", newVersion: randomUUID });
    const first = open(0);
    await first.put("c/a", "here", "absent");
    await first.close();
    expect((await open(0).get("c/a"))?.value).toBe("here");
    expect(await open(1).get("c/a")).toBeUndefined();
  });
});
