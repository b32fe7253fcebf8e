import type { Stack } from "../stack.ts";
import { HEALTHS } from "./number-actions.ts";

const IN_SERVICE = {
  Status: "CONNECTED",
  CodeVerificationStatus: "VERIFIED",
  NameStatus: "APPROVED",
  QualityRating: "GREEN",
  MessagingLimitTier: "TIER_1K",
};
const CUSTOMERS = ["cust-space-1", "cust-space-2"];

/** What a page can look like: each leads a new stack there, without its timer. */
export const PAGE_STATES = {
  /** Nothing is known, and the first steps are open. */
  async "first-start"() {},
  healthy,
  trouble,
  backlog,
  /** The page loses its stack after this. */
  lost: trouble,
} as const satisfies Readonly<Record<string, (stack: Stack) => Promise<void>>>;

export type PageStateName = keyof typeof PAGE_STATES;

function controlOf({ upstream }: Stack) {
  if (!upstream) throw new Error("the states are those of the simulated upstream");
  return upstream.control;
}

/** Two customers in service, and the events that led there. */
async function healthy(stack: Stack): Promise<void> {
  const control = controlOf(stack);
  control.addCustomer("cust-space-1", [
    { PhoneNumber: "4915112345678", VerifiedName: "Bäckerei Adler", ...IN_SERVICE },
    { PhoneNumber: "4915112346789", VerifiedName: "Corner Café", ...IN_SERVICE },
    { PhoneNumber: "4915112347900", VerifiedName: "Delta Travel" },
  ]);
  control.addCustomer("cust-space-2", [
    { PhoneNumber: "6591234567", VerifiedName: "Harbour Dental", ...IN_SERVICE },
    { PhoneNumber: "6591238901", VerifiedName: "Lion Tuition", ...IN_SERVICE },
  ]);
  await stack.functions.poll(JSON.stringify({ command: "watch", custSpaceIds: CUSTOMERS }));
  await stack.timer.runNow();
  control.connect("cust-space-1", "4915112347900");
  control.reviewName("cust-space-1", "4915112347900", "APPROVED");
  control.setNumber("cust-space-2", "6591234567", { MessagingLimitTier: "TIER_10K" });
  await stack.timer.runNow();
}

/**
 * Numbers of every level, an event that needed three attempts, a change that poll has not seen, and,
 * with WATCH_HEALTH, a number that is connected and cannot send.
 */
async function trouble(stack: Stack): Promise<void> {
  const control = controlOf(stack);
  await healthy(stack);
  control.setNumber("cust-space-2", "6591238901", { QualityRating: "YELLOW" });
  control.setHealth("cust-space-2", "6591234567", HEALTHS.BLOCKED);
  stack.receiver?.behave({ status: 503, times: 2 });
  await stack.timer.runNow();
  control.setNumber("cust-space-1", "4915112345678", { QualityRating: "RED" });
  control.setNumber("cust-space-1", "4915112349011", { VerifiedName: "Eau Claire" });
  await stack.timer.runNow();
  control.setNumber("cust-space-1", "4915112346789", { Status: "BANNED" });
}

/** The receiver is down and its circuit breaker open; events wait. */
async function backlog(stack: Stack): Promise<void> {
  const control = controlOf(stack);
  await healthy(stack);
  const ids = ["cust-space-3", "cust-space-4", "cust-space-5"];
  for (const id of ids) control.addCustomer(id, [{ PhoneNumber: `49152${id.at(-1)}0000001` }]);
  await stack.functions.poll(JSON.stringify({ command: "watch", custSpaceIds: ids }));
  await stack.timer.runNow();
  stack.receiver?.behave({ status: 503 });
  for (const id of ids) control.connect(id, `49152${id.at(-1)}0000001`);
  control.setNumber("cust-space-1", "4915112345678", { QualityRating: "RED" });
  control.setNumber("cust-space-2", "6591234567", { Status: "FLAGGED" });
  // It ends when everything is delivered, or much later.
  void stack.timer.runNow();
  const isOpen = async () => {
    const { receiver } = await stack.functions.poll('{"command":"status"}');
    return (receiver as { readonly state?: string }).state === "open";
  };
  for (let tries = 0; tries < 100 && !(await isOpen()); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
