import { randomBytes } from "node:crypto";

/** Keys of the sandbox. They open nothing else, so they may be printed. */
export const SANDBOX_CREDENTIALS = {
  accessKeyId: "sandbox-access-key-id",
  accessKeySecret: "sandbox-access-key-secret",
};

export type SandboxAddresses = {
  /** Without it, the functions use the real upstream. */
  readonly upstreamUrl?: string;
  readonly receiverUrl: string;
  readonly webhookSecret: string;
  readonly apiKey: string;
  readonly storeUrl: string;
  readonly pollIntervalSeconds: number;
};

/** The functions' environment when everything around them runs on this machine. */
export function sandboxEnvironment(
  addresses: SandboxAddresses,
): Record<string, string | undefined> {
  const { upstreamUrl } = addresses;
  const { accessKeyId, accessKeySecret } = SANDBOX_CREDENTIALS;
  return {
    CAMS_ENDPOINT: upstreamUrl,
    ALIBABA_CLOUD_ACCESS_KEY_ID: upstreamUrl && accessKeyId,
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: upstreamUrl && accessKeySecret,
    API_KEYS: `local:${addresses.apiKey}`,
    STORE_URL: addresses.storeUrl,
    WEBHOOK_URL: addresses.receiverUrl,
    WEBHOOK_SECRET: addresses.webhookSecret,
    WEBHOOK_ALLOW_HTTP: "true",
    WEBHOOK_ALLOW_CIDRS: "127.0.0.0/8",
    POLL_INTERVAL_SECONDS: String(addresses.pollIntervalSeconds),
  };
}

export function newWebhookSecret(): string {
  return `whsec_${randomBytes(32).toString("base64")}`;
}

export function newApiKey(): string {
  return randomBytes(24).toString("base64url");
}
