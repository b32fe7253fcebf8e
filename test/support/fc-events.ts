/** A request as a test describes it. The builders give it the platform's form. */
export type HttpEventOptions = {
  readonly method: string;
  readonly path?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** In any case. The builders write Train-Case, as the platform does, and add none. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Default: true, except for a text body. The platform sets it for an absent body as well. */
  readonly base64?: boolean;
  readonly requestId?: string;
  /** The caller's address. */
  readonly sourceIp?: string | undefined;
};

const ACCOUNT_ID = "1234567890123456";
const REQUEST_ID = "1-68f0c0de-15a3c0ffee00-0123456789ab";

/** A Function Compute 3.0 HTTP trigger's event, `version: "v1"`. */
export function fcHttpEvent(options: HttpEventOptions): Buffer {
  const {
    method,
    path = "/",
    query = {},
    requestId = REQUEST_ID,
    sourceIp = "192.0.2.7",
  } = options;
  const headers = toTrainCase(options.headers ?? {});
  return toBuffer({
    version: "v1",
    rawPath: path,
    headers,
    queryParameters: query,
    ...toBody(options),
    requestContext: {
      accountId: ACCOUNT_ID,
      domainName: "waba-add-abcdefghij.ap-southeast-1.fcapp.run",
      domainPrefix: "waba-add-abcdefghij",
      requestId,
      time: "2026-01-02T03:04:05Z",
      timeEpoch: "1767323045000",
      triggerId: "0a1b2c3d-0000-4000-8000-000000000000",
      http: {
        method,
        path,
        protocol: "HTTP/1.1",
        sourceIp,
        userAgent: headers["User-Agent"] ?? "",
      },
    },
  });
}

/** A traditional API Gateway's event. */
export function apiGatewayEvent(options: HttpEventOptions): Buffer {
  const { method, path = "/", query = {} } = options;
  return toBuffer({
    path,
    httpMethod: method,
    headers: toTrainCase(options.headers ?? {}),
    queryParameters: query,
    pathParameters: {},
    ...toBody(options),
  });
}

/** A timer trigger's event. The payload is the trigger's configured text. */
export function timerEvent(payload = ""): Buffer {
  return toBuffer({
    triggerTime: "2026-01-02T03:04:00Z",
    triggerName: "tick",
    payload,
  });
}

/** The context of an invocation of a function with a role. `credentials: {}` is one without. */
export function fcContext(overrides: Readonly<Record<string, unknown>> = {}) {
  return {
    requestId: REQUEST_ID,
    credentials: {
      accessKeyId: "STS.exampleAccessKeyId",
      accessKeySecret: "exampleAccessKeySecret",
      securityToken: "exampleSecurityToken",
    },
    function: {
      name: "waba-add",
      handler: "add.handler",
      memory: 512,
      timeout: 75,
    },
    service: { logProject: "", logStore: "", qualifier: "LATEST" },
    region: "ap-southeast-1",
    accountId: ACCOUNT_ID,
    retryCount: 0,
    ...overrides,
  };
}

/** `x-acs-action` becomes `X-Acs-Action`, the only form in which the platform passes names on. */
function toTrainCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  const renamed = Object.entries(headers).map(([name, value]) => [
    name.toLowerCase().replaceAll(/(?:^|-)[a-z]/g, (start) => start.toUpperCase()),
    value,
  ]);
  return Object.fromEntries(renamed);
}

function toBody({ body = Buffer.alloc(0), base64 = typeof body !== "string" }: HttpEventOptions) {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  return { body: bytes.toString(base64 ? "base64" : "utf8"), isBase64Encoded: base64 };
}

function toBuffer(event: unknown): Buffer {
  return Buffer.from(JSON.stringify(event));
}
