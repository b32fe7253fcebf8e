import type * as z from "zod/mini";
import { isInstanceItem, type listInstanceReplySchema } from "../schemas/upstream.ts";
import type { Client } from "./client.ts";
import { createNumbersUpstream, splitRows, toNumbers } from "./numbers-upstream.ts";
import { LIST_INSTANCES, SYNC_NUMBERS } from "./operations.ts";
import type { ListInstancesReply, Upstream } from "./upstream.ts";
import { plain } from "./upstream-error.ts";

/** All operations. The two that only poll calls stay out of the bundles of add and query. */
export function createUpstream(client: Client, monotonic: () => number): Upstream {
  return {
    ...createNumbersUpstream(client, monotonic),

    sync: async (params, call) => toNumbers(await client.read(SYNC_NUMBERS, params, call)),

    async listInstances(params, call) {
      const given = { ...params, channelType: "whatsapp" };
      return toInstances(await client.read(LIST_INSTANCES, given, call));
    },
  };
}

function toInstances(reply: z.output<typeof listInstanceReplySchema>): ListInstancesReply {
  const { good, malformed } = splitRows(reply.Data, isInstanceItem);
  return {
    requestId: plain(reply.RequestId),
    instances: good?.map(({ CustSpaceId, ChannelType, State }) => ({
      custSpaceId: CustSpaceId,
      channelType: plain(ChannelType),
      state: plain(State),
    })),
    total: readCount(reply.TotalCount),
    malformed,
  };
}

/** The gateway writes whole numbers of some products as text. */
function readCount(value: unknown): number | undefined {
  const count = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(count) && Number(count) >= 0 ? Number(count) : undefined;
}
