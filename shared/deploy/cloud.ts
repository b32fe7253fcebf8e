import { isDeepStrictEqual } from "node:util";
import type { Clients } from "./clients.ts";

// biome-ignore lint/suspicious/noExplicitAny: what the SDKs and the framework give has no types.
export type Answer = any;

export type Cloud = {
  readonly clients: Clients;
  /** ms */
  readonly clock: { readonly now: () => number; readonly sleep: (ms: number) => Promise<unknown> };
  /** Shows the user one line. */
  readonly say: (text: string) => void;
  /** A text without any secret of this deployment. */
  readonly hide: (text: string) => string;
};

/** What an API answered with when it refused. `text` is its own sentence, without secrets. */
type Facts = { readonly apiCode?: string; readonly status?: number; readonly text?: string };

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
export function nothingChanged(problems: readonly string[], again: string): DeployError {
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
} as const;

/** What to do, by a word in the code or sentence of a refusal. */
const ADVICE = {
  "not (been )?(enabled|activated|opened)|not ?open|unsubscript": "Activate % for this account: ",
  "AccessKey|SignatureDoesNotMatch|SignatureNotMatch|SecurityToken|InvalidCredentials":
    "Check the access key, its secret and, for temporary ones, the security token.",
  "Forbidden|NoPermission|AccessDenied|Unauthorized":
    "The deploying user may not do this. To print the policy to attach, run: npx serverless permissions",
  "ENOTFOUND|EAI_AGAIN": "The host is unknown: check ALIBABA_CLOUD_REGION and the network.",
  Throttling: "Too many calls at once: wait a minute.",
};

function adviceOn(refusal: string, product: string): string | undefined {
  const isMeant = ([words]: readonly [string, string]) => new RegExp(words, "i").test(refusal);
  const [, text] = Object.entries(ADVICE).find(isMeant) ?? [];
  const console = CONSOLES[product as keyof typeof CONSOLES] ?? "";
  return text?.includes("%") ? text.replace("%", product) + console : text;
}

/** Reads code, status, request id and sentence from what any of the SDKs throws. */
export function readFailure(error: unknown) {
  const thrown = Object(error);
  const data = Object(thrown.data);
  const status = Number(thrown.statusCode ?? thrown.status ?? thrown.entry?.response?.statusCode);
  const words = /\b(E[A-Z]{4,}|EAI_AGAIN)\b/.exec(String(thrown.message))?.[0];
  const codes = [thrown.code, thrown.cause?.code, words].map((code) => String(code ?? ""));
  const ids = [data.RequestId, data.requestId, thrown.requestId, thrown.requestid].map(String);
  // Log Service's SDK alone has the sentence as the message, and then an id of the request.
  const text = data.Message ?? data.message ?? (thrown.requestid ? thrown.message : undefined);
  return {
    apiCode:
      codes.find((code) => /^[A-Za-z][\w.-]{1,79}$/.test(code)) ??
      (/Timeout/i.test(String(thrown.name)) ? "Timeout" : "UnreadableAnswer"),
    status: Number.isInteger(status) && status > 0 ? status : undefined,
    requestId: ids.find((id) => /^[A-Za-z0-9-]{4,64}$/.test(id) && id !== "undefined"),
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
    const lines = [
      `Could not ${step} (${facts.filter(Boolean).join(", ")}).`,
      said && `${product} says: ${said}`,
      adviceOn(`${apiCode} ${said}`, product),
      "Finished steps are kept. To continue, run the same command again.",
    ];
    const known = { ...(status ? { status } : {}), ...(said ? { text: said } : {}) };
    throw new DeployError(lines.filter(Boolean).join("\n"), { apiCode, ...known });
  }
}

/** Undefined instead of a refusal whose code or status says that there is no such thing. */
async function unlessAbsent<T>(work: Promise<T>, absent: RegExp): Promise<T | undefined> {
  return work.catch((error) => {
    const { apiCode = "", status } = error instanceof DeployError ? error.facts : {};
    if (absent.test(apiCode) || absent.test(String(status))) return undefined;
    throw error;
  });
}

const ABSENT = /NotExist|NotFound|^404$/;

/** The one way to look something up: undefined if it is not there. */
export const lookUp = <T>(cloud: Cloud, what: string, find: () => Promise<T>) =>
  unlessAbsent(call(cloud, `look up the ${what}`, find), ABSENT);

