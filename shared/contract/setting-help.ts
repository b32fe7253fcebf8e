import type { SettingName } from "../config.ts";

/** What pages and tools say of each setting. Functions do not load it. */
export const SETTING_HELP: Readonly<Record<SettingName, string>> = {
  API_KEYS: "`name:key[:custSpaceId|self|*],…`, or `name:sha256:HEX[:…]` with the key's digest",
  STORE_URL:
    "`tablestore://INSTANCE.REGION/TABLE`, `postgres://…?sslmode=verify-full`, `pglite:./folder`, `memory:`",
  WEBHOOK_URL: "where events go: one URL, https and a public address",
  WEBHOOK_SECRET: "`whsec_…` of 24 to 64 bytes, or two with a space between, the newest first",
  WEBHOOK_ALLOW_HTTP: "`on` (or `true`) allows http",
  WEBHOOK_ALLOW_CIDRS: "private ranges that the webhook may be in, such as `10.1.0.0/16`, by comma",
  WATCH_CUST_SPACES: "watched besides customers with an added number: `self` or ids, by comma",
  WATCH_DISCOVER:
    "`on` (or `true`) lists the account's customer spaces hourly and watches new ones",
  WATCH_HEALTH: "`on` (or `true`) asks whether connected numbers can send, and reports why not",
  WATCH_SYNC: "`lane` reads the priority lane from the numbers' source, not the upstream's copy",
  HINT_SECRET:
    "deploys `hint`: 16 or more characters, or two with a blank between while you rotate, the newest first",
  UPSTREAM_QPS: "calls a second that poll may use, of the account's 10",
  QUERY_QPS: "live queries a second that each instance of query may send",
  TICK_SECONDS: "how long one run may work, 1 to 57",
  RETENTION_DAYS: "delivered events and dead letters are deleted after so many days",
  POLL_INTERVAL_SECONDS: "no customer is read more often than this",
  CAMS_ENDPOINT: "the upstream, with http for loopback only",
  STAGE: "names the stage in events, set by the deployment",
  LOG_LEVEL: "`debug`, `info`, `warn` or `error`",
  DEBUG: "must not name `httpx`, `aliyun` or `log:client`, which print signatures",
  NODE_DEBUG: "must not name `http`, `net`, `tls` or their like, which print signatures",
  NODE_TLS_REJECT_UNAUTHORIZED: "must not be `0`, which trusts every server",
  ALIBABA_CLOUD_ACCESS_KEY_ID: "where the function has no role, with the next one",
  ALIBABA_CLOUD_ACCESS_KEY_SECRET: "with the one before",
  ALIBABA_CLOUD_SECURITY_TOKEN: "of temporary credentials",
  ALIBABA_CLOUD_ACCOUNT_ID: "names the account in events where the platform does not",
};
