import { isDeepStrictEqual } from "node:util";
import type { Clients } from "./clients.ts";
import type { Plan } from "./plan.ts";

// biome-ignore lint/suspicious/noExplicitAny: what the SDKs and the framework give has no types.
export type Answer = any;

/** What one service and stage should be, and what it takes to get there. */
export type Cloud = {
  readonly plan: Plan;
  /** The line to type for the same command in the same place. */
  readonly again: string;
  readonly clients: Clients;
  readonly clock: { readonly now: () => number; readonly sleep: (ms: number) => Promise<unknown> };
  readonly say: (text: string) => void;
  /** A text without any secret of this deployment. */
  readonly hide: (text: string) => string;
};

/** What a user is shown. What the SDKs throw is not kept: it holds whole requests and signatures. */
export class DeployError extends Error {
  override readonly name = "DeployError";
  readonly code = "ERR_DEPLOY";
  /** What an API refused with. `text` is its own sentence. */
  readonly facts: { apiCode?: string; status?: number | undefined; text?: string | undefined };
  constructor(message: string, facts: DeployError["facts"] = {}) {
    super(message);
    this.facts = facts;
  }
}

/** Problems that were found before the first change, one a line. */
export function nothingChanged(problems: readonly string[], again: string): DeployError {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  const lines = problems.map((text) => `  ${text.replaceAll("\n", "\n  ")}`).join("\n");
  return new DeployError(`${count} to fix. Nothing was changed.\n${lines}\nThen run: ${again}`);
}

/** Blanks secrets, as they are and as a signature's text has them, and what looks like an access key. */
export function createHider(secrets: readonly string[]): (text: string) => string {
  const encode = encodeURIComponent;
  const forms = secrets.flatMap((secret) => [secret, encode(secret), encode(encode(secret))]);
  const known = forms.filter((secret) => secret.length >= 8).sort((a, b) => b.length - a.length);
  const all = [...known, /\b(LTAI|STS\.)[A-Za-z0-9]{8,}/g];
  return (text) => all.reduce<string>((left, secret) => left.replaceAll(secret, "***"), text);
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
  "not (been )?(enabled|activated|opened)|not ?open|unsubscript": "Activate %",
  "AccessKey|SignatureDoesNotMatch|SignatureNotMatch|SecurityToken|InvalidCredentials":
    "Check the access key, its secret and, for temporary ones, the security token. Run: export ALIBABA_CLOUD_ACCESS_KEY_ID=… ALIBABA_CLOUD_ACCESS_KEY_SECRET=…",
  "Forbidden|NoPermission|AccessDenied|Unauthorized":
    "The deploying user may not do this. To print the policy to attach, run: npx serverless permissions",
  "ENOTFOUND|EAI_AGAIN":
    "No such host. Check the network and the region. Run: export ALIBABA_CLOUD_REGION=ap-southeast-1",
  Throttling: "Too many calls at once: wait a minute.",
};

function adviceOn(refusal: string, product: string): string | undefined {
  const where = `${product} for this account: ${Object(CONSOLES)[product]}`;
  const isMeant = ([words]: [string, string]) => new RegExp(words, "i").test(refusal);
  return Object.entries(ADVICE).find(isMeant)?.[1].replace("%", where);
}

/** Reads code, status, request id and sentence from what any of the SDKs throws. */
export function readFailure(error: unknown) {
  const thrown = Object(error);
  const data = Object(thrown.data);
  const status = Number(thrown.statusCode ?? thrown.status ?? thrown.entry?.response?.statusCode);
  const [word] = /\b(E[A-Z]{4,}|EAI_AGAIN)\b/.exec(String(thrown.message)) ?? [];
  const first = (form: RegExp, ...texts: unknown[]) =>
    texts.find((text): text is string => typeof text === "string" && form.test(text));
  const byName = /Timeout/i.test(String(thrown.name)) ? "Timeout" : "UnreadableAnswer";
  const { requestId, requestid } = thrown;
  // Log Service's SDK alone has the sentence as the message, and then an id of the request.
  const ofLogs = requestid ? thrown.message : undefined;
  return {
    apiCode: first(/^[A-Za-z][\w.-]{1,79}$/, thrown.code, thrown.cause?.code, word) ?? byName,
    status: status > 0 ? status : undefined,
    requestId: first(/^[\w-]{4,64}$/, data.RequestId, data.requestId, requestId, requestid),
    text: first(/\S/, data.Message, data.message, ofLogs)?.trim(),
  };
}

