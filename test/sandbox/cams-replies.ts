import { randomUUID } from "node:crypto";
import type { HealthFields, NumberFields } from "./cams-state.ts";

/** A reply before it is written: status, extra headers and the JSON body. */
export type Reply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
};

const requestId = () => randomUUID().toUpperCase();

/**
 * The HTTP status of an error. Pages 48054 and 434846 of the gateway give 403, 404, 500 and 503 to
 * these codes, and 400 to nearly all others. That the product's own codes have 400 is in the metadata.
 */
function statusOf(code: string): number {
  if (code === "Ram.PermissionDeny" || code.startsWith("Forbidden.")) return 403;
  if (code.endsWith(".NotFound") || code === "NoSuchVersion") return 404;
  if (code === "InternalError") return 500;
  if (code === "ServiceUnavailable") return 503;
  return 400;
}

/**
 * An error in the gateway's form (pages 48054 and 434846). The wait stands in x-acs-retry-after, in
 * milliseconds, where the core of SDK 5.3.0 reads it. The text of Message is a guess.
 */
export function errorReply(
  code: string,
  options: {
    readonly message?: string | undefined;
    readonly status?: number | undefined;
    readonly retryAfterMs?: number | undefined;
  } = {},
): Reply {
  const { retryAfterMs } = options;
  return {
    status: options.status ?? statusOf(code),
    headers: retryAfterMs === undefined ? {} : { "x-acs-retry-after": String(retryAfterMs) },
    body: {
      RequestId: requestId(),
      HostId: "cams.ap-southeast-1.aliyuncs.com",
      Code: code,
      Message: options.message ?? `The sandbox refuses this request with ${code}.`,
      Recommend: `Look up ${code} in the product's error list.`,
    },
  };
}

/** The sample of page AddChatappPhoneNumber, which has `Success: false` beside the Code OK. */
export function addReply(): Reply {
  return {
    status: 200,
    headers: {},
    body: {
      AccessDeniedDetail: "None",
      Message: "None",
      RequestId: requestId(),
      Code: "OK",
      Success: false,
    },
  };
}

/** The sample of page UpdateAccountWebhook, whose AccessDeniedDetail is the Chinese word for none. */
export function accountWebhookReply(): Reply {
  return {
    status: 200,
    headers: {},
    body: {
      RequestId: requestId(),
      Code: "OK",
      Message: "SUCCESS",
      AccessDeniedDetail: "\u65e0",
    },
  };
}

/** For Query and Sync. Fields: SDK 1.4.2, QueryChatappPhoneNumbersResponseBody. `None`: the samples. */
export function queryReply(numbers: readonly NumberFields[]): Reply {
  return {
    status: 200,
    headers: {},
    body: {
      RequestId: requestId(),
      Code: "OK",
      Message: "None",
      AccessDeniedDetail: "None",
      PhoneNumbers: numbers,
    },
  };
}

/**
 * For GetWhatsappHealthStatus of the node `phone`. Fields: SDK 5.3.0. The entities of a phone node, and
 * that the overall value is the worst of theirs, are Meta's page health-status. That an entity without
 * trouble has no Errors is a guess.
 */
export function healthReply(
  phoneNumber: string,
  { canSend, entity = "WABA", errors }: HealthFields,
): Reply {
  const entities = ["PHONE_NUMBER", "WABA", "BUSINESS", "APP"].map((EntityType) =>
    EntityType === entity
      ? { EntityType, CanSendMessage: canSend, Errors: errors }
      : { EntityType, CanSendMessage: "AVAILABLE" },
  );
  return {
    status: 200,
    headers: {},
    body: {
      RequestId: requestId(),
      Code: "OK",
      Message: "None",
      AccessDeniedDetail: "None",
      Data: {
        CanSendMessage: canSend,
        Entities: entities.map((one) => ({ ...one, PhoneNumber: phoneNumber })),
      },
    },
  };
}

export type InstanceFields = { readonly CustSpaceId: string; readonly ChannelType: string };

/**
 * The fields of page ListInstance, with values that are made up. The mail address is easy to
 * recognise, should it leak.
 */
export function instanceReply(page: readonly InstanceFields[], total: number): Reply {
  return {
    status: 200,
    headers: {},
    body: {
      AccessDeniedDetail: "None",
      Message: "None",
      RequestId: requestId(),
      Code: "OK",
      Success: true,
      TotalCount: total,
      Data: page.map((instance) => ({
        ...instance,
        InstanceId: `cams-${instance.CustSpaceId}`,
        InstanceName: "Sandbox",
        State: "published",
        SubmitTime: "2026-01-01 00:00:00",
        FacebookBmId: "1",
        CountryId: "1",
        ContactMail: "contact@instance.example",
        IsvTerms: "terms",
        OfficeAddress: "example",
        InstanceDescription: "example",
        ResourceGroupId: "1",
        ResourceRegionId: "ap-southeast-1",
      })),
    },
  };
}
