import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { SEED } from "./support/seed.ts";

/** What needs more than this process (test/README.md), such as a browser, a CLI or a database. */
const SYSTEM_TESTS = ["test/**/*.system.test.ts"];

export default defineConfig({
  test: {
    root: fileURLToPath(new URL("..", import.meta.url)),
    // Vitest would leave one core idle, which is half of a machine with two.
    maxWorkers: "100%",
    restoreMocks: true,
    unstubEnvs: true,
    // Files in random order would now and then leave the longest for the end, on one core.
    sequence: { shuffle: { files: false, tests: true }, seed: SEED },
    setupFiles: ["test/support/replaced-packages.ts", "test/support/no-network.ts"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: SYSTEM_TESTS,
          // Files share the modules of their process: loading them again would take half of the time.
          isolate: false,
        },
      },
      {
        extends: true,
        // Programs start slowly on a busy machine.
        test: {
          name: "system",
          include: SYSTEM_TESTS,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
