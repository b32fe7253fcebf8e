import { byId, find, make, setText } from "./dom.ts";
import type { Model } from "./model.ts";
import { type AddAnswer, add, press } from "./requests.ts";

type Issue = { readonly path: string; readonly message: string };

/** Made-up numbers, each another one, so that adding takes one press. */
const FIRST_NUMBER = 15112345678;
const FIELDS = ["custSpaceId", "cc", "phoneNumber", "verifiedName"];
const NAMES = ["Acme", "Bäckerei Adler", "Corner Café", "Delta Travel", "Eau Claire"];

/** The two forms. `show` is called with each state; `addNext` adds the number that is suggested. */
export function createForms() {
  const form = byId<HTMLFormElement>("add");
  const watch = byId<HTMLFormElement>("watch");
  const input = (name: string) => find<HTMLInputElement>(form, `[name=${name}]`);
  let model: Model | undefined;
  let run: string | undefined;
  let isSending = false;
  /** What was added here may not be on the page yet. */
  const added = new Set<string>();

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
  watch.addEventListener("submit", (event) => {
    event.preventDefault();
    void submitCustomer();
  });

  async function submit(): Promise<boolean> {
    if (isSending || !model?.apiKey) return false;
    isSending = true;
    const button = find(form, "button");
    button.ariaDisabled = "true";
    const read = () => Object.fromEntries(FIELDS.map((name) => [name, input(name).value]));
    const given = read();
    const answer = await add(given, model.apiKey);
    isSending = false;
    button.ariaDisabled = null;
    showAnswer(answer);
    if (answer.status !== 201) byId<HTMLDetailsElement>("adder").open = true;
    const isAdded = answer.status === 201;
    if (isAdded) {
      added.add(String(answer.body.phoneNumber));
      // What was typed meanwhile is kept.
      if (JSON.stringify(read()) === JSON.stringify(given)) suggest();
    }
    return isAdded;
  }

  async function submitCustomer(): Promise<void> {
    const field = find<HTMLInputElement>(watch, "input");
    const custSpaceId = field.value.trim();
    const button = find(watch, "button");
    if (!(await press(button, byId("watch-error"), "customer", { custSpaceId }))) {
      field.focus();
      return;
    }
    if (model?.apiKey) input("custSpaceId").value = custSpaceId;
    field.value = "";
    showText("good", `${custSpaceId} is there and watched.`);
  }

  function showAnswer({ status, body }: AddAnswer): void {
    const issues = (Array.isArray(body.issues) ? body.issues : []) as Issue[];
    let first: HTMLInputElement | undefined;
    for (const place of form.querySelectorAll<HTMLElement>("[data-issue]")) {
      const name = place.dataset.issue ?? "";
      const issue = issues.find(({ path }) => path === name);
      setText(place, issue?.message ?? "");
      input(name).ariaInvalid = issue ? "true" : "false";
      if (issue) first ??= input(name);
    }
    first?.focus();
    const isAdded = status === 201;
    const { title, detail, upstreamCode } = body;
    const said = isAdded
      ? `Added ${String(body.phoneNumber)}: ${String(body.outcome)}.`
      : [title, detail, upstreamCode].filter((part) => typeof part === "string").join(": ");
    showText(isAdded ? "good" : "critical", said, status, body);
  }

  function suggest(): void {
    const listed = [...(model?.customers.values() ?? [])].flatMap(({ numbers }) => numbers);
    const taken = new Set([...added, ...listed.map(({ key }) => key)]);
    let next = FIRST_NUMBER;
    while (taken.has(`49${next}`)) next += 1111;
    input("cc").value = "49";
    input("phoneNumber").value = String(next);
    input("verifiedName").value = NAMES[taken.size % NAMES.length] ?? "Acme";
  }

  return {
    show(next: Model) {
      model = next;
      form.hidden = next.apiKey === null;
      const list = byId("customers");
      const ids = [...next.customers.keys()].slice(0, 100);
      if (list.children.length !== ids.length) {
        list.replaceChildren(...ids.map((value) => make("option", { value })));
      }
      if (next.run === run) return;
      run = next.run;
      added.clear();
      if (!next.apiKey) return;
      input("custSpaceId").value = ids[0] ?? "";
      suggest();
    },
    addNext: submit,
  };
}

/** What came of it, and the answer itself for who wants to see it. */
function showText(level: string, text: string, status?: number, body?: object): void {
  const lines = make("p", { "data-level": level }, text);
  const raw =
    status === undefined || status === 0
      ? []
      : [
          make(
            "details",
            {},
            make("summary", {}, `The answer: HTTP ${status}`),
            make("pre", { tabindex: "0" }, JSON.stringify(body, undefined, 2)),
          ),
        ];
  byId("answer").replaceChildren(lines, ...raw);
}
