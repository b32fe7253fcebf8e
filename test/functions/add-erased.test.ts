import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAdd } from "../../functions/add.ts";
import { eraseCustomer } from "../../shared/customers/erase.ts";
import { UpstreamRejectedError } from "../../shared/errors.ts";
import { eraseResponses } from "../../shared/http/idempotency.ts";
import type { Store } from "../../shared/store/store.ts";
import { createFakeUpstream, type FakeReplies } from "../support/fake-upstream.ts";
import {
  addOf,
  createFunctionDeps,
  type FunctionRig,
  GOOD_ADD,
  invoke,
  startFunctionRig,
} from "../support/function-deps.ts";

let rig: FunctionRig;
beforeEach(async () => {
  rig = await startFunctionRig();
});
afterEach(() => rig.close());

async function erase(): Promise<void> {
  rig.clock.advance(1);
  await eraseCustomer(rig.store, "acme", { returns: false, now: rig.clock.now });
  await eraseResponses(rig.store, "acme");
  rig.clock.advance(1);
}

/** A keyed add during which the customer is erased, before the first write below a prefix. */
async function addWhileErased(prefix: string, add: NonNullable<FakeReplies["add"]>) {
  let isErased = false;
  const racing: Store = {
    ...rig.store,
    async put(...args) {
      if (args[0].startsWith(prefix) && !isErased) {
        isErased = true;
        await erase();
      }
      return rig.store.put(...args);
    },
  };
  const { deps } = createFunctionDeps(rig.upstream.url, {
    openStore: async () => racing,
    now: rig.clock.now,
    upstreamFor: () => createFakeUpstream({ add, query: () => [{ PhoneNumber: "4915112345678" }] }),
  });
  const event = addOf(GOOD_ADD, { headers: { "idempotency-key": "k1" } });
  const answer = await invoke(createAdd(deps), event);
  expect(isErased).toBe(true);
  return answer;
}

const dump = async () => JSON.stringify(await rig.rows());
const ACCEPT = () => ({ RequestId: "r", Success: true });
const REFUSE = () => {
  const words = { upstreamCode: "X", upstreamMessage: "15112345678 is taken" };
  throw new UpstreamRejectedError({ action: "AddChatappPhoneNumber", ...words }, "request");
};

describe("a keyed add whose customer is erased meanwhile", () => {
  it.each(["exp/", "idem/", "c/", "hot/"])(
    "leaves no number if it was before %s",
    async (prefix) => {
      expect((await addWhileErased(prefix, ACCEPT)).status).toBe(201);
      expect(await dump()).not.toMatch(/15112345678/);
      expect(await rig.rows()).not.toHaveProperty("hot/acme");
      const [row] = Object.entries(await rig.rows()).filter(([key]) => key.startsWith("idem/"));
      expect(row?.[1]).toMatchObject({ erased: true, bodyHash: "" });
      expect(row?.[1]).not.toHaveProperty("customer");
    },
  );

  it("leaves no words of a refusal", async () => {
    expect((await addWhileErased("exp/", REFUSE)).status).toBe(422);
    expect(await dump()).not.toMatch(/15112345678|taken/);
  });

  it("does not add again when it is repeated", async () => {
    await addWhileErased("exp/", ACCEPT);
    const adds: unknown[] = [];
    const again = await addAgain(() => adds.push(1));
    expect([again.status, again.body.outcome, adds.length]).toEqual([201, "confirmed", 0]);
    expect(await dump()).not.toMatch(/15112345678/);
  });
});

async function addAgain(onAdd: () => void) {
  const { deps } = createFunctionDeps(rig.upstream.url, {
    openStore: async () => rig.store,
    now: rig.clock.now,
    upstreamFor: () =>
      createFakeUpstream({
        add() {
          onAdd();
          return ACCEPT();
        },
        query: () => [{ PhoneNumber: "4915112345678", Status: "CONNECTED" }],
      }),
  });
  return invoke(createAdd(deps), addOf(GOOD_ADD, { headers: { "idempotency-key": "k1" } }));
}
