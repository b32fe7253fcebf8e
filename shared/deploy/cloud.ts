import type { Clients } from "./clients.ts";

// biome-ignore lint/suspicious/noExplicitAny: what the SDKs and the framework give has no types.
export type Answer = any;

export type Clock = {
  /** ms */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
};

export type Cloud = {
  readonly clients: Clients;
  readonly clock: Clock;
  /** Shows the user one line. */
  readonly say: (text: string) => void;
  /** A text without any secret of this deployment. */
  readonly hide: (text: string) => string;
};

/** What an API answered with when it refused. `text` is its own sentence, without secrets. */
type Facts = {
  readonly apiCode?: string | undefined;
  readonly status?: number | undefined;
  readonly text?: string | undefined;
};

/** What a user is shown. What the SDKs throw is not kept: it holds whole requests and signatures. */
export class DeployError extends Error {
  readonly code = "ERR_DEPLOY";
  readonly facts: Facts;
  constructor(message: string, facts: Facts = {}) {
    super(message);
    this.name = "DeployError";
    this.facts = facts;
  }
}

/** Problems that were found before the first change, one a line. */
export function nothingChanged(problems: readonly string[], again = "npm run deploy"): DeployError {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  const lines = problems.map((text) => `  ${text.replaceAll("\n", "\n  ")}`).join("\n");
  return new DeployError(`${count} to fix. Nothing was changed.\n${lines}\nThen run: ${again}`);
}

/** Blanks secrets, and what has the form of an access key. */
export function createHider(secrets: readonly string[]): (text: string) => string {
  const known = secrets.filter((secret) => secret.length >= 8).sort((a, b) => b.length - a.length);
  return (text) => {
    const blanked = known.reduce((left, secret) => left.replaceAll(secret, "***"), text);
    return blanked.replaceAll(/\b(LTAI|STS\.)[A-Za-z0-9]{8,}/g, "***");
  };
}

/** Where a service is switched on: https://www.alibabacloud.com/help/en/functioncompute/fc and others. */
export const CONSOLES = {
  "Function Compute": "https://fcnext.console.alibabacloud.com",
  "Log Service": "https://sls.console.alibabacloud.com",
  Tablestore: "https://ots.console.alibabacloud.com",
  "Chat App": "https://chatapp.console.alibabacloud.com",
  RAM: "https://ram.console.alibabacloud.com",
} as const;

const HINTS = [
  {
    pattern: /not (been )?(enabled|activated|opened)|not ?open|unsubscript/i,
    hint: (product: string) =>
      `Activate ${product} for this account: ${CONSOLES[product as keyof typeof CONSOLES] ?? ""}`,
  },
  {
    pattern: /AccessKey|SignatureDoesNotMatch|SignatureNotMatch|SecurityToken|InvalidCredentials/i,
    hint: () => "Check the access key, its secret and, for temporary ones, the security token.",
  },
  {
    pattern: /Forbidden|NoPermission|AccessDenied|Unauthorized/i,
    hint: () =>
      "The deploying user may not do this. To print the policy to attach, run: npx serverless permissions",
  },
  {
    pattern: /ENOTFOUND|EAI_AGAIN/,
    hint: () => "The host is unknown: check ALIBABA_CLOUD_REGION and the network.",
  },
  { pattern: /Throttling/i, hint: () => "Too many calls at once: wait a minute." },
];

const FACT = /^[A-Za-z][\w.-]{1,79}$/;
const MESSAGE_CODES = /\b(E[A-Z]{4,}|EAI_AGAIN)\b/;

/** Reads code, status, request id and sentence from what any of the SDKs throws. */
export function readFailure(error: unknown) {
  const thrown = Object(error);
  const answer = thrown.entry?.response;
  const data = Object(thrown.data);
  const status = Number(thrown.statusCode ?? thrown.status ?? answer?.statusCode);
  const requestId = [data.RequestId, data.requestId, thrown.requestId, thrown.requestid].find(
    (id) => /^[A-Za-z0-9-]{4,64}$/.test(String(id)) && id !== undefined,
  );
  const code = [thrown.code, thrown.cause?.code, MESSAGE_CODES.exec(String(thrown.message))?.[0]];
  // Log Service's SDK alone has the sentence as the message, and then an id of the request.
  const text = data.Message ?? data.message ?? (thrown.requestid ? thrown.message : undefined);
  return {
    apiCode:
      code.map(String).find((one) => FACT.test(one) && one !== "undefined") ??
      (/Timeout/i.test(String(thrown.name)) ? "Timeout" : "UnreadableAnswer"),
    status: Number.isInteger(status) && status > 0 ? status : undefined,
    requestId: requestId as string | undefined,
    text: typeof text === "string" && text.trim() ? text.trim() : undefined,
    product: String(thrown.product ?? "the service"),
  };
}

