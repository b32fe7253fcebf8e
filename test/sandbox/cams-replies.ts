import { randomUUID } from "node:crypto";
import type { NumberFields } from "./cams-state.ts";

/** A reply: status, extra headers and the JSON body. */
export type Reply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
};

const requestId = () => randomUUID().toUpperCase();

/** The gateway's error list has 403 and 404 for these families, and 400 for nearly all others. */
function statusOf(code: string): number {
  if (code === "Ram.PermissionDeny" || code.startsWith("Forbidden.")) return 403;
  if (code.endsWith(".NotFound") || code === "NoSuchVersion") return 404;
  if (code === "InternalError") return 500;
  if (code === "ServiceUnavailable") return 503;
  return 400;
}

/** An error in the gateway's shape: Code and Message with RequestId, HostId and Recommend. */
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

/** The documented success sample. Its `Success` is false, so only Code counts. */
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

/** The reply of Query and of Sync. */
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

export type InstanceFields = { readonly CustSpaceId: string; readonly ChannelType: string };

/** The documented fields of an instance. The mail address is recognisable if it leaks. */
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
