import { randomBytes } from "node:crypto";

/** Keys of the sandbox: they open nothing else, so they may be printed. */
export const SANDBOX_CREDENTIALS = {
  accessKeyId: "sandbox-access-key-id",
  accessKeySecret: "sandbox-access-key-secret",
};

export type SandboxAddresses = {
  /** Undefined when the real upstream is used. */
  readonly upstreamUrl?: string | undefined;
  readonly receiverUrl: string;
  readonly webhookSecret: string;
  readonly apiKey: string;
  readonly storeUrl: string;
  readonly pollIntervalSeconds: number;
};

/** The environment that the functions get when everything around them runs on this machine. */
export function sandboxEnvironment(addresses: SandboxAddresses): Record<string, string> {
  return {
    ...(addresses.upstreamUrl === undefined
      ? {}
      : {
          CAMS_ENDPOINT: addresses.upstreamUrl,
          ALIBABA_CLOUD_ACCESS_KEY_ID: SANDBOX_CREDENTIALS.accessKeyId,
          ALIBABA_CLOUD_ACCESS_KEY_SECRET: SANDBOX_CREDENTIALS.accessKeySecret,
        }),
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