/** What a failed call becomes. `step` stands after "Could not". */
export function refusalOf(error: unknown, step: string, product: string, hide: Cloud["hide"]) {
  const { apiCode, status, requestId, text } = readFailure(error);
  const said = text && hide(text.replaceAll(/\s+/g, " ").slice(0, 500));
  const facts = [apiCode, status && `HTTP ${status}`, requestId && `request id ${requestId}`];
  const lines = [
    `Could not ${step} (${facts.filter(Boolean).join(", ")}).`,
    said && `${product} says: ${said}`,
    adviceOn(`${apiCode} ${said}`, product),
    "Finished steps are kept. To continue, run the same command again.",
  ];
  return new DeployError(lines.filter(Boolean).join("\n"), { apiCode, status, text: said });
}

/** Why a call failed that changed nothing: without the last line, of a deployment that has begun. */
export const reasonIn = ({ message }: Error): string => message.split("\n").slice(0, -1).join("\n");

/** The one way to look up and to delete: undefined instead of a refusal that there is no such thing. */
export const maybe = <T>(work: Promise<T>, absent = /NotExist|NotFound|\b404$/) =>
  work.catch((error): T | undefined => {
    if (absent.test(`${error.facts?.apiCode} ${error.facts?.status}`)) return undefined;
    throw error;
  });

export type Resource = {
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
  const { what, find, create, needs = [], isOurs = () => true, change } = wanted;
  const found = await maybe(find());
  const foreign = `The ${what} exists, and nothing says that this service and stage made it. Choose another stage (--stage), or delete it if nothing needs it.`;
  if (found && !isOurs(found)) throw new DeployError(foreign);
  const make = () => maybe(create().then(Object), /AlreadyExist/);
  const act = found ? change?.(found) : make;
  if (!act) return found;
  const namesNew = (text: string) =>
    needs.some((name) => text.toLowerCase().includes(name.toLowerCase()));
  const run = () => act().then((outcome) => ({ outcome }));
  const { outcome } = await waitFor(cloud, needs.join(", "), run, namesNew);
  const ready = await waitFor(cloud, what, () => maybe(find()));
  // Somebody made it meanwhile, or the answer to the first try was lost: whose and what it is counts.
  if (!found && !outcome) return ensure(cloud, wanted);
  cloud.say(`${capital(what)} ${found ? "updated" : "created"}`);
  return ready;
}

/** Deletes what this service and stage made, and says so. Anything else stays. */
export async function removeOurs(
  cloud: Cloud,
  { what, find, isOurs = () => true }: Pick<Resource, "what" | "find" | "isOurs">,
  deleteIt: () => Promise<unknown>,
): Promise<void> {
  const found = await maybe(find());
  if (!found) return;
  if (isOurs(found)) await maybe(deleteIt());
  const kept = "kept: nothing says that this service and stage made it";
  cloud.say(`${capital(what)} ${isOurs(found) ? "deleted" : kept}`);
}

/** 90 s in all: a fresh logstore was not ready after 36 s (github.com/devsapp/fc issue 414). */
const PAUSES_MS = [300, 700, 1500, 3000, ...Array<number>(17).fill(5000)];

/** The one way to wait: until there is an answer. A refusal ends it unless its text may pass. */
export async function waitFor<T>(
  { clock, say }: Pick<Cloud, "clock" | "say">,
  what: string,
  probe: () => Promise<T | undefined>,
  mayPass: (text: string) => boolean = () => false,
  pauses: readonly number[] = PAUSES_MS,
): Promise<T> {
  const seconds = Math.floor(pauses.reduce((sum, pause) => sum + pause, 0) / 1000);
  const notReady = `${capital(what)} is not ready`;
  for (const [tries, pause] of [...pauses, undefined].entries()) {
    const found = await probe().catch((error) => {
      const isOver = pause === undefined || !(error instanceof DeployError);
      if (isOver || !mayPass(error.facts.text ?? "")) throw error;
      return undefined;
    });
    if (found !== undefined) return found;
    if (tries === 0) say(`${notReady} yet: waiting for up to ${seconds} s`);
    if (pause !== undefined) await clock.sleep(pause);
  }
  throw new DeployError(`${notReady} after ${seconds} s. Run the same command again.`);
}

/** Whether what the cloud has holds all that is wanted. It adds fields of its own. */
export function holds(found: unknown, wanted: unknown): boolean {
  const isPart = typeof wanted === "object" && wanted !== null && !Array.isArray(wanted);
  if (!isPart) return isDeepStrictEqual(found, wanted);
  return Object.entries(wanted).every(([name, value]) => holds(Object(found)[name], value));
}

export function parseJson(text: unknown): Record<string, Answer> {
  try {
    return JSON.parse(String(text));
  } catch {
    return {};
  }
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
