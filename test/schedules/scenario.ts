import { BLACKOUTS, type Manner, ODD_MANNERS } from "./odd-customers.ts";
import type { Random } from "./scheduler.ts";

/** Customers that are always read well once all is calm, and whose numbers change. */
export const ORDINARY = ["a", "b"];
/** Before, between and behind the ordinary ones. */
const ODD_NAMES = ["0", "ab", "c"];
/** More than a run may call without a store (`MAX_BLIND_CALLS`). */
const CROWD = 30;

/** When every schedule begins, on the right clock. */
export const START_MS = 1_800_000_000_000;
/** A run that an account's refusal stops has passed at least some of the refused neighbours. */
const REFUSED_PATIENCE = 6;
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

/** Shares of the schedules, and of the pollers, operations or customers in them. */
const SHARES = {
  forgetful: 0.2,
  jumping: 0.2,
  jumpingPollers: 0.5,
  commonLease: 0.2,
  failingStore: 0.12,
  failingOperations: 0.015,
  odd: 0.25,
  crowd: 0.01,
  oddInCrowd: 0.3,
  refusedCrowd: 0.5,
  oddInRefused: 0.8,
  blackout: 0.06,
  firstEdition: 0.15,
  warm: 0.3,
  longGaps: 0.5,
  yearAhead: 0.2,
  deadEnd: 0.3,
};

/** What is special about one schedule. */
export function drawScenario(random: Random) {
  const isOne = (share: number) => random() < share;
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)] as T;
  const isForgetful = isOne(SHARES.forgetful);
  const isJumping = !isForgetful && isOne(SHARES.jumping);
  const odd = new Map<string, Manner>();
  const isOdd = isOne(SHARES.odd);
  if (isOdd) {
    for (const name of ODD_NAMES) if (isOne(0.5)) odd.set(name, pick(ODD_MANNERS));
  }
  // A neighbour that is silent holds every run up, which a crowd would multiply.
  const crowd = isOne(SHARES.crowd) ? Array.from({ length: CROWD }, (_, i) => `a${100 + i}`) : [];
  // In some crowds all odd ones are refused as if the account were.
  const isRefused = isOne(SHARES.refusedCrowd) && crowd.length > 0;
  const ofCrowd = ODD_MANNERS.filter(({ isSilent, outcome }) =>
    isRefused ? outcome === "account" : !isSilent,
  );
  const share = isRefused ? SHARES.oddInRefused : SHARES.oddInCrowd;
  for (const name of crowd) if (isOne(share)) odd.set(name, pick(ofCrowd));
  // Two prove that the account is refused, and end a run before some others.
  const refusals = [...odd.values()].filter(({ outcome }) => outcome === "account").length;
  return {
    /** The store forgets writes. */
    isForgetful,
    /** The share of pollers whose clock is wrong by hours. */
    jumpingShare: isJumping ? SHARES.jumpingPollers : 0,
    odd,
    hasCrowd: crowd.length > 0,
    /** Customers whose numbers never change. */
    quiet: [...new Set([...odd.keys(), ...crowd])],
    /**
     * One lease, as real runs have. Otherwise each poller has one, so that all read at once. A run
     * that an account's refusal stops leaves in the lease where the next one goes on.
     */
    hasCommonLease: isRefused || isOne(SHARES.commonLease),
    /** So many calm runs may pass without a good read of an ordinary customer. */
    patience: isRefused ? REFUSED_PATIENCE : refusals > 1 ? 1 : 0,
    /** The share of the store's operations that fail in a storm, which has times without a store. */
    failingShare: isOne(SHARES.failingStore) || crowd.length > 0 ? SHARES.failingOperations : 0,
    /** How the upstream answers everyone for more than half an hour. */
    blackout: isOne(SHARES.blackout) ? pick(BLACKOUTS) : undefined,
    /** The rows at the beginning are those of the first edition. */
    isFirstEdition: isOne(SHARES.firstEdition),
    /** An instance takes several runs, and remembers the earlier ones. */
    hasWarmInstances: isOne(SHARES.warm),
    /** Calm runs are eleven minutes apart, not one. */
    hasLongGaps: odd.size > 0 || isJumping || isOne(SHARES.longGaps),
    /** From three hours behind to six hours ahead, or a year ahead. */
    drawJump(): number {
      if (!isJumping || !isOne(SHARES.jumpingPollers)) return 0;
      return isOne(SHARES.yearAhead) ? YEAR_MS : (random() * 9 - 3) * HOUR_MS;
    },
    /** Nobody lives on from the storm, so that leases stay and what was in flight is open. */
    endsInDeath: isOne(SHARES.deadEnd),
  };
}
