import cams from "@alicloud/cams20200606";

type Config = ConstructorParameters<typeof cams.default>[0];

/** The numbers as the official SDK gives them, asked for with the plainest of its calls. */
export type OfficialCall = (custSpaceId: string) => Promise<unknown>;

/** The client is made once and keeps its connection, as the SDK's does without being told. */
export function createOfficialCall(endpoint: URL): OfficialCall {
  const config = {
    accessKeyId: "bench-access-key-id",
    accessKeySecret: "bench-access-key-secret",
    protocol: endpoint.protocol.slice(0, -1),
    endpoint: endpoint.host,
  };
  // The class of this argument is in a package that is not ours to name; its fields are all it is.
  const client = new cams.default(config as Config);
  return async (custSpaceId) => {
    const request = new cams.QueryChatappPhoneNumbersRequest({ custSpaceId });
    const { body } = await client.queryChatappPhoneNumbers(request);
    if (body?.code !== "OK") throw new Error("the official SDK was refused");
    return body;
  };
}

/**
 * The least that a function around the SDK does besides: takes the platform's event apart and
 * writes the answer. No key is checked, nothing is validated and nothing is logged.
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
