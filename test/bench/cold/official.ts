import { createHash, timingSafeEqual } from "node:crypto";
import cams from "@alicloud/cams20200606";

/**
 * What functions around the official SDK would be that do the same: take the platform's event apart,
 * check the key, validate, call, answer, and write one log line. They keep no state. Bundled and
 * measured beside query and add.
 */

type Config = ConstructorParameters<typeof cams.default>[0];
type Event = {
  readonly headers: Readonly<Record<string, string>>;
  readonly queryParameters?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
};

const digestOf = (text: string) => createHash("sha256").update(text).digest();
const [name = "", key = ""] = (process.env.API_KEYS ?? "").split(":");
const digest = digestOf(key);

const FIELDS: Readonly<Record<string, RegExp>> = {
  custSpaceId: /^[A-Za-z0-9_-]{1,128}$/,
  cc: /^[1-9]\d{0,2}$/,
  phoneNumber: /^\d{4,14}$/,
  verifiedName: /^.{1,512}$/,
};

function isValid(fields: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(fields).every(([field, value]) => FIELDS[field]?.test(String(value)));
}

function createClient() {
  const endpoint = new URL(process.env.CAMS_ENDPOINT ?? "");
  const config = {
    accessKeyId: process.env.ALIBABA_CLOUD_ACCESS_KEY_ID,
    accessKeySecret: process.env.ALIBABA_CLOUD_ACCESS_KEY_SECRET,
    protocol: endpoint.protocol.slice(0, -1),
    endpoint: endpoint.host,
  };
  // The class of this argument is in a package that this project does not depend on.
  return new cams.default(config as Config);
}

type Work = (fields: Record<string, string>) => Promise<{ status: number; body: unknown }>;

function createHandler(work: Work) {
  return async (input: Buffer, { requestId }: { requestId: string }) => {
    const startedAt = Date.now();
    const event = JSON.parse(input.toString()) as Event;
    const { headers, queryParameters, body, isBase64Encoded } = event;
    const authorization = Object.entries(headers).find(
      ([header]) => header.toLowerCase() === "authorization",
    );
    const given = /^Bearer (\S+)$/.exec(authorization?.[1] ?? "")?.[1] ?? "";
    const answerWith = (statusCode: number, value: unknown) => {
      const durationMs = Date.now() - startedAt;
      const line = { time: new Date().toISOString(), level: "info", message: "request", requestId };
      console.log(JSON.stringify({ ...line, key: name, status: statusCode, durationMs }));
      const type = { "content-type": "application/json; charset=utf-8" };
      return { statusCode, headers: type, isBase64Encoded: false, body: JSON.stringify(value) };
    };
    if (!timingSafeEqual(digestOf(given), digest)) return answerWith(401, { code: "unauthorized" });
    const text = body && Buffer.from(body, isBase64Encoded ? "base64" : "utf8").toString();
    const fields: Record<string, string> = text ? JSON.parse(text) : { ...queryParameters };
    if (!isValid(fields)) return answerWith(400, { code: "invalid" });
    const answer = await work(fields);
    return answerWith(answer.status, answer.body);
  };
}

export const query = createHandler(async ({ custSpaceId }) => {
  const request = new cams.QueryChatappPhoneNumbersRequest({ custSpaceId });
  const { body } = await createClient().queryChatappPhoneNumbers(request);
  return { status: 200, body: { requestId: body?.requestId, phoneNumbers: body?.phoneNumbers } };
});

export const add = createHandler(async ({ custSpaceId, cc, phoneNumber, verifiedName }) => {
  const request = new cams.AddChatappPhoneNumberRequest({
    ...{ custSpaceId, cc, phoneNumber, verifiedName },
  });
  const { body } = await createClient().addChatappPhoneNumber(request);
  return { status: 201, body: { requestId: body?.requestId, phoneNumber: `${cc}${phoneNumber}` } };
});
