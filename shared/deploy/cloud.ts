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

/** What to do, by words in the code or sentence of a refusal. `%` is the service and its console. */
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
  const ids = [data.RequestId, data.requestId, thrown.requestId, thrown.requestid];
  // Log Service's SDK alone has the sentence as the message, and then an id of the request.
  const text = data.Message ?? data.message ?? (thrown.requestid ? thrown.message : undefined);
  return {
    apiCode:
      codes.find((code) => /^[A-Za-z][\w.-]{1,79}$/.test(code)) ??
      (/Timeout/i.test(String(thrown.name)) ? "Timeout" : "UnreadableAnswer"),
    status: Number.isInteger(status) && status > 0 ? status : undefined,
    requestId: ids.find((id): id is string => /^[A-Za-z0-9-]{4,64}$/.test(id ?? "")),
    text: typeof text === "string" && text.trim() ? text.trim() : undefined,
  };
}

/** What a failed call becomes. `step` stands after "Could not". */
export function refusalOf(
  error: unknown,
  {
    step,
    product,
    hide,
  }: { readonly step: string; readonly product: string } & Pick<Cloud, "hide">,
): DeployError {
  const { apiCode, status, requestId, text } = readFailure(error);
  const said = text && hide(text.replaceAll(/\s+/g, " ").slice(0, 500));
  const facts = [apiCode, status && `HTTP ${status}`, requestId && `request id ${requestId}`];
  const lines = [
    `Could not ${step} (${facts.filter(Boolean).join(", ")}).`,
    said && `${product} says: ${said}`,
    adviceOn(`${apiCode} ${said}`, product),
    "Finished steps are kept. To continue, run the same command again.",
  ];
  const known = { ...(status ? { status } : {}), ...(said ? { text: said } : {}) };
  return new DeployError(lines.filter(Boolean).join("\n"), { apiCode, ...known });
}

/** The one way to look up and to delete: undefined instead of a refusal that there is no such thing. */
export async function unlessAbsent<T>(
  work: Promise<T>,
  absent = /NotExist|NotFound|\b404$/,
): Promise<T | undefined> {
  return work.catch((error) => {
    if (!(error instanceof DeployError)) throw error;
    if (absent.test(`${error.facts.apiCode} ${error.facts.status}`)) return undefined;
    throw error;
  });
}

export type Resource = {
  /** Such as "role x". */
  readonly what: string;
  /** Undefined while it is not ready, or not there. */
  readonly find: () => Promise<Answer>;
  readonly create: () => Promise<unknown>;
  /** Names of the role, project or logstore that it needs and that may be too new to be known. */
  readonly needs?: readonly string[];
  /** Whether this service and stage made what was found, which must not be touched otherwise. */
  readonly isOurs?: (found: Answer) => boolean;
  /** What makes it as wanted; undefined if it is. */
  readonly change?: (found: Answer) => (() => Promise<unknown>) | undefined;
};

/** The one way to make something what it should be. Running it again ends in the same state. */
export async function ensure(cloud: Cloud, wanted: Resource): Promise<Answer> {
  const { what, find, create, needs = [], isOurs, change } = wanted;
  const found = await unlessAbsent(find());
  if (found && isOurs?.(found) === false) {
    throw new DeployError(
      `The ${what} exists, and nothing says that this service and stage made it. Choose another stage (--stage), or delete it if nothing needs it.`,
    );
  }
  // One that is there already was made by another deployment, or its first answer was lost.
  const act = found ? change?.(found) : () => unlessAbsent(create(), /AlreadyExist/);
  if (!act) return found;
  const isNew = ({ facts }: DeployError) =>
    needs.some((name) => facts?.text?.toLowerCase().includes(name.toLowerCase()));
  await waitFor(cloud, needs.join(", "), () => act().then(() => true), isNew);
  const ready = await waitFor(cloud, what, () => unlessAbsent(find()));
  cloud.say(`${capital(what)} ${found ? "updated" : "created"}`);
  return ready;
}

/** Deletes what this service and stage made, and says so. Anything else stays. */
export async function removeOurs(
  cloud: Cloud,
  { what, find, isOurs }: Pick<Resource, "what" | "find" | "isOurs">,
  deleteIt: () => Promise<unknown>,
): Promise<void> {
  const found = await unlessAbsent(find());
  if (!found) return;
  const isForeign = isOurs?.(found) === false;
  if (!isForeign) await unlessAbsent(deleteIt());
  const end = isForeign ? "kept: nothing says that this service and stage made it" : "deleted";
  cloud.say(`${capital(what)} ${end}`);
}

const DELAYS_MS = [300, 700, 1500, 3000];
const LONGEST_DELAY_MS = 5_000;
// A fresh logstore was not ready after 36 s: github.com/devsapp/fc issue 414.
const LIMIT_MS = 90_000;

/** The one way to wait: until there is an answer, for 90 s. A refusal ends it unless it passes. */
export async function waitFor<T>(
  { clock, say }: Cloud,
  what: string,
  probe: () => Promise<T | undefined>,
  isPassing: (refusal: DeployError) => boolean = () => false,
): Promise<NonNullable<T>> {
  const givesUpAt = clock.now() + LIMIT_MS;
  for (let tries = 0; ; tries += 1) {
    let problem = new DeployError(
      `${capital(what)} is not ready after 90 s. Run the same command again.`,
    );
    const found = await probe().catch((error) => {
      if (!isPassing(error)) throw error;
      problem = error;
      return undefined;
    });
    if (found !== undefined && found !== null) return found;
    if (clock.now() >= givesUpAt) throw problem;
    if (tries === 0) say(`${capital(what)} is not ready yet: waiting for up to 90 s`);
    await clock.sleep(DELAYS_MS[tries] ?? LONGEST_DELAY_MS);
  }
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
