import { randomUUID } from "node:crypto";
import http from "node:http";
import { text as readText } from "node:stream/consumers";
import { rpcSignature } from "./rpc-signature.ts";

export const CREDENTIALS = { accessKeyId: "testid", accessKeySecret: "testsecret" } as const;

/** 2026-01-01T00:00:00Z */
export const EPOCH = 1_767_225_600_000;

/** Common parameters of one call, signed at EPOCH by default. */
export function signed(
  method: string,
  business: Readonly<Record<string, string>>,
  common: Readonly<Record<string, string>> = {},
  secret: string = CREDENTIALS.accessKeySecret,
): Record<string, string> {
  const params = {
    Format: "JSON",
    Version: "2020-06-06",
    AccessKeyId: CREDENTIALS.accessKeyId,
    SignatureMethod: "HMAC-SHA1",
    SignatureVersion: "1.0",
    SignatureNonce: randomUUID(),
    Timestamp: "2026-01-01T00:00:00Z",
    ...common,
    ...business,
  };
  return { ...params, Signature: rpcSignature(method, params, secret) };
}

export const query = (custSpaceId: string) => ({
  Action: "QueryChatappPhoneNumbers",
  CustSpaceId: custSpaceId,
});

export const add = (custSpaceId: string, phoneNumber = "13800000001") => ({
  Action: "AddChatappPhoneNumber",
  CustSpaceId: custSpaceId,
  Cc: "86",
  PhoneNumber: phoneNumber,
  VerifiedName: "Example",
});

export type Answer = {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  /** The client's port. Two calls over one connection have the same. */
  readonly localPort: number | undefined;
  /** The parsed body. */
  readonly json: () => Record<string, unknown>;
};

type Sent = { readonly agent?: http.Agent; readonly signal?: AbortSignal };

function request(url: string, method: string, type: string, body: string, sent: Sent) {
  return new Promise<Answer>((resolve, reject) => {
    const headers = body === "" ? {} : { "content-type": type };
    const outgoing = http.request(url, { method, headers, ...sent }, (response) => {
      const { localPort } = response.socket;
      readText(response).then((text) => {
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, text, localPort, json: () => JSON.parse(text) });
      }, reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** Sends parameters unchanged, signed or not: in the body for POST, else in the URL. */
export function send(
  url: string,
  method: string,
  params: Readonly<Record<string, string>>,
  sent: Sent = {},
): Promise<Answer> {
  const encoded = new URLSearchParams(params).toString();
  return method === "POST"
    ? request(`${url}/`, method, "application/x-www-form-urlencoded", encoded, sent)
    : request(`${url}/?${encoded}`, method, "", "", sent);
}

/** Signs and posts one call. */
export const call = (
  url: string,
  business: Readonly<Record<string, string>>,
  sent: Sent = {},
): Promise<Answer> => send(url, "POST", signed("POST", business), sent);

export const control = (url: string, path: string, body: unknown = {}): Promise<Answer> =>
  request(`${url}/~control/${path}`, "POST", "application/json", JSON.stringify(body), {});
