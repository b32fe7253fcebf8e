/** A response as the functions write it. Header names are lower case. */
export type HttpResponse = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** What Function Compute 3.0 and API Gateway both accept. Each header has one value. */
export type PlatformResponse = {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly isBase64Encoded: false;
  readonly body: string;
};

/**
 * Responses hold customers' numbers: no cache may keep them, no browser may guess their type. The
 * platform takes http as well, so browsers learn to use https (RFC 6797, which http ignores).
 */
export const RESPONSE_HEADERS = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "strict-transport-security": "max-age=63072000",
} as const;

/** `headers` join the usual ones and win over them. */
export function jsonResponse(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return {
    status,
    headers: { "content-type": "application/json; charset=utf-8", ...RESPONSE_HEADERS, ...headers },
    body: JSON.stringify(value),
  };
}

/** Without content-length: the platform counts the bytes. */
export function toPlatformResponse(response: HttpResponse): PlatformResponse {
  const { status, headers, body } = response;
  return { statusCode: status, headers, isBase64Encoded: false, body };
}
