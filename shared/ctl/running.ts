import type { Answer } from "./answer.ts";
import { CtlError } from "./io.ts";
import { printable } from "./printable.ts";

const LIMIT_MS = 90_000;

/**
 * Sends payloads to the poll of a running `npm start`.
 *
 * @returns its answer, `busy` if too many invocations run, or `absent` if nothing listens
 */
export function createRunning(
  url: string,
  key: string | undefined,
): (payload: object) => Promise<Answer | "busy" | "absent"> {
  if (!URL.canParse("/poll", url)) throw new CtlError("The address of npm start is not a URL.", 2);
  const { protocol, hostname } = new URL(url);
  const isLoopback = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(hostname);
  if (protocol !== "https:" && !(protocol === "http:" && isLoopback)) {
    throw new CtlError("The address of npm start must be https, or http on this machine.", 2);
  }
  const headers = new Headers({ "content-type": "application/json" });
  if (key !== undefined) headers.set("authorization", `Bearer ${key}`);
  return async (payload) => {
    const response = await post(new URL("/poll", url), headers, JSON.stringify(payload));
    if (!response) return "absent";
    return response.status === 429 ? "busy" : readAnswer(response);
  };
}

/** @returns undefined if nothing listens there */
async function post(url: URL, headers: Headers, body: string): Promise<Response | undefined> {
  const signal = AbortSignal.timeout(LIMIT_MS);
  try {
    return await fetch(url, { method: "POST", headers, body, signal });
  } catch (error) {
    const { cause } = error as { readonly cause?: { readonly code?: unknown } };
    if (cause?.code === "ECONNREFUSED") return undefined;
    throw new CtlError("npm start did not answer. Look at what it prints.");
  }
}

async function readAnswer(response: Response): Promise<Answer> {
  const { status } = response;
  if (status === 401) {
    throw new CtlError(
      "npm start requires its API key. Run ctl in its folder. Or give --key, or set WABA_CTL_KEY.",
    );
  }
  const body: unknown = await response.json().catch(() => undefined);
  const answer = typeof body === "object" && body !== null ? (body as Answer) : undefined;
  if (answer && (response.ok || "errorType" in answer || "error" in answer)) return answer;
  if (typeof answer?.code === "string") {
    throw new CtlError(`npm start refused the command (${printable(answer.code)}).`);
  }
  throw new CtlError(
    `What listens there does not answer as npm start does (HTTP ${status}). Give npm start's --url.`,
  );
}
