import { readdirSync, readFileSync } from "node:fs";
import { ROOT } from "./pages.ts";

/** The code of the functions and of what they share, without the deployment's. */
export function sources(): string[] {
  return ["functions", "shared"].flatMap((folder) =>
    readdirSync(new URL(folder, ROOT), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !file.startsWith("deploy"))
      .map((file) => readFileSync(new URL(`${folder}/${file}`, ROOT), "utf8")),
  );
}
