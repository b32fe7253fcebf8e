import { beforeAll, onTestFinished } from "vitest";
import { type Connect, type Rig, type RigOptions, startRig } from "./client-rig.ts";

/** A deadline in ms that a test's clock reaches only if the test moves it there. */
export const IN_TIME = { deadlineAt: 60_000 };

/**
 * Loads one of the variants before a suite's first test. Gives a function that starts a rig, which
 * closes at the end of the test.
 */
export function prepareClient(
  load: () => Promise<Connect>,
): (options?: RigOptions) => Promise<Rig> {
  let create: Connect;
  beforeAll(async () => {
    create = await load();
  });
  return async (options) => {
    const rig = await startRig(create, options);
    onTestFinished(() => rig.close());
    return rig;
  };
}
