import type { NumberView } from "../state.ts";
import { byId, find, setAttribute, setText } from "./dom.ts";
import type { Model } from "./model.ts";
import { press } from "./requests.ts";

/** The first three steps, until they are done. */
export function createGuide(addNext: () => Promise<boolean>) {
  const root = byId("guide");
  const trouble = find(root, "[data-error=guide]");
  const item = (step: string) => find(root, `[data-step=${step}]`);
  let model: Model | undefined;
  let run: string | undefined;
  let isOver = false;

  find(item("add"), "button").addEventListener("click", async () => {
    setText(trouble, (await addNext()) ? "" : "That did not work. The form below says why.");
  });
  find(item("connect"), "button").addEventListener("click", ({ currentTarget }) => {
    change(currentTarget as HTMLElement, firstNumber(model), "connect");
  });
  find(item("drop"), "button").addEventListener("click", ({ currentTarget }) => {
    change(currentTarget as HTMLElement, connected(model), "quality:RED");
  });

  function change(button: HTMLElement, target: Target | undefined, action: string): void {
    if (!target || button.ariaDisabled === "true") return;
    const body = { custSpaceId: target.customer, phoneNumber: target.number.key, action };
    void press(button, trouble, "number", body);
  }

  return {
    show(next: Model) {
      model = next;
      const steps = stepsOf(next);
      const isFinished = steps.every(({ state }) => state === "done");
      if (next.run !== run) isOver = isFinished;
      run = next.run;
      root.hidden = isOver || next.apiKey === null;
      for (const [index, { name, state, text }] of steps.entries()) {
        setAttribute(item(name), "data-state", state);
        setText(find(item(name), ".mark"), state === "done" ? "✓" : String(index + 1));
        setText(find(item(name), "p"), text);
        const button = find(item(name), "button");
        setAttribute(button, "aria-disabled", state === "now" ? undefined : "true");
        // The button of a step that is done is not seen any more: the focus goes on to the next.
        const after = steps[index + 1];
        if (state === "done" && document.activeElement === button) {
          (after ? find(item(after.name), "button") : byId("receiver-switch")).focus();
        }
      }
    },
  };
}

type Step = {
  readonly name: string;
  /** `waiting`: done upstream, and poll has not seen it yet. */
  readonly state: "done" | "waiting" | "now" | "later";
  readonly text: string;
};

const WAITING = "Done; poll sees it with its next run.";

/** A step is open only when poll has seen the one before: what it never saw, it cannot tell. */
function stepsOf(model: Model): Step[] {
  const first = firstNumber(model);
  const isConnected = connected(model) !== undefined;
  const isDropped = numbersOf(model).some(({ number }) => nowOf(number, "qualityRating") === "RED");
  const isAddSeen = numbersOf(model).some(({ number }) => number.isKnown);
  const isConnectSeen = isConnected && numbersOf(model).some(isSeenConnected);
  const stateOf = (isOpen: boolean, isDone: boolean, isSeen: boolean): Step["state"] => {
    if (isSeen) return "done";
    if (isDone) return "waiting";
    return isOpen ? "now" : "later";
  };
  const add = stateOf(true, first !== undefined, isAddSeen);
  const connect = stateOf(isAddSeen, isConnected, isConnectSeen);
  const drop = stateOf(isConnectSeen, isDropped && isConnectSeen, hasDropped(model));
  const word = (state: Step["state"], text: string, done: string) =>
    state === "waiting" ? WAITING : state === "done" ? done : text;
  return [
    {
      name: "add",
      state: add,
      text: word(add, "One call of the function add.", "poll has read it: the baseline."),
    },
    {
      name: "connect",
      state: connect,
      text: word(connect, "As a person does with the code.", "poll has seen it: an event."),
    },
    {
      name: "drop",
      state: drop,
      text: word(drop, "And see the signed event.", "Next: switch the receiver off and on."),
    },
  ];
}

type Target = { readonly customer: string; readonly number: NumberView };

function numbersOf(model: Model | undefined): Target[] {
  return [...(model?.customers.values() ?? [])].flatMap(({ id, numbers }) =>
    numbers.map((number) => ({ customer: id, number })),
  );
}

function firstNumber(model: Model | undefined): Target | undefined {
  return numbersOf(model)[0];
}

function nowOf({ fields }: NumberView, wanted: string): string | null {
  return fields.find(({ name }) => name === wanted)?.now ?? null;
}

function connected(model: Model | undefined): Target | undefined {
  return numbersOf(model).find(({ number }) => nowOf(number, "status") === "CONNECTED");
}

function isSeenConnected({ number }: Target): boolean {
  return number.fields.some(({ name, known }) => name === "status" && known === "CONNECTED");
}

function hasDropped({ events }: Model): boolean {
  return events.some(({ changes }) =>
    changes.some(({ field, direction }) => field === "qualityRating" && direction === "worse"),
  );
}
