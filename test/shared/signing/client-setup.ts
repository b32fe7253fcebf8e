import { beforeAll, onTestFinished } from "vitest";
import { type Connect, type Rig, type RigOptions, startRig } from "./client-rig.ts";

/** A deadline that no test's clock comes near unless it is told to, in ms. */
export const IN_TIME = { deadlineAt: 60_000 };

/**
 * For a suite over one of the variants: loads it before the first test, and gives what starts a rig
 * that is closed with the test that started it.
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
