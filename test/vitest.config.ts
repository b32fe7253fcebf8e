import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: fileURLToPath(new URL("..", import.meta.url)),
    include: ["test/**/*.test.ts"],
    exclude: ["test/bench/**"],
    // Vitest would leave a core idle; on two cores that is half of the machine.
    maxWorkers: "100%",
    restoreMocks: true,
    unstubEnvs: true,
    // Files in random order would now and then leave the longest for the end, on one core.
    sequence: { shuffle: { files: false, tests: true } },
    setupFiles: ["test/support/replaced-packages.ts", "test/support/no-network.ts"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
