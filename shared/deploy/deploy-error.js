/**
 * What a deployment shows its user. The message holds our own words, an API's code and its request
 * id: what the SDKs throw holds whole requests, signatures and credentials.
 */
export class DeployError extends Error {
  /**
   * @param {string} message
   * @param {{ apiCode?: string, status?: number | undefined, requestId?: string | undefined }} [facts]
   */
  constructor(message, facts = {}) {
    super(message);
    this.name = "DeployError";
    /** @type {`ERR_${string}`} */
    this.code = "ERR_DEPLOY";
    this.apiCode = facts.apiCode;
    this.status = facts.status;
    this.requestId = facts.requestId;
  }
}

/**
 * @param {readonly string[]} problems found before the first call
 * @returns {DeployError} one that tells them all
 */
export function nothingSent(problems) {
  return new DeployError(`To be mended first: ${problems.join("; ")}. Nothing was sent.`);
}

const HINTS = [
  {
    codes: /^(Forbidden|NoPermission|AccessDenied|Unauthorized)/i,
    hint: "The deploying user lacks the permission for it: see the policy in shared/deploy/README.md.",
  },
  {
    codes: /AccessKey|SignatureDoesNotMatch|SignatureNotMatch|SecurityToken|InvalidCredentials/i,
    hint: "Check the access key, its secret and, if it is a temporary one, ALIBABA_CLOUD_SECURITY_TOKEN.",
  },
  {
    codes: /^(ENOTFOUND|EAI_AGAIN)$/,
    hint: "The host is unknown: check ALIBABA_CLOUD_REGION and the network.",
  },
  { codes: /^Throttling/i, hint: "Too many calls at once: wait a minute." },
];

const MESSAGE_CODES = /\b(E[A-Z]{4,}|EAI_AGAIN)\b/;

/**
 * Reads code, status and request id from what any of the SDKs throws, and nothing else.
 *
 * @param {unknown} error
 * @returns {{ apiCode: string, status: number | undefined, requestId: string | undefined }}
 */
export function factsOf(error) {
  const thrown = /** @type {Record<string, any>} */ (Object(error));
  const answer = thrown.entry?.response;
  const status = Number(thrown.statusCode ?? thrown.status ?? answer?.statusCode);
  const requestId = [
    thrown.data?.RequestId,
    thrown.data?.requestId,
    thrown.requestId,
    thrown.requestid,
    answer?.headers?.["x-acs-request-id"],
  ].find((id) => typeof id === "string" && /^[A-Za-z0-9-]{4,64}$/.test(id));
  const codes = [thrown.code, thrown.cause?.code, MESSAGE_CODES.exec(String(thrown.message))?.[0]];
  const code = codes.find(
    (text) =>
      typeof text === "string" && /^[A-Za-z][\w.-]{1,79}$/.test(text) && text !== "undefined",
  );
  const timedOut = /Timeout/i.test(String(thrown.name));
  return {
    apiCode: code ?? (timedOut ? "Timeout" : "UnreadableAnswer"),
    status: Number.isInteger(status) && status > 0 ? status : undefined,
    requestId: requestId === "undefined" ? undefined : requestId,
  };
}

/**
 * Runs one call of a step. A refusal whose code or HTTP status is in `absent` is a value: undefined.
 *
 * @template T
 * @param {string} step what is being done, to stand after "could not"
 * @param {() => Promise<T>} run
 * @param {{ absent?: readonly (string | number)[] }} [options]
 * @returns {Promise<T | undefined>}
 * @throws {DeployError}
 */
export async function callCloud(step, run, { absent = [] } = {}) {
  try {
    return await run();
  } catch (error) {
    if (error instanceof DeployError) throw error;
    const facts = factsOf(error);
    if (absent.includes(facts.apiCode) || absent.includes(facts.status ?? 0)) return undefined;
    throw failedStep(step, facts);
  }
}

/**
 * @param {string} step
 * @param {ReturnType<typeof factsOf>} facts
 */
function failedStep(step, facts) {
  const { apiCode, status, requestId } = facts;
  const details = [
    apiCode,
    ...(status ? [`HTTP ${status}`] : []),
    requestId ? `request id ${requestId}` : "no request id",
  ].join(", ");
  const hint = HINTS.find(({ codes }) => codes.test(apiCode))?.hint;
  return new DeployError(
    `Could not ${step}: ${details}.${hint ? ` ${hint}` : ""} What was done before stays; running the same command again continues.`,
    facts,
  );
}
