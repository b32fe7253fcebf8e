import { createHash } from "node:crypto";
import type { CustomerRead } from "./customer-read.ts";
import type { NumberUpdate } from "./number-update.ts";

/**
 * Gives the events of one cause one id: several events of one number, and one tier that moves on all
 * of a customer's numbers at once, because it belongs to the business portfolio.
 */
export function withGroups(
  read: CustomerRead,
  updates: readonly NumberUpdate[],
): readonly NumberUpdate[] {
  const seed = [read.source, read.customer, read.row.seq];
  const isShared = isTierShared(read, updates);
  return updates.map((update) => {
    const { phoneNumber, drafts } = update;
    const ofCustomer = isShared && tierChange(update) ? seed : undefined;
    const groupSeed = ofCustomer ?? (drafts.length > 1 ? [...seed, phoneNumber] : undefined);
    if (!groupSeed) return update;
    const groupId = groupIdOf(groupSeed);
    return { ...update, drafts: drafts.map((draft) => ({ ...draft, groupId })) };
  });
}

function isTierShared({ row }: CustomerRead, updates: readonly NumberUpdate[]): boolean {
  const tiers = updates.flatMap((update) => tierChange(update) ?? []);
  const [first] = tiers;
  const present = Object.values(row.numbers).filter((state) => !state.missingSince);
  return (
    first !== undefined &&
    tiers.length >= 2 &&
    tiers.length === present.length &&
    tiers.every(({ from, to }) => from === first.from && to === first.to)
  );
}

function tierChange({ drafts }: NumberUpdate) {
  return drafts
    .flatMap(({ changes }) => changes)
    .find(({ field }) => field === "messagingLimitTier");
}

function groupIdOf(seed: readonly (string | number)[]): string {
  const digest = createHash("sha256").update(JSON.stringify(seed)).digest("base64url");
  return `grp_${digest.slice(0, 22)}`;
}
