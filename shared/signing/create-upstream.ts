import { isInstanceItem, listInstanceReplySchema, queryReplySchema } from "../schemas/upstream.ts";
import type { Client } from "./client.ts";
import { createNumbersUpstream, sortRows, toNumbers } from "./operations.ts";
import type { Upstream } from "./upstream.ts";
import { plain } from "./upstream-error.ts";

/** All operations. Those that only poll calls stand here, and so out of the bundles of the others. */
export function createUpstream(client: Client, monotonic: () => number): Upstream {
  return {
    ...createNumbersUpstream(client, monotonic),

    async sync(params, call) {
      const action = "ChatappSyncPhoneNumber";
      return toNumbers(
        await client.read(action, { CustSpaceId: params.custSpaceId }, queryReplySchema, call),
      );
    },

    async listInstances(params, call) {
      const reply = await client.read(
        "ListInstance",
        {
          ChannelType: "whatsapp",
          PageIndex: String(params.pageIndex),
          PageSize: String(params.pageSize),
        },
        listInstanceReplySchema,
        call,
      );
      const { good, malformed } = sortRows(reply.Data, isInstanceItem);
      return {
        requestId: plain(reply.RequestId),
        instances: good?.map((item) => ({
          custSpaceId: item.CustSpaceId,
          channelType: plain(item.ChannelType),
          state: plain(item.State),
        })),
        total: readCount(reply.TotalCount),
        malformed,
      };
    },
  };
}

/** The gateway writes whole numbers of some products as text. */
function readCount(value: unknown): number | undefined {
  const count = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(count) && Number(count) >= 0 ? Number(count) : undefined;
}
