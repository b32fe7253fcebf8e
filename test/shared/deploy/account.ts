export const ACCOUNT = "1234567890123456";
export const KEY = {
  accessKeyId: "STS.deployingKeyId",
  accessKeySecret: "deploying-key-secret-0123456789",
  securityToken: "deploying-security-token-0123456789",
};
export const API_KEY = "crm-key-crm-key-crm-key-0001";
export const WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/** What must never be seen in what the command prints. */
export const SECRETS = [
  KEY.accessKeySecret,
  KEY.securityToken,
  API_KEY,
  WEBHOOK_SECRET.slice("whsec_".length),
  "store-password",
  "secret-looking words",
];