/** Runs one call, and rebuilds what it throws. `step` stands after "Could not". */
export async function call<T>(cloud: Cloud, step: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof DeployError) throw error;
    const { apiCode, status, requestId, text, product } = readFailure(error);
    const said = text && cloud.hide(text.replaceAll(/\s+/g, " ").slice(0, 500));
    const facts = [apiCode, status && `HTTP ${status}`, requestId && `request id ${requestId}`];
    const hint = HINTS.find(({ pattern }) => pattern.test(`${apiCode} ${said}`))?.hint(product);
    const lines = [
      `Could not ${step} (${facts.filter(Boolean).join(", ")}).`,
      said && `${product} says: ${said}`,
      hint,
      "Finished steps are kept. To continue, run the same command again.",
    ];
    throw new DeployError(lines.filter(Boolean).join("\n"), { apiCode, status, text: said });
  }
}

function failsWith(error: unknown, codes: RegExp): boolean {
  if (!(error instanceof DeployError)) return false;
  const { apiCode = "", status } = error.facts;
  return codes.test(apiCode) || codes.test(String(status));
}

/** The one way to look something up: undefined if it is not there. */
export async function lookUp<T>(
  cloud: Cloud,
  what: string,
  find: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await call(cloud, `look up ${what}`, find);
  } catch (error) {
    if (failsWith(error, /NotExist|NotFound|^404$/)) return undefined;
    throw error;
  }
}

/** The one way to delete something: false if it was gone already. */
export async function remove(
  cloud: Cloud,
  what: string,
  run: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await call(cloud, `delete ${what}`, run);
    return true;
  } catch (error) {
    if (failsWith(error, /NotExist|NotFound|^404$/)) return false;
    throw error;
  }
}

export type Wanted<T> = {
  /** Such as "the role x". */
  readonly what: string;
  /** Undefined while it is not ready, or not there. */
  readonly find: () => Promise<T>;
  readonly create: () => Promise<unknown>;
  /** Names of the role, project or logstore that it needs and that may be too new to be known. */
  readonly needs?: readonly string[];
  /** Why what was found must not be touched. */
  readonly refuse?: (found: T) => string | undefined;
  /** What makes it as wanted; undefined if it is. */
  readonly change?: (found: T) => (() => Promise<unknown>) | undefined;
};

/** The one way to make something what it should be. Running it again ends in the same state. */
export async function ensure<T>(cloud: Cloud, wanted: Wanted<T>): Promise<NonNullable<T>> {
  const { what, find, create, needs = [], refuse, change } = wanted;
  const found = await lookUp(cloud, what, find);
  if (found === undefined || found === null) {
    await whileNew(cloud, needs, () => makeOnce(cloud, what, create));
    const made = await waitFor(cloud, what, () => lookUp(cloud, what, find));
    cloud.say(`${capital(what)} created`);
    return made;
  }
  const reason = refuse?.(found);
  if (reason) throw new DeployError(reason);
  const update = change?.(found);
  if (!update) return found;
  await whileNew(cloud, needs, () => call(cloud, `update ${what}`, update));
  cloud.say(`${capital(what)} updated`);
  return waitFor(cloud, what, () => lookUp(cloud, what, find));
}

/** One that is there already was made by another deployment, or its first answer was lost. */
async function makeOnce(cloud: Cloud, what: string, create: () => Promise<unknown>) {
  try {
    await call(cloud, `create ${what}`, create);
  } catch (error) {
    if (!failsWith(error, /AlreadyExist/)) throw error;
  }
}

const DELAYS_MS = [300, 700, 1500, 3000, 5000];
// A fresh logstore was not ready after 36 s: github.com/devsapp/fc issue 414.
const LIMIT_MS = 90_000;

const delayOf = (tries: number) => DELAYS_MS[Math.min(tries, DELAYS_MS.length - 1)] ?? 0;

/** The one way to wait: until there is an answer, for 90 s. */
export async function waitFor<T>(
  { clock, say }: Cloud,
  what: string,
  probe: () => Promise<T | undefined>,
): Promise<NonNullable<T>> {
  const givesUpAt = clock.now() + LIMIT_MS;
  for (let tries = 0; ; tries += 1) {
    const found = await probe();
    if (found !== undefined && found !== null) return found;
    if (clock.now() >= givesUpAt) {
      throw new DeployError(
        `${capital(what)} is not ready after 90 s. Run the same command again.`,
      );
    }
    if (tries === 0) say(`${capital(what)} is not ready yet: waiting for up to 90 s`);
    await clock.sleep(delayOf(tries));
  }
}

/** Repeats a call while its refusal names something that was made a moment ago. */
async function whileNew<T>(cloud: Cloud, needs: readonly string[], run: () => Promise<T>) {
  let refusal: unknown;
  const names = needs.map((name) => name.toLowerCase());
  return waitFor(cloud, needs.join(", "), async () => {
    try {
      return { done: await run() };
    } catch (error) {
      const text = error instanceof DeployError ? (error.facts.text ?? "") : "";
      if (!names.some((name) => text.toLowerCase().includes(name))) throw error;
      refusal = error;
      return undefined;
    }
  }).catch((error: unknown) => {
    throw refusal ?? error;
  });
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
