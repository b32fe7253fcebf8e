import cams from "@alicloud/cams20200606";

type Config = ConstructorParameters<typeof cams.default>[0];

/** The numbers as the official SDK returns them, by its plainest call. */
export type OfficialCall = (custSpaceId: string) => Promise<unknown>;

/** The client is made once and keeps its connection, which is the SDK's default. */
export function createOfficialCall(endpoint: URL): OfficialCall {
  const config = {
    accessKeyId: "bench-access-key-id",
    accessKeySecret: "bench-access-key-secret",
    protocol: endpoint.protocol.slice(0, -1),
    endpoint: endpoint.host,
  };
  // The class of this argument is in a package that this project does not depend on.
  const client = new cams.default(config as Config);
  return async (custSpaceId) => {
    const request = new cams.QueryChatappPhoneNumbersRequest({ custSpaceId });
    const { body } = await client.queryChatappPhoneNumbers(request);
    if (body?.code !== "OK") throw new Error("the official SDK was refused");
    return body;
  };
}

/**
 * The least that a function around the SDK has to do: take the platform's event apart and
 * write the response. It checks no key, validates nothing and logs nothing.
 */
export function createOfficialHandler(call: OfficialCall) {
  return async (event: Buffer) => {
    const { queryParameters } = JSON.parse(event.toString()) as {
      queryParameters: { custSpaceId: string };
    };
    const { phoneNumbers, requestId } = (await call(queryParameters.custSpaceId)) as {
      phoneNumbers: unknown;
      requestId: unknown;
    };
    return {
      statusCode: 200,
      headers: { "content-type": "application/json" },
      isBase64Encoded: false,
      body: JSON.stringify({ phoneNumbers, requestId }),
    };
  };
}
