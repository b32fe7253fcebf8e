import "./real-packages.ts";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { findKeys } from "../../../shared/deploy/clients.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), "waba-home-"));
  vi.stubEnv("HOME", home);
});
afterEach(() => rm(home, { recursive: true }));

const problemOf = async (environment: Record<string, string>) => {
  const found = await findKeys(environment);
  return "problem" in found ? found.problem : "none";
};

describe("findKeys", () => {
  it("takes the variables first, with the token of temporary credentials", async () => {
    const keys = { ALIBABA_CLOUD_ACCESS_KEY_ID: "id", ALIBABA_CLOUD_ACCESS_KEY_SECRET: "secret" };
    expect(await findKeys(keys)).toEqual({
      keys: { accessKeyId: "id", accessKeySecret: "secret", securityToken: undefined },
    });
    expect(await findKeys({ ...keys, ALIBABA_CLOUD_SECURITY_TOKEN: "token" })).toEqual({
      keys: { accessKeyId: "id", accessKeySecret: "secret", securityToken: "token" },
    });
  });

  it("names the half that is missing", async () => {
    expect(await problemOf({ ALIBABA_CLOUD_ACCESS_KEY_ID: "id" })).toBe(
      "ALIBABA_CLOUD_ACCESS_KEY_SECRET  is not set, but its other half is. Run: export ALIBABA_CLOUD_ACCESS_KEY_SECRET=…",
    );
  });

  it("asks no metadata address when nothing is set", async () => {
    const request = vi.spyOn(http, "request");
    expect(await problemOf({})).toContain("ALIBABA_CLOUD_ACCESS_KEY_ID  is not set");
    expect(request).not.toHaveBeenCalled();
  });

  it("says which source gave none, and nothing that it holds", async () => {
    const file = path.join(home, "token");
    await writeFile(file, "an-oidc-token");
    const server = http.createServer((_, response) => response.writeHead(403).end("an-oidc-token"));
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const { port } = server.address() as AddressInfo;
    vi.stubEnv("ALIBABA_CLOUD_OIDC_TOKEN_FILE", file);
    vi.stubEnv("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/ci");
    vi.stubEnv("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/deployer");
    vi.stubEnv("HTTPS_PROXY", `http://127.0.0.1:${port}`);
    const problem = await problemOf({
      ALIBABA_CLOUD_OIDC_TOKEN_FILE: file,
      ALIBABA_CLOUD_ROLE_ARN: "acs:ram::1:role/deployer",
    });
    server.close();
    expect(problem).toBe(
      "No credentials came from ALIBABA_CLOUD_OIDC_TOKEN_FILE. Run: aliyun sts GetCallerIdentity",
    );
  });
});
