import { randomUUID } from "node:crypto";
import type { Agent } from "node:http";
import { type Client, type ClientDeps, createClient } from "./client.ts";
import { type Credentials, invocationCredentials, isSame } from "./credentials.ts";

/** Keeps the client as long as the credentials of the invocations stay the same. */
export function createClients(
  endpoint: string,
  configured: Credentials | undefined,
  agentFor: (endpoint: URL) => Agent,
  deps: Omit<ClientDeps, "newNonce">,
): (context: unknown) => Client {
  let newest: { readonly credentials: Credentials; readonly client: Client } | undefined;
  return (context) => {
    const credentials = invocationCredentials(context, configured);
    if (newest && isSame(newest.credentials, credentials)) return newest.client;
    const target = { endpoint, credentials, agent: agentFor(new URL(endpoint)) };
    const { monotonic, random, sleep } = deps;
    const client = createClient(target, { monotonic, random, sleep, newNonce });
    newest = { credentials, client };
    return client;
  };
}

/** 122 random bits. Node makes UUIDs by the hundred, at a fraction of what its bytes cost. */
function newNonce(): string {
  return randomUUID().replaceAll("-", "");
}
