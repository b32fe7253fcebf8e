import { expect, it } from "vitest";
import { SEED } from "../../support/seed.ts";
import { fuzzAnswers } from "./answers-fuzz.ts";

// FUZZ_ANSWERS=100000 makes the long check of it.
const ANSWERS = Number(process.env.FUZZ_ANSWERS ?? 3_000);
const PER_CUSTOMER = 500;

it("for mutated answers, events start from what the receiver knows, fit their schemas, report neither absence nor respelling, and each milestone once", () => {
  const seeds = Array.from({ length: Math.ceil(ANSWERS / PER_CUSTOMER) }, (_, n) => SEED + n);
  const wrong = seeds.flatMap((seed) =>
    fuzzAnswers(seed, PER_CUSTOMER).map((problem) => `seed ${seed}: ${problem}`),
  );
  expect(wrong).toEqual([]);
}, 600_000);
