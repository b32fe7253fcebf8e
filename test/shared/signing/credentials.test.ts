import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadConfig } from "../../../shared/config.ts";
import { createDeps } from "../../../shared/deps.ts";
import { CredentialsError } from "../../../shared/errors.ts";
import { QUERY } from "../../../shared/functions.js";
import { Secret } from "../../../shared/secret.ts";
import { invocationCredentials } from "../../../shared/signing/credentials.ts";
import { type SandboxUpstream, startUpstream } from "../../sandbox/upstream.ts";
import { fcContext } from "../../support/fc-events.ts";
import { sentParams } from "./client-rig.ts";

const fromEnvironment = { accessKeyId: "env-id", accessKeySecret: new Secret("env-secret") };

describe("invocationCredentials", () => {
  it("prefers the role's credentials in the context to those of the environment", () => {
    const credentials = invocationCredentials(fcContext(), fromEnvironment);

    expect(credentials.accessKeyId).toBe("STS.exampleAccessKeyId");
    expect(credentials.accessKeySecret.reveal()).toBe("exampleAccessKeySecret");
    expect(credentials.securityToken?.reveal()).toBe("exampleSecurityToken");
  });

  it.each([
    undefined,
    null,
    {},
    { credentials: {} },
    { credentials: null },
    { credentials: { accessKeyId: "", accessKeySecret: "", securityToken: "" } },
    { credentials: { accessKeyId: "id", accessKeySecret: "" } },
    { credentials: { accessKeySecret: "secret" } },
    { credentials: { accessKeyId: 1, accessKeySecret: 2 } },
  ])(
    "takes the environment's when the context is %j, and refuses when there are none",
    (context) => {
      expect(invocationCredentials(context, fromEnvironment)).toBe(fromEnvironment);
      expect(() => invocationCredentials(context, undefined)).toThrow(CredentialsError);
    },
  );

  it.each(["", null, undefined])("treats a token of %j as absent", (securityToken) => {
    const context = { credentials: { accessKeyId: "id", accessKeySecret: "s", securityToken } };
    const credentials = invocationCredentials(context, fromEnvironment);
    expect(credentials.accessKeyId).toBe("id");
    expect(credentials.securityToken).toBeUndefined();
  });

  it("gives credentials that cannot be printed", () => {
    const credentials = invocationCredentials(fcContext(), undefined);
    const text =
      inspect(credentials, { depth: 10, showHidden: true }) + JSON.stringify(credentials);
    expect(text).not.toMatch(/exampleAccessKeySecret|exampleSecurityToken/);
  });
});

describe("the upstream of an invocation", () => {
  let sandbox: SandboxUpstream;
  beforeEach(async () => {
    const known = (accessKeyId: string) => ({
      accessKeyId,
      accessKeySecret: "exampleAccessKeySecret",
      securityToken: "exampleSecurityToken",
    });
    sandbox = await startUpstream({
      credentials: [
        known("STS.exampleAccessKeyId"),
        known("STS.rotated"),
        { accessKeyId: "env-id", accessKeySecret: "env-secret" },
      ],
      qps: 1_000,
    });
  });
  afterEach(() => sandbox.close());

  const deps = (more: Record<string, string> = {}) =>
    createDeps(
      loadConfig(
        { CAMS_ENDPOINT: sandbox.url, API_KEYS: `crm:${"ab".repeat(12)}`, ...more },
        QUERY,
      ),
    );
  const environment = {
    ALIBABA_CLOUD_ACCESS_KEY_ID: "env-id",
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: "env-secret",
  };
  const soon = () => ({ deadlineAt: performance.now() + 5_000 });
  const sent = () => sandbox.control.calls().map((call) => sentParams(call.rawBody));

  it("signs with each context's own credentials, else with the environment's", async () => {
    const { upstreamFor } = deps(environment);
    const { credentials } = fcContext();

    await upstreamFor(fcContext()).query({}, soon());
    await upstreamFor({ credentials: { ...credentials, accessKeyId: "STS.rotated" } }).query(
      {},
      soon(),
    );
    await upstreamFor({ credentials: {} }).query({}, soon());

    expect(sandbox.control.calls().map((call) => call.code)).toEqual(["OK", "OK", "OK"]);
    expect(sent().map((params) => [params.AccessKeyId, params.SecurityToken])).toEqual([
      ["STS.exampleAccessKeyId", "exampleSecurityToken"],
      ["STS.rotated", "exampleSecurityToken"],
      ["env-id", undefined],
    ]);
  });

  it("keeps its client while the credentials stay the same", () => {
    const { clientFor } = deps(environment);
    const { credentials } = fcContext();
    const client = clientFor(fcContext());
    expect(clientFor(fcContext())).toBe(client);
    for (const changed of [
      { accessKeyId: "STS.rotated" },
      { accessKeySecret: "rotated" },
      { securityToken: "rotated" },
      { securityToken: undefined },
    ]) {
      expect(clientFor({ credentials: { ...credentials, ...changed } })).not.toBe(client);
    }
  });

  it("throws without credentials, and sends nothing", () => {
    const { upstreamFor } = deps();
    expect(() => upstreamFor({ credentials: {} })).toThrow(CredentialsError);
    expect(sandbox.control.calls()).toEqual([]);
  });

  it("gives each of 200 requests its own nonce of 32 hexadecimal digits", async () => {
    const { upstreamFor } = deps();
    for (let n = 0; n < 4; n += 1) {
      const upstream = upstreamFor(fcContext());
      await Promise.all(Array.from({ length: 50 }, () => upstream.query({}, soon())));
    }

    const nonces = sent().map((params) => params.SignatureNonce);
    expect(new Set(nonces).size).toBe(200);
    for (const nonce of nonces) expect(nonce).toMatch(/^[0-9a-f]{32}$/);
  });
});
