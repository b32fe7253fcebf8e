import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { environmentSchema } from "../../../shared/config.ts";

describe(".npmrc", () => {
  it("lets no package run a script while it is installed", async () => {
    const settings = await readFile(new URL("../../../.npmrc", import.meta.url), "utf8");
    expect(settings.split("\n")).toContain("ignore-scripts=true");
  });
});

describe("serverless.yml", () => {
  it("passes on every variable that the functions read, but for credentials and DEBUG", async () => {
    const yaml = await readFile(new URL("../../../serverless.yml", import.meta.url), "utf8");
    const missing = Object.keys(environmentSchema.shape).filter(
      (name) => !new RegExp(`^ +${name}: \\$\\{`, "m").test(yaml),
    );
    expect(missing).toEqual([
      "ALIBABA_CLOUD_ACCESS_KEY_ID",
      "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
      "ALIBABA_CLOUD_SECURITY_TOKEN",
      "ALIBABA_CLOUD_ACCOUNT_ID",
      "DEBUG",
    ]);
  });
});
