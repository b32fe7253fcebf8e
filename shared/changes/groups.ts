import { createHash } from "node:crypto";
import type { CustomerRead } from "./customer-read.ts";
import type { NumberUpdate } from "./number-update.ts";

/**
 * Gives the events of one cause one id. The tier belongs to the business portfolio, so one change
 * moves it on all of a customer's numbers at once.
 */
export function withGroups(
  read: CustomerRead,
  updates: readonly NumberUpdate[],
): readonly NumberUpdate[] {
  const tiers = updates.flatMap((update) => tierChange(update) ?? []);
  const [first] = tiers;
  const present = Object.values(read.row.numbers).filter((state) => !state.missingSince);
  const isShared =
    first !== undefined &&
    tiers.length >= 2 &&
    tiers.length === present.length &&
    tiers.every(({ from, to }) => from === first.from && to === first.to);
  if (!isShared) return updates;
  const groupId = groupIdOf([read.source, read.customer, read.row.seq]);
  return updates.map((update) =>
    update.draft && tierChange(update)
      ? { ...update, draft: { ...update.draft, groupId } }
      : update,
  );
}

function tierChange({ draft }: NumberUpdate) {
  return draft?.changes.find(({ field }) => field === "messagingLimitTier");
}

function groupIdOf(seed: readonly (string | number)[]): string {
  const digest = createHash("sha256").update(JSON.stringify(seed)).digest("base64url");
  return `grp_${digest.slice(0, 22)}`;
}
