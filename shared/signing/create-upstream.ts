import type * as z from "zod/mini";
import {
  type healthReplySchema,
  isInstanceItem,
  type listInstanceReplySchema,
} from "../schemas/upstream.ts";
import type { Client } from "./client.ts";
import { createNumbersUpstream, splitRows, toNumbers } from "./numbers-upstream.ts";
import { GET_HEALTH, LIST_INSTANCES, SYNC_NUMBERS } from "./operations.ts";
import type { HealthReply, ListInstancesReply, Upstream } from "./upstream.ts";
import { plain } from "./upstream-error.ts";

/** All operations. Those that only poll calls stay out of the bundles of add and query. */
export function createUpstream(client: Client, monotonic: () => number): Upstream {
  return {
    ...createNumbersUpstream(client, monotonic),

    sync: async (params, call) => toNumbers(await client.read(SYNC_NUMBERS, params, call)),

    async listInstances(params, call) {
      const given = { ...params, channelType: "whatsapp" };
      return toInstances(await client.read(LIST_INSTANCES, given, call));
    },

    async health(params, call) {
      return toHealth(await client.read(GET_HEALTH, { ...params, nodeType: "phone" }, call));
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

type Fields = Readonly<Record<string, unknown>> | null | undefined;

/** Every part is optional: an answer of another form says nothing, and is no error. */
function toHealth({ RequestId, Data }: z.output<typeof healthReplySchema>): HealthReply {
  const data = (typeof Data === "object" ? Data : undefined) as Fields;
  const reasons = listOf(data?.Entities).flatMap((entity) =>
    listOf(entity?.Errors).flatMap((error) => {
      const code = toText(error?.ErrorCode);
      return code === undefined
        ? []
        : [
            {
              entity: toText(entity?.EntityType) ?? "",
              code,
              description: toText(error?.ErrorDescription),
              solution: toText(error?.PossibleSolution),
            },
          ];
    }),
  );
  return { requestId: plain(RequestId), canSend: toText(data?.CanSendMessage), reasons };
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "object") : [];
}

/** Codes come as numbers too. `None` is absent, as in the upstream's samples. */
function toText(value: unknown): string | undefined {
  const text = typeof value === "number" ? String(value) : value;
  return typeof text === "string" && !["", "None"].includes(text.trim()) ? text : undefined;
}

/** The gateway writes whole numbers of some products as text. */
function readCount(value: unknown): number | undefined {
  const count = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(count) && Number(count) >= 0 ? Number(count) : undefined;
}