/** The one way to delete something that may be gone already. */
export const remove = (cloud: Cloud, what: string, run: () => Promise<unknown>) =>
  unlessAbsent(call(cloud, `delete the ${what}`, run), ABSENT);

export type Resource<T = Answer> = {
  /** Such as "role x". */
  readonly what: string;
  /** Undefined while it is not ready, or not there. */
  readonly find: () => Promise<T | undefined>;
  readonly create: () => Promise<unknown>;
  /** Names of the role, project or logstore that it needs and that may be too new to be known. */
  readonly needs?: readonly string[];
  /** Whether this service and stage made what was found, which must not be touched otherwise. */
  readonly isOurs?: (found: T) => boolean;
  /** What makes it as wanted; undefined if it is. */
  readonly change?: (found: T) => (() => Promise<unknown>) | undefined;
};

/** The one way to make something what it should be. Running it again ends in the same state. */
export async function ensure<T>(cloud: Cloud, wanted: Resource<T>): Promise<NonNullable<T>> {
  const { what, find, create, needs = [], isOurs, change } = wanted;
  const found = await lookUp(cloud, what, find);
  let done = "created";
  if (found === undefined || found === null) {
    // One that is there already was made by another deployment, or its first answer was lost.
    const make = () => unlessAbsent(call(cloud, `create ${what}`, create), /AlreadyExist/);
    await whileNew(cloud, needs, make);
  } else {
    if (isOurs?.(found) === false) {
      throw new DeployError(
        `The ${what} exists, and nothing says that this service and stage made it. Choose another stage (--stage), or delete it if nothing needs it.`,
      );
    }
    const update = change?.(found);
    if (!update) return found;
    await whileNew(cloud, needs, () => call(cloud, `update ${what}`, update));
    done = "updated";
  }
  const ready = await waitFor(cloud, what, () => lookUp(cloud, what, find));
  cloud.say(`${capital(what)} ${done}`);
  return ready;
}

/** Deletes what this service and stage made, and says so. Anything else stays. */
export async function removeOurs<T>(
  cloud: Cloud,
  { what, find, isOurs }: Pick<Resource<T>, "what" | "find" | "isOurs">,
  deleteIt: (found: T) => Promise<unknown>,
): Promise<void> {
  const found = await lookUp(cloud, what, find);
  if (found === undefined || found === null) return;
  if (isOurs?.(found) === false) {
    cloud.say(`${capital(what)} kept: nothing says that this service and stage made it`);
    return;
  }
  await deleteIt(found);
  cloud.say(`${capital(what)} deleted`);
}

const DELAYS_MS = [300, 700, 1500, 3000];
const LONGEST_DELAY_MS = 5_000;
// A fresh logstore was not ready after 36 s: github.com/devsapp/fc issue 414.
const LIMIT_MS = 90_000;

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
    await clock.sleep(DELAYS_MS[tries] ?? LONGEST_DELAY_MS);
  }
}

/** Repeats a call while its refusal names something that was made a moment ago. */
async function whileNew(cloud: Cloud, needs: readonly string[], run: () => Promise<unknown>) {
  let refusal: unknown;
  const attempt = () =>
    run().then(
      () => true,
      (error) => {
        const text = error instanceof DeployError ? (error.facts.text ?? "").toLowerCase() : "";
        if (!needs.some((name) => text.includes(name.toLowerCase()))) throw error;
        refusal = error;
        return undefined;
      },
    );
  await waitFor(cloud, needs.join(", "), attempt).catch((error) => {
    throw refusal ?? error;
  });
}

/** Whether what the cloud has holds all that is wanted. It adds fields of its own. */
export function holds(found: unknown, wanted: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null || Array.isArray(wanted)) {
    return isDeepStrictEqual(found, wanted);
  }
  return Object.entries(wanted).every(([name, value]) =>
    // A setting that is no longer wanted must go, so this one is compared as a whole.
    name === "environmentVariables"
      ? isDeepStrictEqual({ ...Object(found)[name] }, { ...value })
      : holds(Object(found)[name], value),
  );
}

export function parseConfig(text: unknown): Record<string, Answer> {
  try {
    return JSON.parse(String(text));
  } catch {
    return {};
  }
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
