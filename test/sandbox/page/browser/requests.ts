import { setText } from "./dom.ts";

/** Presses a control of the server. @throws an Error with a sentence for the reader */
export async function post(control: string, body: unknown): Promise<unknown> {
  const response = await fetch(`/page/${control}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  }).catch(() => undefined);
  if (!response) throw new Error("npm start does not answer.");
  const answer: unknown = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const { error } = answer as { readonly error?: unknown };
  throw new Error(typeof error === "string" ? error : `HTTP ${response.status}`);
}

/**
 * Presses a control and shows near it what went wrong, if anything did. A second press waits for
 * the first: `busy` says so without taking the focus from the button.
 */
export async function press(
  button: HTMLElement,
  trouble: HTMLElement,
  control: string,
  body: unknown,
): Promise<boolean> {
  return perform(button, trouble, () => post(control, body));
}

/** The same for any work. */
export async function perform(
  button: HTMLElement,
  trouble: HTMLElement,
  work: () => Promise<unknown>,
): Promise<boolean> {
  if (button.ariaBusy === "true") return false;
  button.ariaBusy = "true";
  try {
    await work();
    setText(trouble, "");
    return true;
  } catch (error) {
    setText(trouble, error instanceof Error ? error.message : String(error));
    return false;
  } finally {
    button.ariaBusy = "false";
  }
}

export type AddAnswer = {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
};

/** The function add itself, with the sandbox's key. */
export async function add(form: object, apiKey: string): Promise<AddAnswer> {
  const response = await fetch("/add", {
    method: "POST",
    headers: {
      authorization: `Bearer ${apiKey}`,
      "content-type": "application/json",
      "idempotency-key": crypto.randomUUID(),
    },
    body: JSON.stringify(form),
  }).catch(() => undefined);
  if (!response) return { status: 0, body: { detail: "npm start does not answer." } };
  const body: unknown = await response.json().catch(() => ({}));
  return { status: response.status, body: body as AddAnswer["body"] };
}
