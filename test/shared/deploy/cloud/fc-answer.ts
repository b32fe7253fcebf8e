import type { CloudAnswer } from "./cloud-request.ts";

export const FC_REQUEST_ID = "1-6741f5c8-15ab0000-0000000000a1";

export function json(status: number, body: object): CloudAnswer {
  return {
    status,
    headers: { "content-type": "application/json", "x-fc-request-id": FC_REQUEST_ID },
    body: JSON.stringify(body),
  };
}
