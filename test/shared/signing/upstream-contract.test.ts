import { setTimeout as sleep } from "node:timers/promises";
import { createFakeUpstream, type FakeReply, refusalOf } from "../../support/fake-upstream.ts";
import { type Connect, startRig, VARIANTS } from "./client-rig.ts";
import { describeUpstream, type UpstreamScene } from "./upstream-contract.ts";

/** The client and the sandbox upstream. */
async function openSandbox(connect: Connect, realTime: boolean): Promise<UpstreamScene> {
  const { sandbox, upstream, clock, close } = await startRig(connect, { realTime });
  const { control } = sandbox;
  control.removeNumber("cust-1", "491700000001");
  /** A fault for each read, because one without an action may mean Query only. */
  const everywhere = (fault: Parameters<typeof control.fault>[0]) => {
    for (const action of ["QueryChatappPhoneNumbers", "ChatappSyncPhoneNumber", "ListInstance"]) {
      control.fault({ ...fault, action, count: 10 });
    }
  };
  return {
    upstream,
    clock,
    close,
    list: (numbers) => control.addCustomer("cust-1", numbers),
    addCustomers(ids) {
      for (const id of ids) control.addCustomer(id);
    },
    spoilFirstRow: () => everywhere({ kind: "malformed-row" }),
    dropList: () => everywhere({ kind: "code", code: "OK", status: 200 }),
    refuse: (code, retryAfterMs) =>
      control.fault({
        ...(code === "Throttling.User"
          ? { kind: "throttle", retryAfterMs }
          : { kind: "code", code }),
        count: 10,
      }),
    hang: () => control.fault({ kind: "hang", count: 10 }),
    sent: () => control.calls().length,
  };
}

/** The fake, with lists of its own. */
async function openFake(realTime: boolean): Promise<UpstreamScene> {
  const clock = { ms: 0 };
  const numbers: object[] = [];
  const customers = ["cust-1"];
  let sent = 0;
  let latencyMs = 0;
  let change = (rows: readonly unknown[]): FakeReply => rows;
  let refusal: { readonly code: string; readonly retryAfterMs: number | undefined } | undefined;

  const upstream = createFakeUpstream(
    {
      add: (call) => (refusal ? refused(call) : { Success: false }),
      query: (call) => (refusal ? refused(call) : change(numbers)),
      listInstances(call) {
        if (refusal) return refused(call);
        const { pageIndex, pageSize } = call.params as Record<string, number>;
        const first = ((pageIndex ?? 1) - 1) * (pageSize ?? 10);
        const rows = customers.slice(first, first + (pageSize ?? 10)).map((CustSpaceId) => ({
          ...{ CustSpaceId, ChannelType: "whatsapp", State: "published" },
        }));
        const reply = change(rows);
        return Array.isArray(reply) ? { Data: reply, TotalCount: customers.length } : reply;
      },
    },
    {
      clock: { monotonic: () => (realTime ? performance.now() : clock.ms), sleep },
      latencyMs: () => latencyMs,
      onCall() {
        sent += 1;
      },
    },
  );
  function refused(call: { readonly action: string }): FakeReply {
    return refusalOf(call, refusal?.code ?? "", refusal?.retryAfterMs);
  }
  return {
    upstream,
    clock,
    close: async () => {},
    list: (given) => void numbers.push(...given),
    addCustomers: (ids) => void customers.push(...ids),
    spoilFirstRow() {
      change = (rows) => [42, ...rows.slice(1)];
    },
    dropList() {
      change = () => ({});
    },
    refuse(code, retryAfterMs) {
      refusal = { code, retryAfterMs };
    },
    hang() {
      latencyMs = Number.POSITIVE_INFINITY;
    },
    sent: () => sent,
  };
}

for (const [name, load] of VARIANTS) {
  let client: Promise<Connect> | undefined;
  describeUpstream(name, async ({ realTime }) => {
    client ??= load();
    return openSandbox(await client, realTime);
  });
}
describeUpstream("the fake upstream of the tests", ({ realTime }) => openFake(realTime));
